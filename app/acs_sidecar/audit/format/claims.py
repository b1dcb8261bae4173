"""What the records of one log say of others: the logs that were there before it, and those deleted since."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from acs_sidecar.audit.format.merkle import HASH_BYTES
from acs_sidecar.audit.format.note import decode_base64
from acs_sidecar.audit.format.record import MAX_RECORD_BYTES, ServiceEvent
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json

__all__ = [
    "OPENING_EVENTS",
    "LogClaim",
    "LogState",
    "Predecessor",
    "Torn",
    "claims_of",
    "closing_events",
    "opening_events",
    "pruned_by",
]

OPENING_EVENTS: Final = ("log_opened", "log_predecessors")  # no set: what claims to be an event may be a list

_ROOM = MAX_RECORD_BYTES - 2048
_TORN_TOGETHER = 32


class LogState(StrEnum):
    """How a log was found: being written, ended by itself, by a crash, or at odds with its checkpoints."""

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
    """A log that was in the audit directory when another was opened."""

    log: str
    state: LogState
    size: int
    root: bytes
    torn: tuple[Torn, ...] = ()

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


def closing_events(reason: str, denials: int, next_key: str | None) -> list[ServiceEvent]:
    """Make the last records of a log: why it ends, and the denials that no record accounts for yet.

    With another key (its verifier key in text form), the log says which before it ends.
    """
    details: dict[str, Json] = {"reason": reason, **({"denials": denials} if denials else {})}
    events = [ServiceEvent("key_rotated", {"vkey": next_key})] if next_key else []
    return [*events, ServiceEvent("log_closed", details)]


def opening_events(
    vkey: str, settings: Mapping[str, Json], predecessors: Iterable[Predecessor]
) -> list[ServiceEvent]:
    """Return the records that open a log: `log_opened`, and `log_predecessors` for what exceeds it."""
    pages: list[list[Json]] = [[]]
    room = _ROOM
    total = 0
    for predecessor in predecessors:
        for named in predecessor.as_json():
            needed = len(canonical(named)) + 1
            if needed > room:
                pages.append([])
                room = _ROOM
            pages[-1].append(named)
            room -= needed
        total += 1
    opened = {**settings, "vkey": vkey, "predecessors": pages[0], "predecessors_total": total}
    return [
        ServiceEvent("log_opened", opened),
        *(ServiceEvent("log_predecessors", {"predecessors": page}) for page in pages[1:]),
    ]


def claims_of(record: Mapping[str, Json], log: str, index: int) -> Iterator[LogClaim]:
    """Yield the claims about other logs in record `index` of `log`."""
    details = record.get("details")
    if record.get("event") not in OPENING_EVENTS or not isinstance(details, dict):
        return
    named = details.get("predecessors")
    for predecessor in named if isinstance(named, list) else []:
        if isinstance(predecessor, dict) and (claim := _claim(predecessor, log, index)):
            yield claim


def pruned_by(record: Mapping[str, Json]) -> Iterator[str]:
    """Yield the log whose deletion the record states."""
    details = record.get("details")
    if record.get("event") == "log_pruned" and isinstance(details, dict):
        log = details.get("log")
        if isinstance(log, str):
            yield log


def _claim(predecessor: Mapping[str, Json], by: str, index: int) -> LogClaim | None:
    log, state, size, root = (predecessor.get(name) for name in ("log", "state", "size", "root"))
    if not (isinstance(log, str) and isinstance(state, str) and type(size) is int and isinstance(root, str)):
        return None
    decoded = decode_base64(root)
    if decoded is None or len(decoded) != HASH_BYTES:
        return None
    return LogClaim(log, state, size, decoded, by, index)
