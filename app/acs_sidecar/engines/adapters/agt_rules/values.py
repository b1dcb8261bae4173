"""Where a name's value is in a policy input, and how it is read (sections 7.3, 7.4).

A missing value and `null` are `None`; a path through a value that has no members is `WRONG_TYPE`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never, cast

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.path import Path, Root
from acs_sidecar.spec.values import Json

__all__ = ["WRONG_TYPE", "Input", "Read", "Source", "reader", "texts_in", "walk"]

Input: TypeAlias = Mapping[str, Json]
Read: TypeAlias = Callable[[Input], Json]


class _WrongType:
    """The one value of its type: no JSON value, and of no type that a test compares."""


WRONG_TYPE: Final = cast(Json, _WrongType())


@dataclass(frozen=True, slots=True)
class Source:
    """A value in the policy input: `paths` are tried in order until one has a value, then `default`.

    `scalar_value` tells that a last segment `value` may be left out of what is no object.
    `computed` is read instead of paths: a fact about the agent that the guards know.
    """

    paths: tuple[Path, ...] = ()
    default: Json = None
    rest: tuple[str | int, ...] = ()
    scalar_value: bool = False
    computed: Read | None = None

    def __hash__(self) -> int:
        return hash((self.paths, self.rest, self.computed))


def reader(source: Source) -> Read:
    """Return what reads a source from a policy input."""
    if source.computed is not None:
        return _walked(source.computed, source.rest)
    first, *others = [_path_reader(path) for path in source.paths]
    if others or source.default is not None:
        alternatives, default = (first, *others), source.default
        return _walked(lambda given: _first(given, alternatives, default), source.rest)
    if source.scalar_value:
        return lambda given: _value_of(first(given))
    return _walked(first, source.rest)


def walk(value: Json, segments: tuple[str | int, ...]) -> Json:
    """Follow segments from a value."""
    for segment in segments:
        if value is None:
            return None
        if type(segment) is str:
            if type(value) is not dict:
                return WRONG_TYPE
            value = value.get(segment)
        elif type(value) is list:
            value = value[segment] if segment < len(value) else None  # type: ignore[operator,index]  # an int, as it is no str
        else:
            return WRONG_TYPE
    return value


def _walked(read: Read, rest: tuple[str | int, ...]) -> Read:
    return (lambda given: walk(read(given), rest)) if rest else read


def _first(given: Input, reads: tuple[Read, ...], default: Json) -> Json:
    for read in reads:
        if (value := read(given)) is not None:
            return value
    return default


def _value_of(value: Json) -> Json:
    """Return the member `value` of an object, and anything else itself."""
    return value.get("value") if type(value) is dict else value


def _path_reader(path: Path) -> Read:
    segments = path.segments
    match path.root:
        case Root.SNAPSHOT:
            return lambda given: walk(given["snapshot"], segments)
        case Root.TOOL:
            return lambda given: walk(given["tool"], segments)
        case Root.POLICY_TARGET:
            return lambda given: walk(given["policy_target"], ("value", *segments))
        case Root.POLICY_INPUT:
            return lambda given: walk(cast(Json, given), segments)
        case _:
            assert_never(path.root)


def texts_in(value: Json) -> Iterator[bytes]:
    """Yield the texts in a value: names and members, numbers and booleans as JSON text."""
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            yield node.encode(errors="replace")
        elif isinstance(node, dict):
            for name in node:
                yield name.encode(errors="replace")
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, int | float):
            yield canonical(node)
