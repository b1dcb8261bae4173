"""Manifests that extend others: written, read and merged."""

import asyncio
import json
from pathlib import Path
from typing import Any

from acs_sidecar.manifests.composition import ReadManifest, read_manifests
from acs_sidecar.manifests.files import ManifestFile, find_manifests
from acs_sidecar.outbound.addresses import AddressPolicy
from acs_sidecar.outbound.fetch import Fetcher
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.member_catalog import MemberCatalog
from tests.https import HttpsServer, Names
from tests.members import MEMBERS

__all__ = ["TOP", "findings", "merged", "read", "read_all", "write"]

TOP = "agent_control_specification_version: 0.3.1-beta\n"


def write(folder: Path, **files: str | bytes | dict[str, Any]) -> None:
    """Write files: `a__b` is `a/b`, and `.yaml` is added where a name has no dot."""
    for name, content in files.items():
        relative = name.replace("__", "/")
        path = folder / (relative if "." in relative else f"{relative}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content) if isinstance(content, dict) else content
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def read_all(
    *files: ManifestFile,
    server: HttpsServer | None = None,
    limits: Limits | None = None,
    catalog: MemberCatalog = MEMBERS,
) -> tuple[ReadManifest, ...]:
    """Read manifests; `manifests.test` is the server."""
    known = limits or Limits(manifest_url_timeout_ms=5_000)
    fetcher = Fetcher(
        known,
        AddressPolicy(["127.0.0.1/32"]),
        server.ca_file if server else None,
        Names(manifests_test=["127.0.0.1"], other_test=["127.0.0.1"]),
    )

    async def run() -> tuple[ReadManifest, ...]:
        async with fetcher:
            return await read_manifests(files, fetcher, known, catalog)

    return asyncio.run(run())


def read(
    path: Path,
    server: HttpsServer | None = None,
    limits: Limits | None = None,
    catalog: MemberCatalog = MEMBERS,
) -> ReadManifest:
    """Read one manifest."""
    return read_all(*find_manifests(path), server=server, limits=limits, catalog=catalog)[0]


def merged(path: Path, server: HttpsServer | None = None, limits: Limits | None = None) -> Any:
    """Read one that must be good; give its value."""
    found = read(path, server, limits)
    assert isinstance(found.content, Document), str(found.content)
    return found.content.value


def findings(path: Path, server: HttpsServer | None = None, limits: Limits | None = None) -> list[str]:
    """Read one that must be bad; give its findings."""
    found = read(path, server, limits)
    assert isinstance(found.content, ManifestError)
    return [str(finding) for finding in found.content.diagnostics]
