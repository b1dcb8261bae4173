"""All texts of a JSON value as one, so that a detector reads once what an attacker may have split."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, count
from typing import TypeAlias

import orjson

from acs_sidecar.detectors.findings import Finding, Found
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

__all__ = ["SEPARATOR", "Place", "Texts", "path_text", "replaced", "texts_of"]

SEPARATOR = "\0"
"""Stands between the texts: words may be read across it, numbers and addresses end there."""

_CONTROL = "\x02"  # stands for a separator that is part of a text

Place: TypeAlias = "tuple[Place, str | int] | None"
"""Where something is in a value: the place of the object or list that holds it, and the name or index there.

`None` is the value itself.
"""


@dataclass(frozen=True, slots=True)
class Texts:
    """The strings, integers and member names of a value, in its order, joined by `SEPARATOR`.

    `parts` are the texts, `starts` their offsets in `joined`, `holders` the places of what holds each, `keys` its name
    or index there, and `names` whether it is that name itself. They are columns, as there can be very many.
    """

    joined: str
    starts: Sequence[int]
    parts: Sequence[str]
    holders: Sequence[Place]
    keys: Sequence[str | int]
    names: Sequence[bool]

    def index_at(self, offset: int) -> int:
        """Return the index of the text that an offset in `joined` belongs to."""
        return bisect_right(self.starts, offset) - 1

    def within(self, found: Found) -> tuple[int, int, int]:
        """Return the index of the text in which a span of `joined` starts, and the span within it."""
        start, end = found[:2]
        if len(self.parts) == 1:
            return 0, start, end
        index = self.index_at(start)
        offset, length = self.starts[index], len(self.parts[index])
        return index, min(start - offset, length), min(end - offset, length)

    def placed(self, found: Iterable[Found]) -> list[Finding]:
        """Place what was found in `joined` in the texts where it starts; it ends there at the latest."""
        if not self.keys:
            return [(*each, "", False) for each in found]
        findings = []
        holder: Place = None
        above = ""
        for each in found:
            index, start, end = self.within(each)
            if self.holders[index] is not holder:
                holder = self.holders[index]
                above = path_text(holder)
            path = above + _step(self.keys[index])
            findings.append((start, end, each[2], each[3], path, self.names[index]))
        return findings


def texts_of(value: Json) -> Texts:
    """Collect the texts of a value."""
    parts: list[str] = []
    holders: list[Place] = []
    keys: list[str | int] = []
    names: list[bool] = []

    def collect(holder: dict[str, Json] | list[Json], place: Place) -> None:
        of_object = isinstance(holder, dict)
        for key, member in holder.items() if isinstance(holder, dict) else enumerate(holder):
            if of_object and key:
                parts.append(str(key))
                holders.append(place)
                keys.append(key)
                names.append(True)
            if isinstance(member, dict | list):
                collect(member, (place, key))
            elif text := _text(member):
                parts.append(text)
                holders.append(place)
                keys.append(key)
                names.append(False)

    if isinstance(value, dict | list):
        collect(value, None)
    else:
        parts.append(_text(value))
    starts = accumulate([len(part) + 1 for part in parts], initial=0)
    joined = SEPARATOR.join(parts)
    if joined.count(SEPARATOR) >= max(1, len(parts)):
        joined = SEPARATOR.join([part.replace(SEPARATOR, _CONTROL) for part in parts])
    return Texts(joined, list(starts)[:-1], parts, holders, keys, names)


def replaced(value: Json, texts: Texts, found: Iterable[Found], replacement: str | None = None) -> Json:
    """Copy a value with the span of everything found replaced, names of members included.

    It is replaced by `replacement`, or else by its category in brackets. `texts` are those of the value; what was found in them is in order and does not overlap. A number in which
    something was found becomes a string. Raises `EvaluationError` when two members of an object would have
    one name.
    """
    changed: dict[int, list[str]] = {}
    read: dict[int, int] = {}
    for each in found:
        index, start, end = texts.within(each)
        pieces = changed.setdefault(index, [])
        pieces.append(texts.parts[index][read.get(index, 0) : start])
        pieces.append(f"[{each[2]}]" if replacement is None else replacement)
        read[index] = end
    for index, end in read.items():
        changed[index].append(texts.parts[index][end:])
    indices = count()

    def text(given: str) -> str:
        pieces = changed.get(next(indices)) if given else None
        return "".join(pieces) if pieces else given

    def copy(each: Json) -> Json:
        if isinstance(each, list):
            return [copy(item) for item in each]
        if isinstance(each, dict):
            copied = {text(name): copy(item) for name, item in each.items()}
            if len(copied) < len(each):
                raise EvaluationError(
                    Reason.ANNOTATION_FAILED, "redaction would give two members of an object the same name"
                )
            return copied
        given = _text(each)
        new = text(given)
        return each if new == given else new

    return copy(value)


def _text(value: Json) -> str:
    """Return the text of a scalar: strings, and integers, in which numbers of cards and persons can be."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def path_text(place: Place) -> str:
    """Return the path that leads to a place from the value; empty for the value itself."""
    steps = []
    while place:
        place, member = place
        steps.append(_step(member))
    return "".join(reversed(steps))


def _step(member: str | int) -> str:
    if isinstance(member, int):
        return f"[{member}]"
    if member and "." not in member and "[" not in member:
        return f".{member}"
    return f"[{orjson.dumps(member).decode()}]"
