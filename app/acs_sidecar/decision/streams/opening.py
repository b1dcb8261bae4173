"""The first line of a stream: what it is evaluated against, and which texts will arrive (section 6.9)."""

from dataclasses import dataclass
from typing import cast

from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.decision.request import (
    DuplicateMembers,
    EvaluateRequest,
    only_members,
    parse_object,
    read_evaluate,
)
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.dialects.agent_context import ContextError, repeated_place
from acs_sidecar.spec.dialects.dialect import Vocabulary
from acs_sidecar.spec.document.suggestions import one_of
from acs_sidecar.spec.limits import MAX_CONFIGURABLE_DEPTH
from acs_sidecar.spec.path import SNAPSHOT_ONLY, Path, PathSyntaxError, parse_path
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.streams.vocabulary import TRACK_POINTS, SafetyLevel, TrackName
from acs_sidecar.spec.values import Json, deeper_than, nesting_bound

__all__ = ["MAX_START", "StreamOpening", "TrackOpening", "read_opening"]

MAX_START = 2**52
"""The largest `start`: offsets behind it stay within the integers that every JSON reader has."""

_OPEN = frozenset({"open"})
_REQUEST_MEMBERS = ("dialect", "manifest", "manifest_signature", "manifest_ref", "request_id")
_TRACK = frozenset({"snapshot", "text", "start", "tail"})
_MEMBERS = frozenset({*_REQUEST_MEMBERS, "safety_level", *TrackName})


@dataclass(frozen=True, slots=True)
class TrackOpening:
    """One text of a stream: `request` evaluates its snapshot, in which `places` are the paths of the text.

    They are two where an agent context repeats the text in its `target`.
    `start` is the offset of the first character to come, `tail` the end of what was delivered before it.
    """

    name: TrackName
    request: EvaluateRequest
    places: tuple[Path, ...]
    start: int
    tail: str

    def snapshot_with(self, text: str) -> dict[str, Json]:
        """Return the snapshot with everything that has arrived, behind the tail, in its places."""
        snapshot: Json = self.request.snapshot
        for place in self.places:
            snapshot = place.replace(snapshot, self.tail + text)
        return cast("dict[str, Json]", snapshot)

    @property
    def size(self) -> int:
        """The canonical bytes of the snapshot before any text; 0 where it is too deep to be evaluated."""
        snapshot = self.snapshot_with("")
        return 0 if deeper_than(snapshot, MAX_CONFIGURABLE_DEPTH) else len(canonical(snapshot))


@dataclass(frozen=True, slots=True)
class StreamOpening:
    """A stream that may begin once it is admitted: its tracks, the one of the request first."""

    level: SafetyLevel
    tracks: tuple[TrackOpening, ...]

    @property
    def point(self) -> str:
        """The intervention point of its first track."""
        return self.tracks[0].request.point

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The vocabulary of its answer, where it names one."""
        return self.tracks[0].request.vocabulary

    @property
    def request_id(self) -> str | None:
        """The caller's own name for it."""
        return self.tracks[0].request.request_id


def read_opening(line: bytes, duplicates: DuplicateMembers = DuplicateMembers.REFUSE) -> StreamOpening:
    """Read the first line of a stream. Raises `RefusalError`."""
    members = parse_object(line, duplicates, "the first line")
    only_members(members, _OPEN)
    opening = members.get("open")
    if not isinstance(opening, dict):
        raise _bad("`open` must be an object, in the first line")
    if "mode" in opening:
        raise _bad("remove `mode`: a stream is evaluated in the mode `enforce`")
    only_members(opening, _MEMBERS)
    level = opening.get("safety_level")
    if not isinstance(level, str) or level not in set(SafetyLevel):
        raise _bad(f"`safety_level`: {one_of(SafetyLevel)}")
    common = {name: opening[name] for name in _REQUEST_MEMBERS if name in opening}
    nesting = nesting_bound(line)
    tracks = tuple(_track(name, opening[name], common, nesting) for name in TrackName if name in opening)
    if not tracks:
        raise _bad("`open` has neither `response` nor `request`: set at least one")
    return StreamOpening(SafetyLevel(level), tracks)


def _track(name: TrackName, members: Json, common: dict[str, Json], nesting: int) -> TrackOpening:
    if not isinstance(members, dict):
        raise _bad(f"`{name}` must be an object")
    only_members(members, _TRACK)
    request = read_evaluate(
        {**common, "snapshot": members.get("snapshot")}, TRACK_POINTS[name].value, nesting
    )
    try:
        start, tail = _resumed(name, members)
        return TrackOpening(name, request, _places(name, members, request.snapshot), start, tail)
    except RefusalError as error:
        error.request_id = request.request_id
        raise


def _places(name: TrackName, members: dict[str, Json], snapshot: dict[str, Json]) -> tuple[Path, ...]:
    """Return the path of the text, and where an agent context repeats it."""
    place = _text_path(name, members, snapshot)
    try:
        repeated = repeated_place(snapshot, TRACK_POINTS[name], place)
    except ContextError as error:
        raise _bad(f"`{name}.snapshot`: {error}") from None
    return (place,) if repeated is None else (place, repeated)


def _text_path(name: TrackName, members: dict[str, Json], snapshot: dict[str, Json]) -> Path:
    text = members.get("text")
    refusal = _bad(f"`{name}.text` must be the path of a string in its snapshot, such as `$.input.body`")
    if not isinstance(text, str):
        raise refusal
    try:
        path = parse_path(text, SNAPSHOT_ONLY)
        if not isinstance(path.walk(snapshot), str):
            raise refusal
    except (PathSyntaxError, EvaluationError):
        raise refusal from None
    return path


def _resumed(name: TrackName, members: dict[str, Json]) -> tuple[int, str]:
    """Return `start` and `tail`, which belong together."""
    start, tail = members.get("start", 0), members.get("tail", "")
    if not isinstance(start, int) or isinstance(start, bool) or not 0 <= start <= MAX_START:
        raise _bad(f"`{name}.start` must be an integer from 0 to {MAX_START}")
    if not isinstance(tail, str):
        raise _bad(f"`{name}.tail` must be a string")
    if start and not 0 < len(tail) <= start:
        raise _bad(f"`{name}.tail` must be the end of the text before `start`: of 1 to `start` characters")
    if tail and not start:
        raise _bad(f"`{name}.tail` requires a `start` above 0")
    return start, tail


def _bad(detail: str) -> RefusalError:
    return RefusalError(Cause.MALFORMED, detail)
