"""Logs for the console to show and a browser to verify."""

from pathlib import Path
from typing import Any

from acs_sidecar.audit.format.note import VerifierKey
from acs_sidecar.audit.format.tiles import entry_bundle, parse_tile_path
from acs_sidecar.audit.log.directory import LogDirectory, find_logs
from acs_sidecar.audit.read.reader import AuditReader
from tests.audit.format.vectors import vectors
from tests.audit.log.logs import KEY, decisions, settings, with_log
from tests.console.node import encoded

__all__ = ["VKEY", "WIDTH", "jobs_of", "make_log", "vector_jobs", "walk_job"]

WIDTH = 256
VKEY = str(VerifierKey("acs", KEY.private.public_key().public_bytes_raw()))


def make_log(root: Path, count: int) -> LogDirectory:
    """Write a log of some decisions, and close it."""
    with_log(decisions(count), settings(root))
    (log,) = find_logs(root)
    return log


def jobs_of(root: Path, log: LogDirectory) -> list[dict[str, Any]]:
    """Return a job that verifies each record's receipt."""
    reader = AuditReader(root)
    return [
        {"kind": "receipt", "receipt": reader.receipt(log.origin, index).as_json(), "key": VKEY}
        for index in range(log.published_size())
    ]


def vector_jobs() -> list[tuple[dict[str, Any], object]]:
    """Return jobs from published vectors, each with what it gives."""
    trees, leaves = (
        vectors("rfc6962.json"),
        [bytes.fromhex(leaf) for leaf in vectors("rfc6962.json")["leaves"]],
    )
    sizes = range(1, len(leaves) + 1)
    roots = [{"kind": "root", "leaves": [encoded(leaf) for leaf in leaves[:size]]} for size in sizes]
    keys = vectors("signed_notes.json")["keys"]
    return [
        *zip(roots, trees["roots"][1:], strict=True),
        *(({"kind": "key", "key": key["vkey"]}, {"name": key["name"], "id": key["key_id"]}) for key in keys),
    ]


def walk_job(root: Path, log: LogDirectory, lines: list[bytes]) -> dict[str, Any]:
    """Return the job that walks a log whose records are `lines`, and whose tiles are as they were written."""
    reader, size = AuditReader(root), log.published_size()
    tiles: dict[int, str] = {}
    for number in range(-(-size // WIDTH)):
        width = min(WIDTH, size - number * WIDTH)
        suffix = "" if width == WIDTH else f".p/{width}"
        path = f"tile/0/{number:03d}{suffix}"
        assert parse_tile_path(path)
        tiles[number] = encoded(reader.tile(log.origin, path))
    bundles = {
        number: encoded(entry_bundle(lines[number * WIDTH : (number + 1) * WIDTH]))
        for number in range(-(-max(len(lines), 1) // WIDTH))
    }
    note = reader.checkpoint(log.origin).decode()
    return {"kind": "walk", "note": note, "key": VKEY, "bundles": bundles, "tiles": tiles}
