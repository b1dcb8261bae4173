"""Decisions with the part of a context that policies read, against decisions with all of it.

`make cedar-differential` runs 100,000 random policies and contexts; the tests run a few.
"""

import argparse
import random
import sys

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.context import undeclared
from acs_sidecar.engines.cedar.reads import reads_of
from acs_sidecar.engines.cedar.values import plain
from acs_sidecar.spec.values import Json

__all__ = ["differences"]

_NAMES = ("a", "b", "c")
_LITERALS = ("1", "true", '"x"', "[1]", "{a: 1}", "{}", 'decimal("0.5")')
_SCALARS: tuple[Json, ...] = (1, 7.0, True, False, "x", 0.5, 2.25)
_SHAPES = (
    "({0}).{n}",
    "(({0}) has {n})",
    "(({0}) has {n}.{m})",
    "({0} == {1})",
    "({0} && {1})",
    "({0} || {1})",
    "([{0}].contains({1}))",
    "(if {0} then {1} else {2})",
    "{{{n}: {0}}}",
    "(!({0}))",
    "({0} < {1})",
    '({0} like "x*")',
    '({0})["{n}"]',
    "(({0}).contains({1}))",
    "(({0}).containsAny([{1}, {2}]))",
    "(({0}).lessThan({1}))",
    "(({0}) in ({1}))",
    "(({0}) is Agent in ({1}))",
    "(principal has {n} || resource in [{0}])",
    "(-({0}))",
    "({0} + {1} * {2})",
    "decimal({0})",
    '({{"{n}": {0}, "in": {1}}}["in"])',
)
_UID = {"type": "Agent", "id": "a"}


def differences(cases: int, seed: int) -> list[tuple[str, Json]]:
    """Return the policies and contexts, of `cases` random ones, that are decided differently."""
    source = random.Random(seed)  # noqa: S311  # reproducible cases, no secret
    entities = engine.parse_entities([], None)
    return [
        case
        for case in ((_policies(source), _members(source, 3)) for _ in range(cases))
        if not _same(*case, entities)
    ]


def _same(text: str, context: dict[str, Json], entities: engine.Entities) -> bool:
    parsed = [engine.parse_policy(line) for line in text.splitlines()]
    reads = reads_of(clause["body"] for policy in parsed for clause in policy["conditions"])
    handle = engine.parse_policies(text)

    def answer(given: Json) -> tuple[str, set[str], set[str]]:
        told = engine.authorize(handle, entities, principal=_UID, action=_UID, resource=_UID, context=given)
        diagnostics = told["diagnostics"]
        failed = {error.split("`")[1] for error in diagnostics["errors"]}
        return told["decision"], set(diagnostics["reason"]), failed

    return answer(undeclared(reads, [])(context)) == answer(plain(context))


def _policies(source: random.Random) -> str:
    return "\n".join(
        f"{source.choice(('permit', 'forbid'))}(principal, action, resource) when {{ {_expression(source, 3)} }};"
        for _ in range(source.randint(1, 3))
    )


def _expression(source: random.Random, depth: int) -> str:
    if depth == 0 or source.random() < 0.25:
        path = ".".join(["context", *source.choices(_NAMES, k=source.randint(0, 3))])
        return path if source.random() < 0.7 else source.choice(_LITERALS)
    inner = [_expression(source, depth - 1) for _ in range(3)]
    return source.choice(_SHAPES).format(*inner, n=source.choice(_NAMES), m=source.choice(_NAMES))


def _members(source: random.Random, depth: int) -> dict[str, Json]:
    return {name: _value(source, depth - 1) for name in _NAMES if source.random() < 0.7}


def _value(source: random.Random, depth: int) -> Json:
    if depth and source.random() < 0.6:
        return _members(source, depth)
    if source.random() < 0.15:
        return [source.choice(_SCALARS) for _ in range(source.randint(0, 2))]
    return None if source.random() < 0.1 else source.choice(_SCALARS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = differences(options.cases, options.seed)
    for text, context in found[:10]:
        sys.stdout.write(f"{text}\n{context}\n")
    sys.stdout.write(f"{options.cases} cases, {len(found)} differences\n")
    raise SystemExit(bool(found))
