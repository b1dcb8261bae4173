"""Section 1.6: a breaker opens after failures in a row, and one call at a time finds out whether to close."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.outbound.breaker import Breaker, BreakerSettings
from acs_sidecar.spec.reasons import Reason


@dataclass
class Clock:
    """A clock that is set by hand, in seconds."""

    now: float = 0.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


def _ignored() -> None:
    """Take no notice."""


def _open(clock: Clock, failures: int = 3, opened: Callable[[], None] = _ignored) -> Breaker:
    breaker = Breaker(BreakerSettings(failures, 1_000), clock, opened)
    for _ in range(failures):
        epoch = breaker.admit()
        assert epoch is not None
        breaker.failed(epoch, Reason.ANNOTATION_TIMEOUT)
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    """An answer between failures starts the count anew."""
    breaker = Breaker(BreakerSettings(2, 1_000), Clock(), _ignored)
    for ended in (True, False, True, True):
        epoch = breaker.admit()
        assert epoch is not None
        if ended:
            breaker.failed(epoch, Reason.ANNOTATION_FAILED)
        else:
            breaker.answered(epoch)
    assert breaker.admit() is None


def test_refused_calls_have_the_reason_that_opened_it() -> None:
    """A server that was late is `annotation_timeout` while the breaker is open too."""
    breaker = _open(Clock())
    assert (breaker.admit(), breaker.reason) == (None, Reason.ANNOTATION_TIMEOUT)


def test_each_opening_is_told_once() -> None:
    """When it opens, and when the call that tries fails; neither by a failure before nor by a late one."""
    clock = Clock()
    openings: list[float] = []
    breaker = _open(clock, 3, lambda: openings.append(clock.now))
    breaker.failed(0, Reason.ANNOTATION_FAILED)
    clock.now = 1.0
    epoch = breaker.admit()
    assert epoch is not None
    breaker.failed(epoch, Reason.ANNOTATION_FAILED)
    assert openings == [0.0, 1.0]


def test_one_call_tries_after_the_cooldown() -> None:
    """The others are refused until it has ended; its answer closes the breaker."""
    clock = Clock()
    breaker = _open(clock)
    clock.now = 0.999
    assert breaker.admit() is None
    clock.now = 1.0
    epoch = breaker.admit()
    assert epoch is not None
    assert breaker.admit() is None
    breaker.answered(epoch)
    assert breaker.admit() is not None
    assert breaker.admit() is not None


def test_a_try_that_fails_opens_it_again() -> None:
    """One failure is enough, and the cooldown counts from it."""
    clock = Clock()
    breaker = _open(clock)
    clock.now = 5.0
    epoch = breaker.admit()
    assert epoch is not None
    breaker.failed(epoch, Reason.ANNOTATION_FAILED)
    clock.now = 5.9
    assert breaker.admit() is None
    clock.now = 6.0
    assert breaker.admit() is not None


def test_a_try_that_nobody_waits_for_leaves_it_to_the_next() -> None:
    """A request that was cancelled must not keep the breaker open for ever."""
    clock = Clock()
    breaker = _open(clock)
    clock.now = 1.0
    epoch = breaker.admit()
    assert epoch is not None
    breaker.abandoned(epoch)
    assert breaker.admit() is not None


def test_a_call_that_ends_late_tells_nothing() -> None:
    """Calls from before the opening neither close the breaker nor lengthen the cooldown."""
    clock = Clock()
    breaker = Breaker(BreakerSettings(2, 1_000), clock, _ignored)
    epochs = [breaker.admit() for _ in range(5)]
    assert all(epoch == 0 for epoch in epochs)
    breaker.failed(0, Reason.ANNOTATION_FAILED)
    breaker.failed(0, Reason.ANNOTATION_FAILED)
    clock.now = 0.5
    breaker.answered(0)
    breaker.failed(0, Reason.ANNOTATION_FAILED)
    assert breaker.admit() is None
    clock.now = 1.0
    assert breaker.admit() is not None


@given(
    st.integers(1, 4),
    st.lists(
        st.tuples(st.sampled_from(["begin", "answered", "failed", "abandoned", "wait"]), st.integers(0, 9))
    ),
)
def test_no_order_of_events_wedges_it(failures: int, events: list[tuple[str, int]]) -> None:
    """Whatever calls do, once all have ended and the cooldown has passed the next one is admitted."""
    clock = Clock()
    breaker = Breaker(BreakerSettings(failures, 1_000), clock, _ignored)
    running: list[int] = []

    def end(how: str, epoch: int) -> None:
        if how == "failed":
            breaker.failed(epoch, Reason.ANNOTATION_FAILED)
        else:
            (breaker.answered if how == "answered" else breaker.abandoned)(epoch)

    for event, number in events:
        if event == "wait":
            clock.now += number / 5
        elif event == "begin":
            epoch = breaker.admit()
            if epoch is not None:
                running.append(epoch)
        elif running:
            end(event, running.pop(number % len(running)))
    for epoch in running:
        end("abandoned", epoch)
    clock.now += 1.0
    assert breaker.admit() is not None
