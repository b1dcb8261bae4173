"""Section 1.7.2: a rule that the engine would lose is refused when it is compiled."""

import json

import pytest
import regorus

from acs_sidecar.engines.rego.type import REGO
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import CompileRequest
from acs_sidecar.spec.values import Json, JsonObject
from tests.engines.rego.policies import definition, evaluate, findings
from tests.engines.sources import MemorySources

LOSSY = [
    "d contains input.why[n] if { some n in input.names }",
    "d contains x.flag if { some x in input.xs }",
    'd contains sprintf("%s", [x.flag]) if { some x in input.xs }',
    'd contains {"why": x.flag} if { some x in input.xs }',
    "d contains input.xs[_].flag",
    "d contains input.xs[i].flag if { input.names[i] }",
    "d[n] := input.why[n] if { some n in input.names }",
    "d[x.flag] := 1 if { some x in input.xs }",
    "d := x.flag if { some x in input.xs }",
    'd := "no" if { input.no } else := x.flag if { some x in input.xs }',
    "g(n) := input.why[n]\nd contains g(n) if { some n in input.names }",
    "d contains value.flag if { walk(input, [_, value]) }",
    "d contains max(x) if { some x in input.xs }",
    "d contains count(min(x)) if { some x in input.xs }",
    "d[n] := [min(x)] if { some n, x in input.xs }",
    "d := max([s | some s in x.scores]) if { some x in input.xs }",
    "d := input.why[n] if { n := input.names[_] }",
    "d := input.why[n] if { n := input.names[i] }",
    "d := input.why[n] if { n := input.a; input.names[i] }",
    "d contains input.why[n] if { n := input.a; input.pairs[[n, y]] }",
    "d := 1 if { n := input.a; n == 2 } else := input.why[n] if { input.names[n] }",
    "d := input.why[n] if { every x in input.names[_] { n := x; n != 1 }; n := input.a }",
    "d contains array.slice(input.names, x, 2) if { some x in input.xs }",
    "d contains uuid.parse(x) if { some x in input.xs }",
    'd contains json.patch(x, [{"op": "add", "path": "/a", "value": 1}]) if { some x in input.xs }',
]
KEPT = [
    "d contains v if { some n in input.names; v := input.why[n] }",
    "d contains upper(v) if { some x in input.xs; v := x.flag }",
    'd contains sprintf("%s: %v", [n, 1]) if { some n in input.names }',
    "d contains input.why.a if { some n in input.names; n == input.b }",
    "d := input.why.a if { input.names }",
    "d := {x.flag | some x in input.xs}",
    "d contains [x.flag | some x in input.xs] if { some n in input.names }",
    "f(xs) := x.flag if { some x in xs }\nd := f(input.xs)",
    "d contains v if { some x in input.xs; v := max(x) }",
    "d contains array.slice(x, 0, 2) if { some x in input.xs }",
    "d := max(input.xs) if { input.names }",
    "d := max([x.score | some x in input.xs])",
    "d contains min({s | s := input.xs[_].score}) if { input.names }",
    "d := input.why[n] if { n := input.a }",
    "d contains input.why[n].x if { [n, _] := input.pair; every x in input.names { x != n } }",
    "d := input.why[n] if { n := input.a; not input.names[input.b]; count([1 | some x in input.xs]) > 0 }",
]


def _findings(rule: str) -> list[tuple[str, int | None]]:
    text = f"package p\nimport rego.v1\n{rule}\n"
    definition: dict[str, Json] = {"type": "rego", "modules": {"m.rego": text}, "query": "data.p.d"}
    try:
        REGO.compile(CompileRequest("policies.main", definition, MemorySources({})))
    except ManifestError as error:
        return [(finding.code, finding.line) for finding in error.diagnostics]
    return []


@pytest.mark.parametrize("rule", LOSSY)
def test_a_head_that_may_be_undefined_for_one_value_is_refused(rule: str) -> None:
    """The finding has the place of what must be bound in the body first."""
    assert [code for code, _ in _findings(rule)] == ["rego-head-undefined"]


@pytest.mark.parametrize("rule", KEPT)
def test_a_head_that_is_always_defined_is_kept(rule: str) -> None:
    """Variables, constants, built-in functions of them, and whatever a comprehension collects."""
    assert _findings(rule) == []


def test_the_engine_still_loses_such_rules() -> None:
    """The reason for the check: when an engine keeps what Rego keeps, the check can go."""
    engine = regorus.Engine()
    engine.add_policy("p.rego", f"package p\nimport rego.v1\n{LOSSY[0]}\n")
    engine.set_input_json(json.dumps({"names": ["a", "b"], "why": {"a": "bad"}}))
    answer = json.loads(engine.eval_query_as_json("data.p.d"))
    assert answer["result"][0]["expressions"][0]["value"] == []


@pytest.mark.parametrize(
    "text",
    [
        "package a\nservice := input.snapshot.s\nx := data.catalog[service].tag",
        "package a\nimport data.names.service\nx := data.catalog[service].tag",
        "package a\nimport input.snapshot.s as service\nx := data.catalog[service].tag",
    ],
)
def test_a_lookup_by_another_rule_is_no_iteration(text: str) -> None:
    """A rule or an import has one value, which the look-up may use."""
    data: Json = {"catalog": {"mail": {"tag": "open"}}, "names": {"service": "mail"}}
    assert evaluate(definition(text, data=data), {"s": "mail"}) == "open"


def test_a_variable_of_the_rule_hides_the_other_rule() -> None:
    """`some` makes it a variable, which iterates, and the head may be undefined again."""
    text = "package a\nservice := 1\nx contains data.c[service].tag if { some service; data.c[service] }"
    (found,) = findings(definition(text, data={"c": {"m": {"tag": 1}}}))
    assert found.startswith("rego-head-undefined: a.rego:3:27: ")


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("d[n] contains 1 if some n in input.snapshot.names", {}),
        ("d[n] contains 1 if { some n in input.snapshot.names; n == 2 }", {}),
        ('d["a"] contains 1 if input.snapshot.z', {"a": []}),
        ("d[n] := 1 if some n in input.snapshot.names", {}),
        ("d[n].a contains 1 if some n in input.snapshot.names", {}),
    ],
)
def test_rules_with_variables_in_their_heads_are_an_empty_object(rules: str, expected: JsonObject) -> None:
    """In OPA `count(d) == 0` holds where no rule does, and `not d` fails."""
    text = f"package a\n{rules}\nx := [y | y := d; count(d) == {len(expected)}]\n"
    assert evaluate(definition(text), {}) == [expected]
    assert evaluate(definition(text + "\nz if not d", "data.a"), {}) == {"d": expected, "x": [expected]}
