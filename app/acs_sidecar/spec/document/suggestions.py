"""Messages about names that are not known, with what was probably meant."""

import difflib
from collections.abc import Collection, Iterable, Iterator

__all__ = ["did_you_mean", "nearest", "one_of", "unknown_members"]

_MOST_CHARACTERS = 64
_LEAST_ALIKE = 0.7
_MOST_COMPARED = 10
"""How many names of one object are compared: a stranger's may have tens of thousands."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` that `name` was probably meant to be."""
    return next(iter(difflib.get_close_matches(name[:_MOST_CHARACTERS], list(known), 1, _LEAST_ALIKE)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `, did you mean …?` for a name that is nearly one of `known`, else nothing."""
    found = nearest(name, known)
    return f", did you mean `{found}`?" if found else ""


def one_of(known: Iterable[str]) -> str:
    """Return `must be one of …`."""
    return "must be one of " + ", ".join(f"`{each}`" for each in known)


def unknown_members(given: Iterable[str], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each name that is not known, and what is wrong with it."""
    listed = one_of(sorted(known))
    unknown = (name for name in given if name not in known)
    for number, name in enumerate(unknown):
        hint = did_you_mean(name, known) if number < _MOST_COMPARED else ""
        yield name, f"unknown member{hint}; {listed}"
