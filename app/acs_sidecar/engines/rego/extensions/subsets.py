"""`object.subset` as OPA has it: objects go deep, arrays are runs of elements."""

from acs_sidecar.spec.values import Json

__all__ = ["in_order", "is_subset"]

_Value = Json | set[Json]


def is_subset(whole: _Value, part: _Value) -> bool:
    """True if `part` is in `whole`: two objects, two sets, two arrays, or a set in an array.

    Of an array OPA counts the elements that are in the set, each as often as it stands there:
    `{"a", "x"}` is a subset of `["x", "x"]`.
    """
    if isinstance(whole, dict) and isinstance(part, dict):
        return _has_members(whole, part)
    if isinstance(whole, set) and isinstance(part, set):
        return all(_holds(whole, item) for item in _plain(part))
    if isinstance(whole, list) and isinstance(part, set):
        return bool(whole) and sum(_holds(part, item) for item in whole) >= len(part)
    if isinstance(whole, list) and isinstance(part, list):
        return _has_run(whole, part)
    raise TypeError("values of kinds that do not compare")


def _has_members(whole: dict[str, Json], part: dict[str, Json]) -> bool:
    return all(name in whole and _holds_value(whole[name], value) for name, value in part.items())


def _holds_value(whole: _Value, part: _Value) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return _has_members(whole, part)
    if isinstance(whole, set) and isinstance(part, set):
        return is_subset(whole, part)
    if isinstance(whole, list) and isinstance(part, list):
        return _has_run(whole, part)
    return _same(whole, part)


def _has_run(whole: list[Json], part: list[Json]) -> bool:
    """True if the elements of `part` stand in `whole`, one behind the other."""
    length = len(part)
    return any(
        all(map(_same, whole[start : start + length], part)) for start in range(len(whole) - length + 1)
    )


def _holds(whole: set[Json], item: Json) -> bool:
    return any(_same(item, other) for other in _plain(whole))


def in_order(values: set[Json]) -> list[Json]:
    """Return the elements of a set of numbers, texts and `null` as Rego orders them."""
    return sorted(
        _plain(values),
        key=lambda item: (item is not None, isinstance(item, str), item if item is not None else 0),
    )


def _plain(values: set[Json]) -> set[Json]:
    """Refuse a set of booleans: Python takes `true` for 1, and one of the two is lost on the way."""
    if any(isinstance(value, bool) for value in values):
        raise ValueError("a set that holds booleans")
    return values


def _same(one: _Value, other: _Value) -> bool:
    """Compare as Rego does, to which `true` is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, set) and isinstance(other, set):
        return _plain(one) == _plain(other)
    return isinstance(one, bool) == isinstance(other, bool) and one == other
