"""Recognises cheaply a log that ended, was hashed before and has no bytes behind its end (section 4.3).

A start looks at every log, of which there may be thousands: most are as the start before left them.
"""

import os
import re
from contextlib import suppress

import orjson

from acs_sidecar.audit.format.claims import number_of
from acs_sidecar.audit.format.note import MAX_NOTE_BYTES
from acs_sidecar.audit.format.record import MAX_RECORD_BYTES
from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.log.directory import CHECKPOINT, LogDirectory, open_file
from acs_sidecar.audit.log.log_end import EXAMINED, FoundLog, validly_signed
from acs_sidecar.spec.values import Json

__all__ = ["opening_number", "settled"]

_KNOWN = re.compile(r"records-[0-9]{10}\.jsonl|checkpoints-[0-9]{10}|checkpoint|examined|tile")


def settled(directory: LogDirectory, trust: Trust) -> FoundLog | None:
    """Return where a settled log ends; `None` for any other, which has to be examined."""
    path = str(directory.path)
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries)
        note = _tail(f"{path}/{EXAMINED}", MAX_NOTE_BYTES)
        if not all(map(_KNOWN.fullmatch, names)) or _tail(f"{path}/{CHECKPOINT}", MAX_NOTE_BYTES + 1) != note:
            return None
        segments = [name for name in names if name.startswith("records-")]
        kept = [name for name in names if name.startswith("checkpoints-")]
        last_notes = _tail(f"{path}/{kept[-1]}", MAX_NOTE_BYTES)
        last_records = _tail(f"{path}/{segments[-1]}", MAX_RECORD_BYTES + 1)
        end = validly_signed(note, directory.origin, trust)
        if end is None or not last_notes.endswith(note) or directory.held():
            return None
    except (OSError, IndexError):
        return None
    line = _parsed(last_records[last_records.rfind(b"\n", 0, -1) + 1 :])
    if not last_records.endswith(b"\n") or line.get("index") != end.size - 1:
        return None
    return FoundLog(end, line.get("event") == "log_closed", examined=True)


def opening_number(directory: LogDirectory) -> int:
    """Return the number that a log's first record gives it; 0 where there is none."""
    with suppress(OSError):
        handle = open_file(directory.segment(0))
        try:
            line = os.pread(handle, MAX_RECORD_BYTES + 1, 0).partition(b"\n")[0]
        finally:
            os.close(handle)
        return number_of(_parsed(line))
    return 0


def _tail(path: str, most: int) -> bytes:
    """Read the end of a file. Raises `OSError`."""
    handle = open_file(path)
    try:
        return os.pread(handle, most, max(0, os.fstat(handle).st_size - most))
    finally:
        os.close(handle)


def _parsed(line: bytes) -> dict[str, Json]:
    with suppress(orjson.JSONDecodeError):
        record = orjson.loads(line)
        return record if isinstance(record, dict) else {}
    return {}
