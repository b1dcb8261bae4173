"""What is found wrong at a place of one module's text."""

from typing import NamedTuple

__all__ = ["Problem"]


class Problem(NamedTuple):
    """A finding, before it is known which module it is in."""

    code: str
    message: str
    line: int
    column: int
