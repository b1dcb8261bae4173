"""`python -m tests.engines.rego.index.indexing`: random policies, evaluated with the rules a request can meet and with all.

The policies hold what an index could get wrong: functions that fail beside the comparison, defaults, `else`,
functions, several heads, negated rules, rules of other packages, `walk`, `with`, and members that are missing
or of another type.
"""

import argparse
import copy
import random
import sys
from typing import Any

from acs_sidecar.engines.rego.index.engines import IndexedEngines
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import Evaluator, PolicyInput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import INDEXED, bound, definition, policy_input

__all__ = ["AllRules", "differences", "outcome"]

_INPUTS_PER_POLICY = 6
_CONSTANTS = ('"a"', '"b"', "`c`", '"x\\"y"', "true", "false", "null", "1")
_VALUES: tuple[Json, ...] = (
    "a",
    "b",
    "c",
    'x"y',
    "other",
    "",
    True,
    False,
    None,
    1,
    1.0,
    0,
    [],
    ["a"],
    {"a": 1},
)
_PATHS = (
    "input.tool.name",
    'input["tool"].name',
    "t.name",
    "input.kind",
    "input.snapshot.role",
    "input.snapshot.n",
)
_GUARDS = (
    "{path} == {one}",
    "{path} == {one}",
    "{one} == {path}",
    "{path} = {one}",
    "{path} in {{{one}, {other}}}",
    "{path} in [{one}, {other}]",
    "{path} in {{{one}}}",
    "{path} == 1.0",
)
_SAFE = (
    "{path} != {one}",
    "not {path} == {one}",
    "not {path}",
    "{path}",
    "{path} > {one}",
    "some v",
    "v := {path}",
)
_FAILING = (
    "to_number(input.snapshot.text) > 0",
    "1 / input.snapshot.n > 0",
    'json.unmarshal(input.snapshot.text).a == "b"',
    "count(input.snapshot.list) > 0",
)
_OTHERS = (
    *_FAILING,
    "f({path})",
    "not f({path})",
    "g({path}) == {one}",
    "data.q.allowed",
    "not data.q.allowed",
    "some w in input.snapshot.list; w == {one}",
    "every w in input.snapshot.list {{ w != {one} }}",
    "count([w | some w in input.snapshot.list; w == {one}]) >= 0",
    "walk(data.q, [_, w]); w == {one}",
    "input.snapshot.list[_] == {one}",
)
_RANKS = ("flag", "denials", "names", "d", "verdict", "alone")
"""The rules of the package, each of which may refer to those before it."""
_REFERRING = {
    "flag": ("flag", "not flag"),
    "denials": ("denials[{one}]", "not denials[{one}]", "count(denials) > 0"),
    "names": ('names["k"] == {one}', 'not names["k"]'),
    "d": ("d.a", "not d.b", 'd.c["k"] == {one}', "d == {{}}"),
    "verdict": ("verdict == {one}", "not verdict"),
}
_WITH = (
    "count(data.q.seen) > 1 with input.tool.name as {one}",
    'count(data.q.seen) > 1 with t as {{"name": {one}}}',
    "data.q.allowed with input.tool.name as {one}",
    "data.q.allowed with input as {{}}",
    "not data.q.allowed with data.q.allowed as true",
    "f({path}) with t as {{}}",
)
_WITH_RULES = (
    "names[w] := 1 if some w in data.q.seen with input.tool.name as {one}",
    'denials contains w if some w in data.q.seen with t as {{"name": {one}}}',
)
_HEADS = (
    "denials contains {one}",
    "denials contains {one}",
    "verdict := {one}",
    "verdict := {one}",
    "flag",
    "names[{text}] := {one}",
    "d.a := {one}",
    "d.b contains {one}",
    "d.c[{text}] := {one}",
    'names_of["k"].e contains {one}',
    "denials contains input.snapshot.role",
    "verdict := to_number(input.snapshot.text)",
    "alone_{number}",
)
_OPTIONAL = (
    "default verdict := 0",
    "default flag := false",
    "g(x) := {one} if {{ {path} == {one}; x == {other} }}",
)
_NEEDED = (
    'f(x) if {{ {path} == {one}; x == "a" }}',
    "g(x) := x if {path} == {one}",
    "flag if {path} == {one}",
    "denials contains {one} if {path} == {one}",
    "names[{one}] := {other} if {path} == {one}",
    "d.a := {other} if {path} == {one}",
    "d.b contains {other} if {path} == {one}",
    "d.c[{one}] := {other} if {path} == {one}",
    "verdict := {other} if {path} == {one}",
)
_WITH_SHARE = 0.02


def _statement(source: random.Random, forms: tuple[str, ...]) -> str:
    one, other = source.choice(_CONSTANTS), source.choice(_CONSTANTS)
    return source.choice(forms).format(path=source.choice(_PATHS), one=one, other=other)


def _referring(source: random.Random, name: str) -> tuple[str, ...]:
    """Return forms of statements, with those that refer to the rules before one."""
    before = _RANKS[: _RANKS.index(name)]
    return (*_OTHERS, *(form for earlier in before for form in _REFERRING[earlier]))


def _rule(source: random.Random, number: int) -> str:
    head = source.choice(_HEADS).format(
        one=source.choice(_CONSTANTS),
        text=source.choice(('"k"', '"l"', "input.snapshot.role")),
        number=number,
    )
    others = _referring(source, next(name for name in _RANKS if head.startswith(name)))
    statements = [_statement(source, _SAFE) for _ in range(source.choice((0, 0, 1)))]
    statements += [_statement(source, others) for _ in range(source.choice((0, 0, 0, 1)))]
    statements += [_statement(source, _GUARDS) for _ in range(source.choice((0, 1, 1, 1, 2)))]
    statements += [_statement(source, others) for _ in range(source.choice((0, 0, 1, 2)))]
    if source.random() < _WITH_SHARE:
        statements.append(_statement(source, _WITH))
    for name in ("some v", "v :=", "some w", "every w", "[_, w]"):
        uses = [one for one in statements if name in one]
        statements = [one for one in statements if one not in uses[1:]]
    if source.random() < 0.2:
        source.shuffle(statements)
    if any("some v" in one for one in statements):
        statements = [one for one in statements if "v :=" not in one] + ['v = "a"']
    separator = source.choice(("; ", "\n  ", "  # a comment, é\n  "))
    body = f" if {{\n  {separator.join(statements or ['true'])}\n}}"
    if "verdict" in head and source.random() < 0.15:
        body += f" else := {source.choice(_CONSTANTS)} if {{ {_statement(source, _GUARDS)} }}"
    return head + body


def _module(source: random.Random) -> str:
    rules = [_rule(source, number) for number in range(source.randint(4, 12))]
    rules += [_statement(source, (form,)) for form in _OPTIONAL if source.random() < 0.5]
    rules += [_statement(source, (form,)) for form in _NEEDED]
    if source.random() < _WITH_SHARE:
        rules.append(_statement(source, _WITH_RULES))
    source.shuffle(rules)
    separator = source.choice(("\n", "\n\n# about the next\n"))
    return f"package p\nimport input.tool as t\n{separator.join(rules)}\n"


def _other(source: random.Random) -> str:
    rules = [
        f"{head} if {{ {_statement(source, _GUARDS)}; {_statement(source, (*_FAILING, 'true', 'true'))} }}"
        for head in ("allowed", "allowed", *(f"seen contains {number}" for number in range(4)))
    ]
    return "\n".join(["package q", "import input.tool as t", "default allowed := false", *rules, ""])


def _input(source: random.Random) -> PolicyInput:
    snapshot: dict[str, Any] = {
        "role": source.choice(_VALUES),
        "n": source.choice((0, 1, 1.0, True, None, "a")),
        "text": source.choice(("1", "x", '{"a": "b"}', "", None)),
        "list": source.choice((["a", 1], [], "a", None)),
    }
    for name in list(snapshot):
        if source.random() < 0.1:
            del snapshot[name]
    tool: Any = source.choice(
        ({"name": source.choice(_VALUES)}, {"name": source.choice(_VALUES)}, {}, None, "a", ["a"])
    )
    return policy_input(snapshot, tool=tool, kind=source.choice(_VALUES))


class AllRules:
    """Stands in the place of indexed engines, with the one that holds all rules."""

    def __init__(self, indexed: IndexedEngines) -> None:
        self.prepared = indexed.prepared

    def engine_for(self, given: Json) -> Any:  # the signature of `ThreadEngine`
        """Return the engine with all rules."""
        return self.prepared


def outcome(evaluator: Evaluator, given: PolicyInput) -> tuple[Any, ...]:
    """Return the output with its trace, or the reason and the detail of a failure."""
    try:
        answer = evaluator.evaluate(given)
    except EvaluationError as error:
        return error.reason, error.detail
    return repr(answer.value), answer.trace


def differences(policies: int, seed: int) -> tuple[list[str], dict[str, int]]:
    """Return what is evaluated differently, and counts of what was compared."""
    found: list[str] = []
    counts = dict.fromkeys(
        ("policies", "refused", "not indexed", "evaluations", "by fewer rules", "failures"), 0
    )
    for number in range(seed, seed + policies):
        source = random.Random(number)  # noqa: S311  # reproducible cases, no secret
        modules = {"p.rego": _module(source), "q.rego": _other(source)}
        query = source.choice(("data.p", "data.p", "data.p.verdict", "data.p.denials"))
        inputs = [_input(source) for _ in range(_INPUTS_PER_POLICY)]
        counts["policies"] += 1
        try:
            indexed = bound(definition(modules, query), rego=INDEXED)
        except ManifestError as error:
            counts["refused"] += 1
            code = error.diagnostics[0].code
            counts[code] = counts.get(code, 0) + 1
            continue
        engines = indexed._engines  # type: ignore[attr-defined]  # the class is not public
        if not isinstance(engines, IndexedEngines):
            counts["not indexed"] += 1
            continue
        whole = copy.copy(indexed)
        whole._engines = AllRules(engines)  # type: ignore[attr-defined]  # the class is not public
        for one in inputs:
            counts["evaluations"] += 1
            part = engines.index.part_for(one.value)
            counts["by fewer rules"] += part is not None and len(part.positions) < engines.index.size
            expected = outcome(whole, one)
            counts["failures"] += isinstance(expected[0], Reason)
            if outcome(indexed, one) != expected:
                found.append(f"seed {number}: {one.value}\n{expected}\n{outcome(indexed, one)}")
    return found, counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policies", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    different, counted = differences(options.policies, options.seed)
    for one in different[:10]:
        sys.stdout.write(f"{one}\n")
    sys.stdout.write(f"{counted}, {len(different)} differences\n")
    raise SystemExit(bool(different))
