"""JSON request data to Cedar values (section 1.7.1).

Converters are plain functions, built when a policy is bound: a `Convert` takes the JSON value at one
place of the context and gives what the engine's JSON form of a context wants there. `null` never
reaches one: a container leaves such members out. All raise `EvaluationError` with
`policy_invocation_failed`, and none tells a value.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from typing import TypeAlias

from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

__all__ = [
    "ESCAPES",
    "Convert",
    "decimal_number",
    "extension",
    "long_number",
    "may_not_convert",
    "mentions_escape",
    "picked",
    "plain",
    "refuse_escapes",
    "unfit",
    "with_members",
]

Convert: TypeAlias = Callable[[Json], Json]

ESCAPES = frozenset({"__entity", "__extn", "__expr"})
"""Members by which the engine's JSON form writes entities and extension values."""

_MIN_LONG, _MAX_LONG = -(2**63), 2**63 - 1
_SCALE = 10_000
_EXACT = Context(prec=400)  # a double has at most 309 digits before the point
_SURELY_FITS = 14

# Each pattern begins with a literal, which the search finds many times faster than a class, and
# none repeats without bound: the text is hostile.
_ESCAPE = re.compile(rb'"__e(?:ntity|xtn|xpr)":')
_NULL_ITEM = re.compile(rb"null(?<=[\[,]null)")
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = re.compile(rb"000000000000000(?<=[:\[,-]000000000000000)")
_EXPONENT = re.compile(rb"0e[+-]?0{1,3}[,\]}]")
_LONG_FRACTION = re.compile(rb"\.00000{1,20}[,\]}e]")


def unfit(what: str) -> EvaluationError:
    """Return the failure of request data that cannot become the request of a policy."""
    return EvaluationError(Reason.POLICY_INVOCATION_FAILED, what)


def may_not_convert(canonical: bytes) -> bool:
    """True if a value in the canonical bytes of an object might not convert.

    False is certain: no escape member, no `null` in a list, no number out of range or finer than a
    `decimal`. True is not: a text may look like any of them.
    """
    zeroed = canonical.translate(_DIGITS_TO_ZERO)
    return bool(
        _LONG_NUMBER.search(zeroed)
        or _EXPONENT.search(zeroed)
        or _LONG_FRACTION.search(zeroed)
        or _NULL_ITEM.search(canonical)
        or _ESCAPE.search(canonical)
    )


def mentions_escape(canonical: bytes) -> bool:
    """True if an object in the canonical bytes might have an escape member."""
    return _ESCAPE.search(canonical) is not None


def refuse_escapes(value: Json) -> None:
    """Refuse data that poses as an entity or an extension value, wherever in `value` it is."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if not ESCAPES.isdisjoint(part):
                listed = ", ".join(f"`{name}`" for name in sorted(ESCAPES))
                raise unfit(f"an object in the request has a member that Cedar reserves: {listed}")
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def plain(value: Json) -> Json:
    """Convert a value that no schema describes; a `null` can only be an item of a list."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _long(value)
    if isinstance(value, float):
        return (
            _long(_integral(value)) if value.is_integer() else extension("decimal", _decimal_of_float(value))
        )
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    raise unfit("a list in the context holds `null`")


def long_number(value: int | float) -> Json:
    """Convert an integral number, however it is written. Raises `EvaluationError` for any other."""
    if isinstance(value, float) and not value.is_integer():
        raise unfit("a number in the context is not an integer, though the schema declares a `Long`")
    return _long(_integral(value))


def decimal_number(value: Json) -> Json:
    """Convert as `plain`, but every number to `decimal`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return plain(value)
    if isinstance(value, float) and not value.is_integer():
        return extension("decimal", _decimal_of_float(value))
    whole = _integral(value)
    if not _MIN_LONG <= whole * _SCALE <= _MAX_LONG:
        raise unfit("an integer in the context does not fit a `decimal`")
    return extension("decimal", f"{whole}.0")


def extension(function: str, argument: str) -> Json:
    """Return the engine's JSON form of an extension value: a constructor and its argument."""
    return {"__extn": {"fn": function, "arg": argument}}


def picked(members: Mapping[str, Convert]) -> Convert:
    """Convert only these members of an object: what policies can see of one that they only look into.

    What is no object stands for itself as `true`: looking into it fails in the engine as it should.
    """
    pairs = tuple(members.items())

    def convert(value: Json) -> Json:
        if not isinstance(value, dict):
            return True
        taken: dict[str, Json] = {}
        for name, member in pairs:
            inner = value.get(name)
            if inner is not None:
                taken[name] = member(inner)
        return taken

    return convert


def with_members(members: Mapping[str | int, Convert], otherwise: Convert) -> Convert:
    """Convert all of a value: these members or items of a container in their own way, a scalar so."""

    def convert(value: Json) -> Json:
        if isinstance(value, dict):
            return {
                name: members.get(name, plain)(inner) for name, inner in value.items() if inner is not None
            }
        if isinstance(value, list):
            return [members.get(index, plain)(inner) for index, inner in enumerate(value)]
        return otherwise(value)

    return convert


def _long(value: int) -> int:
    if not _MIN_LONG <= value <= _MAX_LONG:
        raise unfit("an integer in the context does not fit 64 bits")
    return value


def _integral(value: int | float) -> int:
    """Return an integral number as its canonical text has it, which beyond 2**53 a double does not say."""
    return value if isinstance(value, int) else int(Decimal(repr(value)))


def _decimal_of_float(value: float) -> str:
    text = repr(value)
    whole, _, fraction = text.partition(".")
    if 0 < len(fraction) <= 4 and fraction.isdigit() and len(whole) <= _SURELY_FITS:
        return text
    exact = Decimal(text)
    scaled = exact.scaleb(4, _EXACT)
    if scaled != scaled.to_integral_value():
        raise unfit("a number in the context has more than the four fractional digits of a `decimal`")
    if not _MIN_LONG <= scaled <= _MAX_LONG:
        raise unfit("a number in the context does not fit a `decimal`")
    return f"{exact:f}"
