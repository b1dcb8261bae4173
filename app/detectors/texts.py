"""All texts of a JSON value as one, so that a detector reads once what an attacker may have split."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

import orjson

from app.core.errors import EvaluationError, Reason
from app.core.values import Json
from app.detectors.findings import Finding, Found

__all__ = ["SEPARATOR", "Texts", "replaced", "texts_of"]

SEPARATOR = "\0"
"""Stands between the texts: words may be read across it, numbers and addresses end there."""

_Members: TypeAlias = tuple[str | int, ...]
_ALONE: tuple[_Members] = ((),)


@dataclass(frozen=True, slots=True)
class Texts:
    """The strings, integers and member names of a value, in its order, joined by `SEPARATOR`.

    `starts` are their offsets in `joined`, `lengths` in code points, `members` lead to each, and
    `names` tells which are names of members.
    """

    joined: str
    starts: Sequence[int]
    lengths: Sequence[int]
    members: Sequence[_Members]
    names: Sequence[bool]

    def index_at(self, offset: int) -> int:
        """Tell which text an offset in `joined` belongs to."""
        return bisect_right(self.starts, offset) - 1

    def placed(self, found: Iterable[Found]) -> list[Finding]:
        """Place what was found in `joined` in the texts where it starts; it ends there at the latest."""
        if self.members == _ALONE:
            return [(start, end, category, score, "", False) for start, end, category, score in found]
        return [self._placed(each) for each in found]

    def _placed(self, found: Found) -> Finding:
        start, end, category, score = found
        index = self.index_at(start)
        offset, length = self.starts[index], self.lengths[index]
        path = _path_text(self.members[index])
        return (
            min(start - offset, length),
            min(end - offset, length),
            category,
            score,
            path,
            self.names[index],
        )


def texts_of(value: Json) -> Texts:
    """Collect the texts of a value."""
    if isinstance(value, str):
        return Texts(value, (0,), (len(value),), _ALONE, (False,))
    parts: list[str] = []
    members: list[_Members] = []
    names: list[bool] = []
    pending: list[tuple[Json, _Members, bool]] = [(value, (), False)]
    while pending:
        each, place, is_name = pending.pop()
        if isinstance(each, dict):
            for name, member in reversed(each.items()):
                pending.append((member, (*place, name), False))
                pending.append((name, (*place, name), True))
        elif isinstance(each, list):
            pending.extend((item, (*place, index), False) for index, item in reversed(list(enumerate(each))))
        elif text := _text(each):
            parts.append(text)
            members.append(place)
            names.append(is_name)
    lengths = [len(part) for part in parts]
    starts = []
    offset = 0
    for length in lengths:
        starts.append(offset)
        offset += length + 1
    return Texts(SEPARATOR.join(parts), starts, lengths, members, names)


def replaced(value: Json, findings: Iterable[Finding]) -> Json:
    """Copy a value with each finding's span replaced by its category in brackets, names of members included.

    Findings are placed, in order and without overlaps. A number in which something was found becomes a
    string. Raises `EvaluationError` when two members of an object would have one name.
    """
    by_place = {place: list(group) for place, group in groupby(findings, itemgetter(4, 5))}

    def text(given: str, members: _Members, is_name: bool) -> str:
        found = by_place.get((_path_text(members), is_name), [])
        parts = []
        position = 0
        for start, end, category, _, _, _ in found:
            parts += [given[position:start], f"[{category}]"]
            position = end
        return "".join((*parts, given[position:]))

    def copy(each: Json, members: _Members) -> Json:
        if isinstance(each, str):
            return text(each, members, False)
        if isinstance(each, list):
            return [copy(item, (*members, index)) for index, item in enumerate(each)]
        if isinstance(each, dict):
            copied = {
                text(name, (*members, name), True): copy(item, (*members, name))
                for name, item in each.items()
            }
            if len(copied) < len(each):
                raise EvaluationError(
                    Reason.ANNOTATION_FAILED, "two members of an object would have one name when redacted"
                )
            return copied
        if given := _text(each):
            changed = text(given, members, False)
            return each if changed == given else changed
        return each

    return copy(value, ())


def _text(value: Json) -> str:
    """Give the text of a scalar: strings, and integers, in which numbers of cards and persons can be."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _path_text(members: _Members) -> str:
    parts = []
    for member in members:
        if isinstance(member, int):
            parts.append(f"[{member}]")
        elif member and not any(character in member for character in ".["):
            parts.append(f".{member}")
        else:
            parts.append(f"[{orjson.dumps(member).decode()}]")
    return "".join(parts)
