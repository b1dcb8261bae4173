"""Decisions of a real manifest in a real audit log, with the snapshots that they were made on."""

import asyncio
import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from acs_sidecar.audit.format.entry import decision_entry, refusal_entry
from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.audit.log.keys import AuditKey
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.cli.manifests import known_manifests
from acs_sidecar.decision.request import EvaluateRequest
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import nesting_bound
from acs_sidecar.trials.decide import decide
from tests.approval.desk import SNAPSHOT, manifest
from tests.audit.log.logs import KEY, OTHER_KEY, all_records, settings, with_log

__all__ = ["Recorded", "payment", "private_pem", "public_pem", "recorded", "write_manifest"]


def payment(amount: int = 50, trust: int | None = 800, **envelope: Any) -> dict[str, Any]:
    """Return the snapshot of a payment; over 100 it escalates."""
    snapshot = copy.deepcopy(SNAPSHOT)
    snapshot["tool_call"]["args"]["amount"] = amount
    if trust is not None:
        snapshot["envelope"]["agent"]["trust_score"] = trust
    snapshot["envelope"] |= envelope
    return snapshot


def write_manifest(folder: Path, **members: Any) -> Path:
    """Write a manifest that escalates large payments, in a folder of its own."""
    place = folder / "payments"
    place.mkdir(parents=True)
    (place / "manifest.json").write_text(json.dumps(manifest(**members)))
    return folder


@dataclass(frozen=True)
class Recorded:
    """A folder with `audit`, `manifests` and `key.pem`."""

    folder: Path

    def records(self) -> list[dict[str, Any]]:
        """Return the records of decisions and approvals."""
        return [one for one in all_records(self.folder / "audit") if "decision" in one]

    def snapshot(self, value: Any, name: str = "snapshot.json") -> str:
        """Write a snapshot; give its path."""
        path = self.folder / name
        path.write_text(json.dumps(value))
        return str(path)


def recorded(
    folder: Path, snapshots: Iterable[dict[str, Any]], caller: str | None = "host", **claims: Any
) -> Recorded:
    """Decide on snapshots as the service does, and record it, or what is claimed instead."""
    place = write_manifest(folder / "manifests")
    (known,) = known_manifests(load_settings({}).settings, [place]).values()
    entries: list[AuditEntry] = []

    async def decided() -> None:
        for snapshot in snapshots:
            request = EvaluateRequest(
                point="pre_tool_call", snapshot=snapshot, nesting=nesting_bound(canonical(snapshot))
            )
            decision = await decide(known.compiled, request)
            decision.caller = caller
            entries.append(replace(decision_entry(decision), **claims))
        entries.append(refusal_entry("input", Reason.REQUEST_INVALID, None, caller, None))

    asyncio.run(decided())

    async def work(log: FileAuditLog) -> None:
        for entry in entries:
            await log.append(entry)

    with_log(work, settings(folder / "audit"))
    (folder / "key.pem").write_bytes(public_pem(KEY))
    (folder / "sign.pem").write_bytes(private_pem(OTHER_KEY))
    return Recorded(folder)


def public_pem(key: AuditKey) -> bytes:
    """Return a public key as PEM."""
    return key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_pem(key: AuditKey) -> bytes:
    """Return a private key as PEM."""
    return key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
