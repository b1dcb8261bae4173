"""Conditions as closures of three values: true, false and undecided, which is `None` (section 7.3).

A frame is a list: the policy input, then a slot for each path that a point reads, filled when first needed,
and a slot for the texts of each value that is searched.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from acs_sidecar.engines.adapters.agt_rules.comparisons import (
    COMPARISONS,
    LITERAL_COMPARISONS,
    ORDERS,
    contains,
    is_wrong_path,
    kind_of,
)
from acs_sidecar.engines.adapters.agt_rules.condition.tree import (
    And,
    Condition,
    Constant,
    Has,
    Name,
    Operator,
    Or,
    Test,
    Truth,
    path_text,
    tests_of,
)
from acs_sidecar.engines.adapters.agt_rules.expressions import Expression, Searches
from acs_sidecar.engines.adapters.agt_rules.values import Input, Read, Source, reader, texts_in
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json

__all__ = ["Check", "Compiler", "Frame", "Load"]

Frame: TypeAlias = list[Any]
Check: TypeAlias = Callable[[Frame], bool | None]
Load: TypeAlias = Callable[[Frame], Any]
_UNREAD = object()
_MAX_BYTES_READ = 64 * 1024 * 1024


class Compiler:
    """Compiles the conditions of one point; they share what they read of an input."""

    def __init__(self, resolve: Callable[[Name], Source], searches: Searches) -> None:
        self._resolve = resolve
        self._searches = searches
        self._slots: dict[tuple[Source, str, bool], int] = {}
        self._loads: list[Load] = []
        self._reading: dict[int, int] = {}
        self._leaves: dict[int, Check] = {}

    def undecided(self, condition: Condition, frame: Frame) -> list[str]:
        """Return the paths of the tests of a compiled condition that are undecided."""
        names: dict[str, None] = {}
        for test in tests_of(condition):
            if isinstance(test, Constant) or self._leaves[id(test)](frame) is not None:
                continue
            names[path_text(test.name.segments)] = None
            if isinstance(test, Test) and isinstance(test.operand, Name):
                names[path_text(test.operand.segments)] = None
        return list(names)

    def leaf(self, test: Condition, frame: Frame) -> bool | None:
        """Return the value of one test of a compiled condition."""
        return test.value if isinstance(test, Constant) else self._leaves[id(test)](frame)

    def check(self, condition: Condition) -> Check:
        """Compile a condition whose `not` is pushed down to its tests."""
        match condition:
            case Constant(value):
                return lambda _: value
            case And((first, second)):
                return _both(self.check(first), self.check(second))
            case And(parts) | Or(parts):
                checks = tuple(self.check(part) for part in parts)
                return _joined(checks, decisive=isinstance(condition, Or))
            case Truth() | Has() | Test():
                # Kept by identity: `1` and `true` are equal to Python. The rules keep the tests alive.
                check = self._leaves[id(condition)] = self._leaf(condition)
                return check
        raise TypeError("a condition with `not` is not pushed down")

    def _leaf(self, test: Truth | Has | Test) -> Check:
        match test:
            case Truth(name, negated):
                return _truth(self.load(name), negated)
            case Has(name, negated):
                return _has(self.load(name), negated)
            case Test(name, used, operand):
                return self._test(name, used, operand)

    def source(self, name: Name) -> Source:
        """Return where a name is read."""
        return self._resolve(name)

    def load(self, name: Name) -> Load:
        """Return what reads a name's value from a frame."""
        return self.read(self._resolve(name))

    def read(self, source: Source) -> Load:
        """Return what reads a source from a frame."""
        return self._loads[self._slot(source, texts=False) - 1]

    def slot(self, name: Name) -> int:
        """Return the slot of a name's value."""
        return self._slot(self._resolve(name), texts=False)

    def frame(self, given: Input) -> Frame:
        """Return the frame of one evaluation."""
        return [given, *([_UNREAD] * len(self._loads))]

    def bytes_read(self, frame: Frame, canonical_bytes: int) -> bool:
        """True if what `matches`, `contains`, `in` and tests of two paths read is at most 64 MiB.

        No value is longer than the input, so that small inputs are not measured.
        """
        if canonical_bytes * sum(self._reading.values()) <= _MAX_BYTES_READ:
            return True
        total = 0
        for slot, tests in self._reading.items():
            value = self._loads[slot - 1](frame)
            if isinstance(value, str | list | dict):
                total += len(canonical(value)) * tests
        return total <= _MAX_BYTES_READ

    def _slot(self, source: Source, *, texts: bool) -> int:
        # `1`, `1.0` and `true` are equal to Python; as defaults they are read apart.
        key = (source, repr(source.default), texts)
        if (known := self._slots.get(key)) is not None:
            return known
        read = reader(source)
        if texts:
            value = self._loads[self._slot(source, texts=False) - 1]
            slot = len(self._loads) + 1
            self._loads.append(_texts_load(slot, value))
        else:
            slot = len(self._loads) + 1
            self._loads.append(_load(slot, read))
        self._slots[key] = slot
        return slot

    def _test(self, name: Name, used: Operator, operand: Any) -> Check:  # noqa: ANN401  # a literal, a list or a path
        source = self._resolve(name)
        slot = self._slot(source, texts=False)
        load = self._loads[slot - 1]
        read = [slot, self.slot(operand)] if isinstance(operand, Name) else [slot] * (used in _READING)
        for each in read:
            self._reading[each] = self._reading.get(each, 0) + 1
        negated = used in _NEGATIVE
        other = self.load(operand) if isinstance(operand, Name) else None
        positive = _POSITIVE.get(used, used)
        if positive is Operator.MATCHES:
            texts = self._loads[self._slot(source, texts=True) - 1]
            return _matches(texts, self._search(operand), negated)
        if positive is Operator.EQ and type(operand) is str:
            return _text_equal(slot, load, operand, negated)
        if positive is Operator.IN and other is None:
            return _in_literals(load, operand, negated)
        if positive is Operator.CONTAINS and type(operand) is str:
            return _contains_text(slot, load, operand, negated)
        if other is None and type(operand) is not bool and (fast := LITERAL_COMPARISONS.get(positive)):
            return _against_literal(slot, load, fast, operand, negated)
        missing = None if positive.is_order else False
        return _compared(load, other or _constant(operand), COMPARISONS[positive], negated, missing=missing)

    def _search(self, pattern: str) -> Expression:
        if pattern not in self._searches:
            self._searches[pattern] = Expression(pattern)
        return self._searches[pattern]


_READING = frozenset(
    {
        Operator.IN,
        Operator.NOT_IN,
        Operator.CONTAINS,
        Operator.NOT_CONTAINS,
        Operator.MATCHES,
        Operator.NOT_MATCHES,
    }
)
_NEGATIVE = frozenset(
    {
        Operator.NE,
        Operator.NOT_IN,
        Operator.NOT_CONTAINS,
        Operator.NOT_STARTSWITH,
        Operator.NOT_ENDSWITH,
        Operator.NOT_MATCHES,
    }
)
_POSITIVE = {negative: negative.opposite for negative in _NEGATIVE}


def _constant(value: Json) -> Load:
    return lambda _: value


def _load(slot: int, read: Read) -> Load:
    def load(frame: Frame) -> Any:  # noqa: ANN401  # any JSON value
        value = frame[slot]
        if value is _UNREAD:
            value = frame[slot] = read(frame[0])
        return value

    return load


def _texts_load(slot: int, value_of: Load) -> Load:
    """Return what reads the UTF-8 texts of a value, each and joined.

    `None` stands for those of a missing value, `False` for those of a wrong path.
    """

    def load(frame: Frame) -> Any:  # noqa: ANN401  # a pair, `None` or `False`
        texts = frame[slot]
        if texts is _UNREAD:
            value = value_of(frame)
            texts = None if value is None else False
            if not is_wrong_path(value) and value is not None:
                each = tuple(dict.fromkeys(texts_in(value)))
                texts = each, Expression.joined(each)
            frame[slot] = texts
        return texts

    return load


def _contains_text(slot: int, load: Load, text: str, negated: bool) -> Check:
    missing = None if negated else False

    def check(frame: Frame) -> bool | None:
        value = frame[slot]
        if value is _UNREAD:
            value = load(frame)
        if type(value) is str:
            return (text in value) is not negated
        if value is None:
            return missing
        result = contains(value, text)
        return result if result is None else result is not negated

    return check


def _against_literal(
    slot: int,
    load: Load,
    compare: Callable[[Any, Any], bool],
    literal: str | int | float,
    negated: bool,
) -> Check:
    """Return the check of an order or a text operator against a literal, for values of the literal's type."""
    kinds = (str, str) if type(literal) is str else (int, float)
    first, second = kinds
    missing = None if negated or compare in ORDERS else False

    def check(frame: Frame) -> bool | None:
        value = frame[slot]
        if value is _UNREAD:
            value = load(frame)
        kind = type(value)
        if kind is first or kind is second:
            return compare(value, literal) is not negated
        return missing if value is None else None

    return check


def _joined(checks: tuple[Check, ...], *, decisive: bool) -> Check:
    """Return Kleene's `and` of the checks, or their `or` where one that is true is `decisive`."""

    def check(frame: Frame) -> bool | None:
        held: bool | None = not decisive
        for part in checks:
            result = part(frame)
            if result is decisive:
                return decisive
            if result is None:
                held = None
        return held

    return check


def _both(first: Check, second: Check) -> Check:
    """Return what `_joined` does for the commonest case, without its loop."""

    def check(frame: Frame) -> bool | None:
        held = first(frame)
        if held is False:
            return False
        other = second(frame)
        return held if other else other if other is False else None

    return check


def _truth(load: Load, negated: bool) -> Check:
    def check(frame: Frame) -> bool | None:
        value = load(frame)
        if value is True or value is False:
            return value is not negated
        return False if value is None and not negated else None

    return check


def _has(load: Load, negated: bool) -> Check:
    def check(frame: Frame) -> bool | None:
        return (kind_of(load(frame)) is not None) is not negated

    return check


def _text_equal(slot: int, load: Load, text: str, negated: bool) -> Check:
    missing = None if negated else False

    def check(frame: Frame) -> bool | None:
        value = frame[slot]
        if value is _UNREAD:
            value = load(frame)
        if type(value) is str:
            return (value == text) is not negated
        return missing if value is None else None

    return check


def _in_literals(load: Load, literals: tuple[Json, ...], negated: bool) -> Check:
    texts = frozenset(item for item in literals if isinstance(item, str))
    booleans = frozenset(item for item in literals if isinstance(item, bool))
    numbers = frozenset(
        item for item in literals if isinstance(item, int | float) and not isinstance(item, bool)
    )
    missing = None if negated else False
    by_type: dict[type, frozenset[Any]] = {str: texts, bool: booleans, int: numbers, float: numbers}

    def check(frame: Frame) -> bool | None:
        value = load(frame)
        items = by_type.get(type(value))
        if items:
            return (value in items) is not negated
        return missing if value is None else None

    return check


def _compared(
    load: Load,
    other: Load,
    compare: Callable[[Any, Any], bool | None],
    negated: bool,
    *,
    missing: bool | None,
) -> Check:
    """Return the check of a comparison; `missing` is its result where the value is missing.

    Where the operand alone is missing it is undecided: what the value is compared with is not known.
    """
    if_missing = None if negated else missing

    def check(frame: Frame) -> bool | None:
        value, operand = load(frame), other(frame)
        if value is None:
            return None if is_wrong_path(operand) else if_missing
        result = compare(value, operand)
        return result if result is None else result is not negated

    return check


def _matches(texts: Load, expression: Expression, negated: bool) -> Check:
    missing = None if negated else False

    def check(frame: Frame) -> bool | None:
        found = texts(frame)
        if found is None:
            return missing
        if found is False:
            return None
        return expression.occurs_in(*found) is not negated

    return check
