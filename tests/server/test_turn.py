"""Section 2.6: what all connections do together at the end of a turn of the event loop."""

import asyncio
from collections.abc import Callable

import pytest

from acs_sidecar.server.turn import Turn


def _after(*turns: Callable[[Turn], None]) -> None:
    """Call each in a turn of one event loop, on the same `Turn`."""

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        turn = Turn()
        turn.connections = "abc"
        for one in turns:
            one(turn)
            for _ in range(3):
                await asyncio.sleep(0)

    asyncio.run(run())


def test_decides_in_order_and_writes_behind_all_decisions() -> None:
    """Responses leave when every decision that was due is made; only the last one learns that none follows."""
    done: list[object] = []

    def both(turn: Turn) -> None:
        for name in "abc":

            def decide(name: str = name) -> None:
                done.append((name, turn.more_follow(3), turn.more_follow(2)))
                turn.write(lambda: done.append(f"{name} written"))

            turn.decide(decide)
        done.append("everything is read")

    _after(both, both)
    once = [
        "everything is read",
        *(("a", True, True), ("b", True, True), ("c", False, None)),
        *("a written", "b written", "c written"),
    ]
    assert done == [*once, *once]


def test_a_decision_that_is_alone_is_the_last() -> None:
    """It is made in the call, and told that no other follows."""
    done: list[bool | None] = []

    def alone(turn: Turn) -> None:
        turn.decide_now(lambda: done.append(turn.more_follow(3)))
        done.append(turn.more_follow(3))

    _after(alone)
    assert done == [False, None]


@pytest.mark.parametrize("add", [Turn.decide, Turn.write])
@pytest.mark.parametrize("failing", [0, 1, 2])
def test_what_fails_keeps_no_other_from_its_turn(
    add: Callable[[Turn, Callable[[], None]], None], failing: int
) -> None:
    """The others go on, and nothing is called twice."""
    done: list[int] = []

    def three(turn: Turn) -> None:
        for number in range(3):

            def step(number: int = number) -> None:
                done.append(number)
                if number == failing:
                    raise RuntimeError("for the test")

            add(turn, step)

    _after(three, three)
    assert done == [0, 1, 2, 0, 1, 2]
