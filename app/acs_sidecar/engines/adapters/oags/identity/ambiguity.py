"""Prompts and tools that implementations of the specification read differently (section 9.1)."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal

import orjson

from acs_sidecar.engines.adapters.oags.identity.hashing import WHITE_SPACE, parse_tools
from acs_sidecar.spec.document.duplicate_members import has_duplicate_members
from acs_sidecar.spec.values import Json

__all__ = ["loses_content", "prompt_doubts", "tools_doubts"]

_DISPUTED = "\x1c\x1d\x1e\x1f\x85\ufeff"
_LARGEST_EXACT = 2**53
_DIGITS_KEPT = 15
_MOST_LONG = 10_000


def prompt_doubts(prompt: str) -> Iterator[str]:
    """Yield why implementations may hash a prompt differently."""
    inner = prompt.strip(WHITE_SPACE + _DISPUTED)
    start = prompt.find(inner)
    ends = prompt[:start] + prompt[start + len(inner) :]
    for character in sorted(set(ends) & set(_DISPUTED)):
        yield f"begins or ends with U+{ord(character):04X}, which not everyone trims"


def tools_doubts(text: str) -> Iterator[str]:
    """Yield why implementations may hash the text of tools differently. Raises `IdentityInputError`."""
    value, is_json = parse_tools(text)
    if not is_json:
        return
    if has_duplicate_members(text.encode(), value):
        yield "names a member twice: the last one counts here"
    numbers = list(_numbers(text))
    if any(isinstance(number, Decimal) for number in numbers):
        yield "holds a number that is not an integer, which not everyone writes alike"
    if any(isinstance(number, int) and abs(number) > _LARGEST_EXACT for number in numbers):
        yield "holds an integer beyond 2^53, which not everyone keeps"


def loses_content(tools: Json) -> bool:
    """True if two different texts of tools have the identity of these.

    A member that is named twice, and a number that no double and no 64-bit integer is, are not in the hash.
    Of tools that were parsed already, so is a double beyond 2^53: many integers are read as it.
    Raises `IdentityInputError`.
    """
    return _text_loses_content(tools) if isinstance(tools, str) else _holds_rounded(tools)


def _holds_rounded(tools: Json) -> bool:
    """True if a value holds a double that stands for more than one integer."""
    left = [tools]
    while left:
        value = left.pop()
        if isinstance(value, float) and abs(value) >= _LARGEST_EXACT:
            return True
        if isinstance(value, dict):
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
    return False


def _text_loses_content(text: str) -> bool:
    value, is_json = parse_tools(text)
    if not is_json:
        return False
    if has_duplicate_members(text.encode(), value):
        return True
    long = 0

    def check(digits: str) -> int:
        nonlocal long
        if len(digits) > _DIGITS_KEPT or "e" in digits.lower():
            long += 1
            if long > _MOST_LONG or Decimal(digits) != _read_back(digits):
                raise _LossError
        return 0

    try:
        json.loads(text, parse_int=check, parse_float=check)
    except _LossError:
        return True
    return False


class _LossError(Exception):
    """A number that is not kept, or too many to look at."""


def _read_back(digits: str) -> Decimal | None:
    """Return the number that is hashed in the place of `digits`."""
    value = orjson.loads(digits)
    return Decimal(repr(value)) if isinstance(value, int | float) else None


def _numbers(text: str) -> Iterator[int | Decimal]:
    """Yield the numbers of a JSON text, exactly; an integer is one without a fraction and an exponent."""
    if not re.search(r"[0-9]", text):
        return
    found: list[int | Decimal] = []

    def integer(digits: str) -> int:
        number = int(digits) if len(digits) < 40 else 10**40
        found.append(number)
        return 0

    def fraction(digits: str) -> int:
        found.append(Decimal(digits))
        return 0

    _parsed: Json = json.loads(text, parse_int=integer, parse_float=fraction)
    yield from found
