"""How much of a call is read (section 11.7).

A unit is what it takes to read a character of a text once, 6 ns. What each step takes was measured on
the slowest texts that a search found, so that 4 KiB take at most 2 ms and a mebibyte half a second.
"""

__all__ = ["Work", "WorkSpentError", "most_for"]

_UNITS_A_CHARACTER = 61
_FEWEST_CHARACTERS = 4_096

READING = 600
"""What quotes, escapes and encodings make of words, however few they are."""
SCAN = 1
"""A character of a text that is read from its beginning to its end."""
FOLD = 7
"""A character of a text that is not ASCII."""
WORD = 9
MATCH = 65
"""What is left out of a text, or cut: a line end, an escape of a control character."""
MADE = 90
"""What is read in another way: an escape, a class, a URL."""
PERCENT = 22
"""A `%`, whether or not it begins an encoded byte."""
NAME = 70
"""A name that was not seen before."""
CANDIDATE = 43
"""A name that could be of a guarded file, by its end."""
STEPS = 20
"""Such a name with steps up."""
SEGMENT = 34
LAST = 180
"""A last segment that candidates have."""
NAMED = 20
"""A candidate whose last segment is one of a guarded file."""
PATTERN = 240
PATTERN_CHARACTER = 17
BRACES = 140
"""A word with braces."""
BRACED = 600
"""Such a word that ends as a guarded name could."""
OPENED = 90
"""A `[` in such a word that has no `]`."""
BRACE = 47
"""A part of such a word: a brace, a comma, a wildcard or what stands between them."""


class WorkSpentError(ValueError):
    """A call of which there is more to read than is read."""


def most_for(text: str) -> int:
    """Return how many units are spent on a text, and on a short one as many as on 4 KiB."""
    return _UNITS_A_CHARACTER * max(_FEWEST_CHARACTERS, len(text))


class Work:
    """Counts down what may still be done for a call."""

    __slots__ = ("is_near", "left")

    def __init__(self, units: int) -> None:
        self.left = units
        self.is_near = False
        """True if a name was found that lacks the folders before it."""

    def spend(self, units: int) -> None:
        """Subtract units from what is left. Raises `WorkSpentError` where it is not enough."""
        self.left -= units
        if self.left < 0:
            raise WorkSpentError
