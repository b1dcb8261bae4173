"""Places in a text, from those in what remains of it when single characters are taken out."""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

__all__ = ["Remaining"]


class Remaining:
    """What the `pieces` of a text make together; one character was taken out between each two of them."""

    __slots__ = ("_before",)

    def __init__(self, pieces: Iterable[str]) -> None:
        # How many characters remain before each that was taken out.
        self._before = list(accumulate(map(len, pieces)))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span in the text of one in what remains."""
        return self._offset(start), self._offset(end - 1) + 1 if end else 0

    def _offset(self, index: int) -> int:
        return index + bisect_right(self._before, index)
