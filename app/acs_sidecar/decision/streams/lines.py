"""The lines of a stream behind its first: text that arrived, and the end (section 6.9)."""

from dataclasses import dataclass

from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.decision.request import DuplicateMembers, parse_object
from acs_sidecar.spec.document.suggestions import one_of
from acs_sidecar.spec.streams.vocabulary import SOURCES, FailureCause, TrackName
from acs_sidecar.spec.values import Json

__all__ = ["Arrived", "End", "StreamFailureError", "read_line"]

_END: dict[str, Json] = {"end": True}
_TEXT = frozenset({"text", "source"})
_TEXT_MEMBERS = frozenset({"text", "source", "cut"})


class StreamFailureError(Exception):
    """A stream cannot go on. `detail` says what to do and quotes nothing that the caller sent."""

    def __init__(self, cause: FailureCause, detail: str) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Arrived:
    """Text of a track; `cut` ends a span with it."""

    track: TrackName
    text: str
    cut: bool


@dataclass(frozen=True, slots=True)
class End:
    """There is no more text."""


def read_line(line: bytes, duplicates: DuplicateMembers = DuplicateMembers.REFUSE) -> Arrived | End:
    """Read one line. Raises `StreamFailureError`."""
    try:
        members = parse_object(line, duplicates, "a line")
    except RefusalError as error:
        raise _malformed(error.detail) from None
    if members == _END and members["end"] is True:
        return End()
    if not _TEXT <= members.keys() <= _TEXT_MEMBERS:
        raise _malformed(
            "a line behind the first must be `{text, source, cut}`, of which `cut` is optional, "
            f'or `{{"end": true}}`{_missing(members)}'
        )
    text, source, cut = members["text"], members["source"], members.get("cut", True)
    if not isinstance(text, str):
        raise _malformed("`text` must be a string")
    if not isinstance(source, str) or source not in SOURCES:
        raise _malformed(f"`source`: {one_of(SOURCES)}")
    if not isinstance(cut, bool):
        raise _malformed("`cut` must be a boolean")
    return Arrived(SOURCES[source], text, cut)


def _missing(members: dict[str, Json]) -> str:
    """Return what a line of text lacks, where it is one."""
    missing = sorted(_TEXT - members.keys())
    return f": `{missing[0]}` is missing" if len(missing) == 1 else ""


def _malformed(detail: str) -> StreamFailureError:
    return StreamFailureError(FailureCause.MALFORMED, detail)
