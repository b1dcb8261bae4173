"""How the logs of a fleet lie in a JetStream stream: subjects, message ids, order (section 4.2).

A record's message is the exact line, under `acs.records.<log>` with the id `<log>/<index>`; a
checkpoint's is the signed note, under `acs.checkpoints.<log>`. Records are published in windows,
each stored as a whole before the next, so that a message is never further from its place than that.
"""

from collections.abc import Iterable, Iterator

from acs_sidecar.audit.format.origin import is_origin

__all__ = [
    "CHECKPOINTS",
    "RECORDS",
    "SUBJECTS",
    "WINDOW",
    "TooManyError",
    "each_once",
    "in_order",
    "index_of",
    "message_id",
    "origin_of_subject",
    "subject",
]

RECORDS = "acs.records"
CHECKPOINTS = "acs.checkpoints"
SUBJECTS = (f"{RECORDS}.>", f"{CHECKPOINTS}.>")
WINDOW = 256


def subject(kind: str, origin: str) -> str:
    """Return the subject of a log's records or checkpoints; a dot within a part would end a token."""
    return f"{kind}.{origin.replace('.', '%').replace('/', '.')}"


def origin_of_subject(name: str) -> str | None:
    """Return the log of a subject, `None` for one that no log has."""
    origin = ".".join(name.split(".")[2:]).replace(".", "/").replace("%", ".")
    return origin if is_origin(origin) else None


def message_id(origin: str, index: int) -> str:
    """Name a record's message: the same record is stored once, however often it is published."""
    return f"{origin}/{index}"


def index_of(identity: str | None) -> int | None:
    """Return the index that a message id states."""
    index = (identity or "").rpartition("/")[2]
    return int(index) if index.isascii() and index.isdecimal() and len(index) < 19 else None


class TooManyError(Exception):
    """There is more of something in a stream than a log can have."""


def each_once(notes: Iterable[bytes], most: int) -> bytes:
    """Join checkpoints, each once, in their order. Raises `TooManyError` for more than `most` bytes."""
    found: dict[bytes, None] = {}
    size = 0
    for note in notes:
        if note not in found:
            found[note] = None
            size += len(note)
        if size > most:
            raise TooManyError
    return b"".join(found)


def in_order(messages: Iterable[tuple[int | None, bytes]]) -> Iterator[bytes]:
    """Put lines in the order of the indexes that their messages state, each index once.

    Holds at most two windows: what is missing for longer stays missing, for the auditor to name.
    A line without an index goes on where it is.
    """
    expected = 0
    waiting: dict[int, bytes] = {}
    for index, line in messages:
        if index is None:
            yield line
        elif index >= expected:
            waiting.setdefault(index, line)
        while waiting and (expected in waiting or len(waiting) > 2 * WINDOW):
            expected = min(waiting)
            yield waiting.pop(expected)
            expected += 1
    for index in sorted(waiting):
        yield waiting[index]
