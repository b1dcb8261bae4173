"""Where a log ends: its largest checkpoint that a trusted key signed (section 4.3)."""

from dataclasses import dataclass

from acs_sidecar.audit.format.checkpoint import Checkpoint
from acs_sidecar.audit.format.merkle import EMPTY_ROOT
from acs_sidecar.audit.format.note import NoteError, SignedNote, verified_by
from acs_sidecar.audit.format.trust import Trust

__all__ = ["EXAMINED", "NO_RECORDS", "FoundLog", "LogEnd", "validly_signed"]

EXAMINED = "examined"
"""The file of a log that ended which has the checkpoint up to which its records were hashed."""


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The largest validly signed checkpoint of a log, as a note and parsed."""

    note: bytes
    size: int
    root: bytes


NO_RECORDS = LogEnd(b"", 0, EMPTY_ROOT)


@dataclass(frozen=True, slots=True)
class FoundLog:
    """Where a log ends, whether it closed itself, and whether its records were hashed, now or before.

    `before` is whether they were before: whatever follows from them is recorded then.
    """

    end: LogEnd
    closed: bool
    examined: bool
    before: bool = True


def validly_signed(content: bytes, origin: str, trust: Trust) -> LogEnd | None:
    """Return the end that a checkpoint states, if it is one of that log and signed by a trusted key."""
    try:
        note = SignedNote.parse(content)
        checkpoint = Checkpoint.parse(note.text)
        if checkpoint.origin != origin or not verified_by(note, trust.for_log(origin)):
            return None
    except NoteError:
        return None
    return LogEnd(content, checkpoint.size, checkpoint.root)
