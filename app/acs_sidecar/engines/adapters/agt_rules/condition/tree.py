"""The tree of a condition, its text, and its tests with `not` pushed down to them (section 7.3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import orjson

__all__ = [
    "And",
    "Condition",
    "Constant",
    "Has",
    "Literal",
    "Name",
    "Not",
    "Operand",
    "Operator",
    "Or",
    "Test",
    "Truth",
    "path_text",
    "pushed_down",
    "tests_of",
    "text_of",
]

Literal: TypeAlias = str | int | float | bool
Segments: TypeAlias = tuple[str | int, ...]


class Operator(StrEnum):
    """The operators of a test, each with its negation."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"
    NOT_IN = "not in"
    CONTAINS = "contains"
    NOT_CONTAINS = "not contains"
    STARTSWITH = "startswith"
    NOT_STARTSWITH = "not startswith"
    ENDSWITH = "endswith"
    NOT_ENDSWITH = "not endswith"
    MATCHES = "matches"
    NOT_MATCHES = "not matches"

    @property
    def opposite(self) -> "Operator":
        """The operator that holds where this one does not."""
        return _OPPOSITES[self]

    @property
    def is_order(self) -> bool:
        """True for `<`, `<=`, `>` and `>=`."""
        return self in _ORDERS


_PAIRS = (
    (Operator.EQ, Operator.NE),
    (Operator.LT, Operator.GE),
    (Operator.GT, Operator.LE),
    (Operator.IN, Operator.NOT_IN),
    (Operator.CONTAINS, Operator.NOT_CONTAINS),
    (Operator.STARTSWITH, Operator.NOT_STARTSWITH),
    (Operator.ENDSWITH, Operator.NOT_ENDSWITH),
    (Operator.MATCHES, Operator.NOT_MATCHES),
)
_OPPOSITES = {**dict(_PAIRS), **{second: first for first, second in _PAIRS}}
_ORDERS = frozenset({Operator.LT, Operator.LE, Operator.GT, Operator.GE})


@dataclass(frozen=True, slots=True)
class Name:
    """A path of names; `offset` is where it begins in the condition's text."""

    segments: Segments
    offset: int = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Name) and self.segments == other.segments

    def __hash__(self) -> int:
        return hash(self.segments)


Operand: TypeAlias = Literal | tuple[Literal, ...] | Name


@dataclass(frozen=True, slots=True)
class Constant:
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """A bare path: whether it is `true`, or with `negated` whether it is `false`."""

    name: Name
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Has:
    """`has(path)`: whether there is a value, or with `negated` whether there is none."""

    name: Name
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Test:
    """A path against an operand: a literal, a list of literals, or another path."""

    name: Name
    operator: Operator
    operand: Operand


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class And:
    """Two or more conditions of which all must hold."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more conditions of which one must hold."""

    parts: "tuple[Condition, ...]"


Condition: TypeAlias = Constant | Truth | Has | Test | Not | And | Or


def pushed_down(condition: Condition, negated: bool = False) -> Condition:
    """Return the condition, or with `negated` its opposite, without any `Not`."""
    match condition:
        case Constant(value):
            return Constant(value is not negated)
        case Truth(name, was):
            return Truth(name, was is not negated)
        case Has(name, was):
            return Has(name, was is not negated)
        case Test(name, operator, operand):
            return Test(name, operator.opposite, operand) if negated else condition
        case Not(part):
            return pushed_down(part, not negated)
        case And(parts) | Or(parts):
            made = Or if isinstance(condition, And) is negated else And
            return made(tuple(pushed_down(part, negated) for part in parts))


def tests_of(condition: Condition) -> Iterator[Constant | Truth | Has | Test]:
    """Yield the tests of a condition, in the order of its text."""
    match condition:
        case Not(part):
            yield from tests_of(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from tests_of(part)
        case _:
            yield condition


def text_of(condition: Condition) -> str:
    """Return a text whose tree is the condition."""
    match condition:
        case Constant(value):
            return str(value).lower()
        case Truth(name, negated):
            return f"not {path_text(name.segments)}" if negated else path_text(name.segments)
        case Has(name, negated):
            return f"{'not ' if negated else ''}has({path_text(name.segments)})"
        case Test(name, operator, operand):
            return f"{path_text(name.segments)} {operator} {_operand_text(operand)}"
        case Not(part):
            return f"not ({text_of(part)})"
        case And(parts):
            return " and ".join(_inner_text(part) for part in parts)
        case Or(parts):
            return " or ".join(
                f"({text_of(part)})" if isinstance(part, Or) else text_of(part) for part in parts
            )


def path_text(segments: Segments) -> str:
    """Return a path as a condition has it."""
    first, *rest = segments
    return str(first) + "".join(_segment_text(segment) for segment in rest)


def _inner_text(part: Condition) -> str:
    return f"({text_of(part)})" if isinstance(part, And | Or) else text_of(part)


def _segment_text(segment: str | int) -> str:
    if isinstance(segment, int):
        return f"[{segment}]"
    if segment.isascii() and segment.isidentifier():
        return f".{segment}"
    return f"[{_quoted(segment)}]"


def _operand_text(operand: Operand) -> str:
    if isinstance(operand, Name):
        return path_text(operand.segments)
    if isinstance(operand, tuple):
        return f"[{', '.join(_literal_text(literal) for literal in operand)}]"
    return _literal_text(operand)


def _literal_text(literal: Literal) -> str:
    return _quoted(literal) if isinstance(literal, str) else orjson.dumps(literal).decode()


def _quoted(text: str) -> str:
    return f"'{text}'" if "'" not in text else f'"{text}"'
