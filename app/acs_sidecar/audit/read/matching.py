"""Finds the lines of records that have some texts in them, without parsing the others (section 15.2)."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle

__all__ = ["FindText", "at_least_pattern", "matching_lines", "pattern_finder", "text_finder"]

FindText = Callable[[bytes, int], int]
"""Returns where in some lines, from an offset on, a text is that wanted records have, or -1."""


def text_finder(text: bytes) -> FindText:
    """Return what finds a text of more than a few bytes, which is faster than by a pattern."""
    return lambda lines, start: lines.find(text, start)


def pattern_finder(pattern: bytes) -> FindText:
    """Return what finds a text that a pattern describes."""
    search = re.compile(pattern).search

    def find(lines: bytes, start: int) -> int:
        found = search(lines, start)
        return found.start() if found else -1

    return find


def at_least_pattern(least: int) -> bytes:
    """Return a pattern of every duration that is as long, without its first quote: quotes are everywhere."""
    digits = str(least)
    forms = [digits, f"[0-9]{{{len(digits) + 1},}}"]
    for at, digit in enumerate(digits):
        if digit != "9":
            forms.append(f"{digits[:at]}[{int(digit) + 1}-9][0-9]{{{len(digits) - at - 1}}}")
    return rf'duration_us":(?:{"|".join(forms)})(?![0-9])'.encode()


def matching_lines(lines: bytes, finders: Sequence[FindText]) -> Iterator[tuple[int, bytes]]:
    """Yield number and text of each line in which every text is; none has a newline in it.

    Each text is searched for from the line on that the others have come to, by turns, so that the rarest one
    decides how many lines are looked at.
    """
    if not finders:
        yield from enumerate(lines[:-1].split(b"\n"))
        return
    start, end = 0, -1
    counted = number = holding = 0
    for find in cycle(finders):
        if (found := find(lines, start)) < 0:
            return
        if found > end:
            start = lines.rfind(b"\n", max(0, end), found) + 1
            end, holding = lines.index(b"\n", found), 0
        holding += 1
        if holding == len(finders):
            number, counted = number + lines.count(b"\n", counted, start), start
            yield number, lines[start:end]
            start, holding = end + 1, 0
