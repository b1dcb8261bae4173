"""Calls that wait for a child, and whose turn it is (section 2.5)."""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

from acs_sidecar.sandbox.calls import AnyCall, SandboxProgram
from acs_sidecar.spec.owner import NOBODY

__all__ = ["WaitingCalls"]


class WaitingCalls:
    """Calls in turn: of each manifest that is proven, and of each owner for all of its others.

    So a line of one owner's new manifests, however many, stands before nobody else's.
    """

    def __init__(self) -> None:
        self._turns: OrderedDict[Hashable, deque[AnyCall]] = OrderedDict()

    def __len__(self) -> int:
        """Count the calls."""
        return sum(map(len, self._turns.values()))

    def __bool__(self) -> bool:
        """True if a call waits."""
        return bool(self._turns)

    def add(self, call: AnyCall) -> None:
        """Add a call behind those of its turn."""
        self._turns.setdefault(_turn(call.program), deque()).append(call)

    def add_first(self, call: AnyCall) -> None:
        """Put a call back that has been served and comes first again."""
        turn = _turn(call.program)
        self._turns.setdefault(turn, deque()).appendleft(call)
        self._turns.move_to_end(turn, last=False)

    def next(self, admits: Callable[[SandboxProgram], bool]) -> AnyCall | None:
        """Remove and return the call whose turn it is among those whose program is admitted."""
        for turn, calls in tuple(self._turns.items()):
            while calls and calls[0].answer.done():
                calls.popleft()
            if calls and not admits(calls[0].program):
                continue
            call = calls.popleft() if calls else None
            if calls:
                self._turns.move_to_end(turn)
            else:
                del self._turns[turn]
            if call:
                return call
        return None

    def expire(self, now: float, why: str) -> None:
        """Fail the calls that have waited as long as they may."""
        for turn, calls in tuple(self._turns.items()):
            if all(now < call.waits_until and not call.answer.done() for call in calls):
                continue
            for call in calls:
                if now >= call.waits_until:
                    call.fail(why)
            if left := deque(call for call in calls if not call.answer.done()):
                self._turns[turn] = left
            else:
                del self._turns[turn]

    def fail_all(self, why: str) -> None:
        """Fail every call."""
        for calls in self._turns.values():
            for call in calls:
                call.fail(why)
        self._turns.clear()


def _turn(program: SandboxProgram) -> Hashable:
    return program if program.proven or program.owner == NOBODY else program.owner
