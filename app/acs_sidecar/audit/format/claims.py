"""What the records of one log say of others: the logs that were there before it, and those deleted since."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from acs_sidecar.audit.format.merkle import HASH_BYTES
from acs_sidecar.audit.format.note import decode_base64
from acs_sidecar.audit.format.record import MAX_RECORD_BYTES, ServiceEvent
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json

__all__ = [
    "NAMED_LOGS",
    "OPENING_EVENTS",
    "Deletion",
    "LogClaim",
    "LogState",
    "ManifestDigests",
    "OlderLogs",
    "Predecessor",
    "Torn",
    "claims_of",
    "closing_events",
    "deletion_of",
    "log_line",
    "manifest_events",
    "manifest_pages",
    "number_of",
    "older_logs_hash",
    "older_of",
    "opening_events",
]

OPENING_EVENTS: Final = (
    "log_opened",
    "log_predecessors",
    "log_manifests",
)  # no set: what claims to be an event may be a list

NAMED_LOGS: Final = 16
"""How many of the logs that have ended a new log names one by one: the newest, and the others by one hash."""

_ROOM = MAX_RECORD_BYTES - 2048
_TORN_TOGETHER = 32

ManifestDigests = Mapping[str, str | None]
"""The digests of manifests by name; `None` for one that cannot be read."""

_MANIFEST_ROOM = 4096


class LogState(StrEnum):
    """The state of a log: being written, closed, ended by a crash, or inconsistent with its checkpoints."""

    OPEN = "open"
    CLOSED = "closed"
    CRASHED = "crashed"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Torn:
    """Bytes behind a log's last checkpoint that were moved aside: where to, how many, their SHA-256."""

    file: str
    size: int
    sha256: str

    def as_json(self) -> dict[str, Json]:
        """Return the member of a record."""
        return {"file": self.file, "bytes": self.size, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class Predecessor:
    """A log that was in the audit directory when another was opened.

    `number` orders logs by their opening: one more than any that was there; 0 where none is recorded.
    """

    log: str
    state: LogState
    size: int
    root: bytes
    torn: tuple[Torn, ...] = ()
    number: int = 0

    def as_json(self) -> Iterator[dict[str, Json]]:
        """Yield the members of a record: one, or several where more was moved aside than has room in one."""
        for at in range(0, len(self.torn) or 1, _TORN_TOGETHER):
            named: dict[str, Json] = {
                "log": self.log,
                "root": base64.b64encode(self.root).decode(),
                "size": self.size,
                "state": self.state.value,
            }
            if torn := self.torn[at : at + _TORN_TOGETHER]:
                named["torn"] = [one.as_json() for one in torn]
            yield named


@dataclass(frozen=True, slots=True)
class LogClaim:
    """Record `index` of the log `by` says that `log` had this state, size and root."""

    log: str
    state: str
    size: int
    root: bytes
    by: str
    index: int


@dataclass(frozen=True, slots=True)
class OlderLogs:
    """The `count` logs that a log names by one hash over their lines."""

    count: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """Record `index` of the log `by` says that `log` is deleted, and what it was."""

    log: str
    size: int
    root: bytes
    number: int
    by: str
    index: int


def closing_events(reason: str, denials: int, next_key: str | None) -> list[ServiceEvent]:
    """Make the last records of a log: why it ends, and the denials that no record accounts for yet.

    With another key (its verifier key in text form), the log says which before it ends.
    """
    details: dict[str, Json] = {"reason": reason, **({"denials": denials} if denials else {})}
    events = [ServiceEvent("key_rotated", {"vkey": next_key})] if next_key else []
    return [*events, ServiceEvent("log_closed", details)]


def opening_events(
    vkey: str,
    settings: Mapping[str, Json],
    predecessors: Sequence[Predecessor],
    manifests: ManifestDigests | None = None,
) -> list[ServiceEvent]:
    """Return the records that open a log: `log_opened`, and `log_predecessors` for what exceeds it.

    `log_manifests` follow where the manifests in force exceed it too.
    """
    named, older = _named_and_older(predecessors)
    manifests_named = manifest_pages(manifests or {}, _MANIFEST_ROOM)
    pages: list[list[Json]] = [[]]
    room = _ROOM - len(canonical(manifests_named[0]))
    for predecessor in named:
        for member in predecessor.as_json():
            needed = len(canonical(member)) + 1
            if needed > room:
                pages.append([])
                room = _ROOM
            pages[-1].append(member)
            room -= needed
    opened: dict[str, Json] = {
        **settings,
        **({"manifests": manifests_named[0]} if manifests else {}),
        "vkey": vkey,
        "number": 1 + max((one.number for one in predecessors), default=0),
        "predecessors": pages[0],
        "predecessors_total": len(predecessors),
    }
    if older:
        lines = [log_line(one.log, one.size, one.root) for one in older]
        opened["predecessors_older"] = {"count": len(lines), "sha256": older_logs_hash(lines)}
    return [
        ServiceEvent("log_opened", opened),
        *(ServiceEvent("log_predecessors", {"predecessors": page}) for page in pages[1:]),
        *(ServiceEvent("log_manifests", {"manifests": page}) for page in manifests_named[1:]),
    ]


def _named_and_older(predecessors: Sequence[Predecessor]) -> tuple[list[Predecessor], list[Predecessor]]:
    """Split logs into those to name one by one, and the older ones that have ended for good, by number.

    What is open or damaged is named, however old: its size and root are not final.
    """
    final = [one for one in predecessors if one.state in {LogState.CLOSED, LogState.CRASHED}]
    final.sort(key=lambda one: (one.number, one.log))
    older = final[:-NAMED_LOGS]
    hashed = {one.log for one in older}
    return [one for one in predecessors if one.log not in hashed], [one for one in older if one.size]


def manifest_events(
    event: str, details: Mapping[str, Json], manifests: ManifestDigests
) -> list[ServiceEvent]:
    """Return records of one event, each with the same details and some of the manifests: at least one."""
    return [ServiceEvent(event, {**details, "manifests": page}) for page in manifest_pages(manifests)]


def manifest_pages(manifests: ManifestDigests, room: int = _ROOM) -> list[dict[str, Json]]:
    """Split manifests into what fits into `room` bytes of one record, and into others behind it."""
    pages: list[dict[str, Json]] = [{}]
    for name, digest in sorted(manifests.items()):
        needed = len(canonical({name: digest}))
        if needed > room:
            pages.append({})
            room = _ROOM
        pages[-1][name] = digest
        room -= needed
    return pages


def log_line(log: str, size: int, root: bytes) -> bytes:
    """Return the line of a log that has ended: what `older_logs_hash` is over."""
    return canonical({"log": log, "root": base64.b64encode(root).decode(), "size": size}) + b"\n"


def older_logs_hash(lines: Iterable[bytes]) -> str:
    """Return the hash over the lines of logs, which MUST come by number, then by name."""
    return f"sha256:{hashlib.sha256(b''.join(lines)).hexdigest()}"


def number_of(record: Mapping[str, Json]) -> int:
    """Return the number that a log's first record gives it; 0 where it gives none."""
    return _whole(_details(record).get("number"))


def older_of(record: Mapping[str, Json]) -> OlderLogs | None:
    """Return the claim of a log's first record about logs that it does not name one by one."""
    older = _details(record).get("predecessors_older")
    if record.get("event") != "log_opened" or not isinstance(older, dict):
        return None
    return OlderLogs(_whole(older.get("count")), str(older.get("sha256")))


def claims_of(record: Mapping[str, Json], log: str, index: int) -> Iterator[LogClaim]:
    """Yield the claims about other logs in record `index` of `log`."""
    if record.get("event") not in OPENING_EVENTS:
        return
    named = _details(record).get("predecessors")
    for predecessor in named if isinstance(named, list) else []:
        if isinstance(predecessor, dict) and (claim := _claim(predecessor, log, index)):
            yield claim


def deletion_of(record: Mapping[str, Json], by: str, index: int) -> Deletion | None:
    """Return the deletion that record `index` of the log `by` states."""
    details = _details(record)
    log, root = details.get("log"), details.get("root")
    if record.get("event") != "log_pruned" or not isinstance(log, str):
        return None
    decoded = (decode_base64(root) if isinstance(root, str) else None) or b""
    return Deletion(log, _whole(details.get("size")), decoded, _whole(details.get("number")), by, index)


def _details(record: Mapping[str, Json]) -> Mapping[str, Json]:
    details = record.get("details")
    return details if isinstance(details, dict) else {}


def _whole(value: Json) -> int:
    return value if type(value) is int and value > 0 else 0


def _claim(predecessor: Mapping[str, Json], by: str, index: int) -> LogClaim | None:
    log, state, size, root = (predecessor.get(name) for name in ("log", "state", "size", "root"))
    if not (isinstance(log, str) and isinstance(state, str) and type(size) is int and isinstance(root, str)):
        return None
    decoded = decode_base64(root)
    if decoded is None or len(decoded) != HASH_BYTES:
        return None
    return LogClaim(log, state, size, decoded, by, index)
