"""A signed log of a guarded manifest, and reports on it."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from acs_sidecar.audit.format.entry import decision_entry
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.cli.compliance.commands import compliance
from acs_sidecar.cli.manifests import known_manifests
from acs_sidecar.decision.request import EvaluateRequest
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import nesting_bound
from acs_sidecar.trials.decide import decide
from tests.assurance.compliance.guarded import snapshot_of, write_guarded
from tests.assurance.recorded import private_pem, public_pem
from tests.audit.log.logs import KEY, OTHER_KEY, settings, with_log

__all__ = ["ALL", "PERIOD", "json_report", "report", "statuses", "write_log"]

PERIOD = ("--from", "2020-01-01", "--to", "2090-01-01")
POINTS = ("input", "pre_tool_call", "post_tool_call", "output")
ALL = tuple(
    part for name in ("owasp-asi", "soc2", "nist-ai-rmf", "eu-ai-act") for part in ("--framework", name)
)


def write_log(
    folder: Path, *without: str, agent: str = "agent-1", mode: str = "enforce", brought: str = ""
) -> Path:
    """Record 25 decisions at each point, and the anchors of the log beside it; one by what a caller `brought`."""
    manifests = write_guarded(folder / "manifests", *without)
    (known,) = known_manifests(load_settings({}).settings, [manifests]).values()
    anchors: list[bytes] = []

    async def work(log: FileAuditLog) -> None:
        for point in POINTS:
            snapshot = snapshot_of("hello") | {"envelope": {"agent": {"id": agent}}}
            request = EvaluateRequest(
                point=point, snapshot=snapshot, nesting=nesting_bound(canonical(snapshot))
            )
            decision = await decide(known.compiled, request)
            decision.caller = "host"
            entry = replace(decision_entry(decision), mode=mode)
            await asyncio.gather(*(log.append(entry) for _ in range(25)))
        if brought:
            await log.append(replace(entry, manifest_source="signed", manifest_digest=brought))

    config = settings(folder / "audit", manifests=lambda: {"guarded": known.compiled.digest})
    with_log(work, config, announced=anchors)
    (folder / "anchors").write_bytes(b"".join(anchors))
    (folder / "key.pem").write_bytes(public_pem(KEY))
    (folder / "sign.pem").write_bytes(private_pem(OTHER_KEY))
    return folder


def report(place: Path, *arguments: str, key: str = "key.pem") -> Result:
    """Run the verb on the log and the manifests of a place."""
    given = ("--audit", place / "audit", "--key", place / key, "--manifests", place / "manifests")
    return CliRunner().invoke(compliance, ["report", *map(str, given), *arguments])


def json_report(place: Path, *arguments: str) -> dict[str, Any]:
    """Return a report as JSON."""
    result = report(
        place, *(arguments or ALL), *PERIOD, "--format", "json", "--anchor", str(place / "anchors")
    )
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def statuses(found: dict[str, Any], framework: int = 0) -> dict[str, str]:
    """Return the status of each control."""
    return {one["id"]: one["status"] for one in found["frameworks"][framework]["controls"]}
