"""Waiting for what a test depends on."""

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["PATIENCE_SECONDS", "wait_for"]

Result = TypeVar("Result")

PATIENCE_SECONDS = 30.0
"""How long anything may take on a machine that is as busy as may be."""


def wait_for(
    condition: Callable[[], Result], seconds: float = PATIENCE_SECONDS, every: float = 0.02
) -> Result:
    """Call `condition` until it returns something true, and return that; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"still {result!r} after {seconds:g} s"
        time.sleep(every)
    return result
