"""What arrives for a stream, kept in order until it is evaluated, within bounds (section 6.9).

Whoever reads the lines never waits for evaluations: a client may send everything before it reads.
"""

import asyncio
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from acs_sidecar.decision.request import DuplicateMembers
from acs_sidecar.decision.streams.lines import Arrived, End, StreamFailureError, read_line
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.streams.vocabulary import FailureCause, TrackName

__all__ = ["ArrivedSpan", "Intake", "StreamLimits"]

_NANOSECONDS = 1_000_000_000
_QUOTES = 2


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds on one stream. `evaluated_bytes` counts the snapshot of each span again."""

    line_bytes: int = 256 * 1024
    spans: int = 4_096
    seconds: float = 15 * 60
    idle_seconds: float = 30
    evaluated_bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ArrivedSpan:
    """Text of a track to be evaluated behind what was evaluated before; `size` in canonical bytes."""

    track: TrackName
    text: str
    size: int


class _TrackText:
    """Text of a track that is not cut yet; sizes are the canonical bytes of all its text, `most` at most."""

    __slots__ = ("cut_size", "most", "size", "uncut")

    def __init__(self, most: int) -> None:
        self.uncut: io.StringIO | None = None
        self.size = self.cut_size = 0
        self.most = most


class Intake:
    """The lines of one stream. `clock` gives nanoseconds.

    `most_text` bounds the canonical bytes of a track's text: what exceeds it is evaluated at once, and
    denied for its size. `expire` must be called once in a while: a stream costs no timer.
    """

    __slots__ = (
        "_active", "_change", "_clock", "_deadline", "_duplicates", "_ended", "_evaluating", "_full",
        "_pending", "_spans", "_stopped", "_tracks", "limits",
    )  # fmt: skip

    def __init__(
        self,
        limits: StreamLimits,
        clock: Callable[[], int],
        duplicates: DuplicateMembers = DuplicateMembers.REFUSE,
    ) -> None:
        self.limits = limits
        self._clock = clock
        self._duplicates = duplicates
        self._tracks: dict[TrackName, _TrackText] = {}
        self._pending: list[ArrivedSpan | End | StreamFailureError] = []
        self._change: asyncio.Future[None] | None = None
        self._spans = 0
        self._ended = self._full = self._evaluating = False
        self._stopped: StreamFailureError | None = None
        self._deadline = clock() + int(limits.seconds * _NANOSECONDS)
        self._active = clock()

    def begin(self, most_text: Mapping[TrackName, int]) -> None:
        """Accept text of these tracks, each with the canonical bytes that all of its text may have."""
        self._tracks = {track: _TrackText(most) for track, most in most_text.items()}

    @property
    def seconds_left(self) -> float:
        """How long the stream may still take."""
        return (self._deadline - self._clock()) / _NANOSECONDS

    @property
    def full(self) -> bool:
        """True if nothing that still arrives can matter."""
        return self._full or self._stopped is not None

    @property
    def waits(self) -> bool:
        """True if everything that came is evaluated and answered."""
        return self._change is not None and not self._change.done()

    def change(self) -> asyncio.Future[None]:
        """Return what is done once there is something to be evaluated, or the stream fails."""
        self._active = self._clock()
        self._change = asyncio.get_running_loop().create_future()
        if self._pending or self._stopped is not None:
            self._wake()
        return self._change

    def expire(self) -> None:
        """Fail a stream that waits for its client after too long a silence, or at the deadline."""
        if not self.waits:
            return
        if self.seconds_left <= 0:
            self.fail(self._too_long())
        elif (self._clock() - self._active) / _NANOSECONDS >= self.limits.idle_seconds:
            detail = f"no line came for {self.limits.idle_seconds:g} seconds (ACS_STREAM_IDLE_S)"
            self.fail(StreamFailureError(FailureCause.IDLE, detail))

    def take(self, line: bytes) -> None:
        """Add a line, or note why the stream fails once what came before it is evaluated."""
        if self.full:
            return
        self._active = self._clock()
        try:
            if self._ended:
                raise StreamFailureError(FailureCause.AFTER_END, "a line came after `end`")
            match read_line(line, self._duplicates):
                case Arrived() as arrived:
                    self._arrive(arrived)
                case End():
                    self._end()
        except StreamFailureError as failure:
            self.fail(failure)

    def fail(self, failure: StreamFailureError) -> None:
        """Fail the stream once everything that came before is evaluated."""
        if not self.full:
            self._full = True
            self._put(failure)

    def close(self) -> None:
        """Note that nothing more arrives."""
        if not self._ended:
            self.fail(
                StreamFailureError(FailureCause.NO_END, 'the body ended without a last line `{"end": true}`')
            )

    def stop(self, cause: FailureCause, detail: str) -> None:
        """Fail the stream now, whatever waits to be evaluated."""
        if self._stopped is None and not self._only_ends:
            self._stopped = StreamFailureError(cause, detail)
            self._pending.clear()
            self._tracks.clear()
            self._wake()

    @property
    def _only_ends(self) -> bool:
        """True if everything that came is evaluated, and the end has come."""
        return not self._evaluating and len(self._pending) == 1 and isinstance(self._pending[0], End)

    def evaluated(self) -> None:
        """Note that what `next` returned last is evaluated."""
        self._evaluating = False

    async def next(self) -> ArrivedSpan | End | None:
        """Return what is to be evaluated next, or the end; `None` where nothing more has arrived.

        Raises `StreamFailureError`.
        """
        if self._stopped is not None:
            raise self._stopped
        if not self._pending:
            return None
        if self.seconds_left <= 0:
            raise self._too_long()
        found = self._pending.pop(0)
        if isinstance(found, End):
            await asyncio.sleep(0)  # for a line that has arrived behind it
            found = self._pending.pop(0) if self._pending else found
        if isinstance(found, StreamFailureError):
            raise found
        self._evaluating = isinstance(found, ArrivedSpan)
        return found

    def _arrive(self, arrived: Arrived) -> None:
        track = self._tracks.get(arrived.track)
        if track is None:
            raise StreamFailureError(
                FailureCause.MALFORMED, f"text of `{arrived.track}` came, which `open` does not have"
            )
        if arrived.text:
            track.uncut = track.uncut or io.StringIO()
            track.uncut.write(arrived.text)
        track.size += len(canonical(arrived.text)) - _QUOTES
        if track.size > track.most:
            self._cut(arrived.track, track)
            self._full = True
        elif arrived.cut:
            if not track.uncut:
                raise StreamFailureError(FailureCause.MALFORMED, "a span of no text was cut")
            self._cut(arrived.track, track)

    def _end(self) -> None:
        for name, track in self._tracks.items():
            if track.uncut:
                self._cut(name, track)
        self._ended = True
        self._put(End())

    def _cut(self, name: TrackName, track: _TrackText) -> None:
        if self._spans == self.limits.spans:
            raise StreamFailureError(
                FailureCause.LIMIT, f"the stream has more than {self.limits.spans} spans: cut less often"
            )
        self._spans += 1
        text = track.uncut.getvalue() if track.uncut else ""
        self._put(ArrivedSpan(name, text, track.size - track.cut_size))
        track.uncut = None
        track.cut_size = track.size

    def _put(self, found: ArrivedSpan | End | StreamFailureError) -> None:
        self._pending.append(found)
        self._wake()

    def _wake(self) -> None:
        if self._change and not self._change.done():
            self._change.set_result(None)

    def _too_long(self) -> StreamFailureError:
        minutes = self.limits.seconds / 60
        return StreamFailureError(FailureCause.LIMIT, f"the stream took more than {minutes:g} minutes")
