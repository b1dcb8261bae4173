"""How much of a call is read (section 11.7).

A unit is what it takes to read a character of a text once, 4 ns. What each step takes was measured on
the slowest texts that a search found, so that 4 KiB take at most 2 ms and a mebibyte half a second.
"""

__all__ = ["Work", "WorkSpentError", "most_for"]

_UNITS_A_CHARACTER = 69
_FEWEST_CHARACTERS = 4_096

READING = 800
"""What quotes, escapes and encodings make of words, however few they are."""
SCAN = 1
"""A character of a text that is read from its beginning to its end."""
LOOK = 2
"""A character of a text in which the names are looked for."""
FOLD = 11
"""A character of a text that is not ASCII."""
WORD = 7
MATCH = 105
"""What is left out of a text, or cut: a line end, an escape of a control character."""
MADE = 146
"""What is read in another way: an escape, a class, a URL."""
PERCENT = 33
"""A `%`, whether or not it begins an encoded byte."""
NAME = 113
"""A name that was not seen before."""
PARTED = 80
"""A name with a colon."""
CANDIDATE = 60
"""A name that could be of a guarded file, by its end."""
STEPS = 36
"""Such a name with steps up."""
SEGMENT = 55
LAST = 200
"""A last segment that candidates have."""
NAMED = 20
"""A candidate whose last segment is one of a guarded file."""
PATTERN = 400
PATTERN_CHARACTER = 22
BRACES = 190
"""A word with braces."""
BRACED = 900
"""Such a word that ends as a guarded name could."""
OPENED = 147
"""A `[` in such a word that has no `]`."""
BRACE = 67
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
