"""Sources that would crash or hang the engine are refused before it sees them (section 1.7)."""

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.reasons import Reason
from tests.engines.cedar import compile_cedar

WHERE = "policies.main.policy_set"
TOO_DEEP = "a policy nests deeper than 100 levels: split it"
TOO_MANY = "a policy has more than 1000 operators: split it, or use a set and `contains`"
CHAINED = "a policy applies more than 300 operators to one another: use a set and `contains`"


def refused(**members: Any) -> str:
    """Compile what passes a bound, and give the message."""
    with pytest.raises(ManifestError) as raised:
        compile_cedar(**members)
    assert raised.value.reason is Reason.RESOURCE_LIMIT_EXCEEDED
    (finding,) = raised.value.diagnostics
    assert finding.code == "policy-bound-exceeded"
    return finding.message


def rule(body: str) -> str:
    """One policy with this condition."""
    return f"permit(principal, action, resource) when {{ {body} }};"


# One level is the brace of the condition.
NESTED: dict[str, Callable[[int], str]] = {
    "parentheses": lambda n: rule("(" * n + "true" + ")" * n),
    "sets": lambda n: rule("[" * n + "1" + "]" * n + " == 1"),
    "records": lambda n: rule("{a: " * n + "1" + "}" * n + " == 1"),
    "negations": lambda n: rule("!(" * (n // 2) + "true" + ")" * (n // 2)),
    "minuses": lambda n: rule("-(" * (n // 2) + "1" + ")" * (n // 2) + " == 1"),
    "minuses after an operator": lambda n: rule("1 == " + "-(" * (n // 2) + "1" + ")" * (n // 2)),
    "then": lambda n: rule("if true then " * n + "true" + " else false" * n),
    "else": lambda n: rule("if true then true else " * n + "false"),
    "conditions": lambda n: rule("if " * n + "true" + " then true else false" * n),
    "mixed": lambda n: rule("(if [" * (n // 3) + "true" + "].isEmpty() then true else false)" * (n // 3)),
    "calls": lambda n: rule("[1].contains(" * n + "1" + ")" * n),
    "lines and comments": lambda n: rule('// ") }\n(' * n + "true" + '\n// "\n)' * n),
    "in the scope": lambda n: f"permit(principal, action in {'[' * n}{']' * n}, resource);",
}


@pytest.mark.parametrize("kind", [kind for kind in NESTED if kind != "in the scope"])
def test_nesting(kind: str) -> None:
    """A policy may nest a hundred levels, and not one more."""
    compile_cedar(NESTED[kind](98))
    assert refused(policies=NESTED[kind](102)) == TOO_DEEP


@pytest.mark.parametrize("kind", NESTED)
def test_deep_nesting(kind: str) -> None:
    """What would end the process is refused, quickly."""
    begun = time.process_time()
    assert refused(policies=NESTED[kind](60_000)) == TOO_DEEP
    assert time.process_time() - begun < 5


def test_place_of_a_bound() -> None:
    """The message names file and line."""
    with pytest.raises(ManifestError) as raised:
        compile_cedar(files={"p.cedar": b"\n" + rule("(" * 200).encode()}, policy_path="p.cedar")
    assert [str(finding) for finding in raised.value.diagnostics] == [
        f"p.cedar:2:143: policies.main.policy_path: {TOO_DEEP}"
    ]


@pytest.mark.parametrize(
    "body",
    [
        '"' + "(" * 500 + '" == "' + '\\"(' * 500 + '"',
        "// " + "([{" * 500 + "\ntrue",
        "[" + ",".join(["(if true then -1 else !true)"] * 150) + "].isEmpty()",
        "!true && " * 150 + "!true",
        "1 - 1 - " * 140 + "1 == -1",
    ],
)
def test_what_does_not_nest(body: str) -> None:
    """Brackets in texts and comments, and things beside one another, do not count as nesting."""
    compile_cedar(rule(body))


CHAINS: dict[str, Callable[[int], str]] = {
    "and": lambda n: rule(" && ".join(["true"] * n)),
    "or": lambda n: rule(" || ".join(["true"] * n)),
    "plus": lambda n: rule(" + ".join(["1"] * n) + " == 1"),
    "times": lambda n: rule(" * ".join(["1"] * n) + " == 1"),
    "attributes": lambda n: rule("context" + ".a" * n),
    "indices": lambda n: rule("context" + '["a"]' * n),
    "extended has": lambda n: rule("context has a" + ".a" * n),
    "method calls": lambda n: rule("[1]" + ".contains(1)" * n),
    "clauses": lambda n: "permit(principal, action, resource)" + " when { true }" * n + ";",
}


@pytest.mark.parametrize("kind", CHAINS)
def test_chains(kind: str) -> None:
    """A chain of operators is as deep for the engine as brackets are."""
    compile_cedar(CHAINS[kind](290))
    assert refused(policies=CHAINS[kind](400)) == CHAINED
    assert refused(policies=CHAINS[kind](1100)) == TOO_MANY
    assert refused(policies=CHAINS[kind](100_000)) == TOO_MANY


@pytest.mark.slow
def test_long_policies_that_are_not_deep() -> None:
    """A set, a record and many policies may be long."""
    compile_cedar(rule("[" + ",".join(f'"{n}"' for n in range(20_000)) + "].contains(context.text)"))
    compile_cedar(rule("{" + ",".join(f"a{n}: {n}" for n in range(5_000)) + "}.a0 == 0"))
    compile_cedar(rule("true") * 2_000)


def test_size_of_policies() -> None:
    """All policies of a definition together have a bound."""
    files = {f"p/{n}.cedar": b"//" + b"x" * (3 * 1024 * 1024) for n in range(2)}
    expected = "policies exceed 4194304 characters"
    with pytest.raises(ManifestError) as raised:
        compile_cedar(files=files, policy_path="p")
    assert [finding.message for finding in raised.value.diagnostics] == [expected]


DEEP_TYPE = "type T = " + "Set<" * 98 + "Long" + ">" * 98 + ";"
NESTED_TYPES = "types nest deeper than 100 levels, or without end"


def doubling(levels: int) -> str:
    """A schema whose types expand to twice as many at each level."""
    types = "".join(f"type T{n} = {{ a: T{n + 1}, b: T{n + 1} }};" for n in range(levels))
    return f"{types} type T{levels} = Long; entity A {{ x: T0 }};"


def doubling_json(levels: int) -> dict[str, Any]:
    """The same in the JSON form."""
    pair = {n: {name: {"type": f"T{n + 1}"} for name in "ab"} for n in range(levels)}
    commons = {f"T{n}": {"type": "Record", "attributes": pair[n]} for n in range(levels)}
    return {
        "": {"commonTypes": {**commons, f"T{levels}": {"type": "Long"}}, "entityTypes": {}, "actions": {}}
    }


SCHEMAS: list[tuple[Any, str]] = [
    ("type T = " + "Set<" * 101 + "Long" + ">" * 101 + ";", NESTED_TYPES),
    ("type T = " + "Set<" * 50_000, NESTED_TYPES),
    ("entity A {" + "a: {" * 50_000, NESTED_TYPES),
    ("".join(f"type T{n} = Set<T{n + 1}>;" for n in range(200)) + "type T200 = Long;", NESTED_TYPES),
    ("".join(f"type T{n} = " + "Set<" * 90 + f"T{n + 1}" + ">" * 90 + ";" for n in range(80)) + "type T80 = Long;", NESTED_TYPES),
    ("type T2 = Long; type T1 = " + "Set<" * 60 + "T2" + ">" * 60 + "; entity A { w: T1, x: " + "Set<" * 60 + "T1" + ">" * 60 + "};", NESTED_TYPES),
    ("type A = { b: B }; type B = { a?: A };", NESTED_TYPES),
    (doubling(40), "types expand to more than 20000, each common type counted where it is used"),
    (doubling_json(40), "types expand to more than 20000, each common type counted where it is used"),
    ("namespace N { " + doubling(40).replace("T1 }", "N::T1 }") + " }", "types expand to more than 20000, each common type counted where it is used"),
    ("entity A {" + ",".join(f"a{n}: Long" for n in range(20_001)) + "};", "types expand to more than 20000, each common type counted where it is used"),
    ("".join(f"action a{n} in [a{n + 1}];" for n in range(2_000)) + "action a2000;", "more than 1000 entity types or actions are declared"),
    ("".join(f"entity A{n} in [A{n + 1}];" for n in range(2_000)) + "entity A2000;", "more than 1000 entity types or actions are declared"),
    ("// " + "x" * 1024 * 1024, "the schema exceeds 1048576 characters"),
    ({"": {"entityTypes": {}, "actions": {"x" * 1024 * 1024: {}}}}, "the schema exceeds 1048576 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "expected"), SCHEMAS, ids=range(len(SCHEMAS)))
def test_schemas(schema: Any, expected: str) -> None:
    """Types that nest, expand or are declared without measure are refused, quickly."""
    begun = time.process_time()
    assert refused(schema=schema) == expected
    assert time.process_time() - begun < 5


def test_schemas_within_bounds() -> None:
    """Deep and wide schemas that the engine manages are accepted."""
    for types in (DEEP_TYPE, doubling(8), "entity B in [C]; entity C in [B];"):
        compile_cedar(schema=types + "entity P; action p appliesTo { principal: P, resource: P };")


def test_validation_that_would_not_end() -> None:
    """The engine tries every combination of types: many of them, and many policies, are too much."""
    names = ", ".join(f"T{n}" for n in range(900))
    schema = f"entity {names}; action a appliesTo {{ principal: [{names}], resource: [{names}] }};"
    expected = "the schema lets actions apply to too many types for so many policies"
    assert refused(schema=schema, policies=rule("true") * 100) == expected


def entity(name: str, *parents: str) -> dict[str, Any]:
    """An entity with parents of its own type."""
    return {
        "uid": {"type": "A", "id": name},
        "attrs": {},
        "parents": [{"type": "A", "id": p} for p in parents],
    }


def nested(levels: int) -> Any:
    """Lists in lists."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


LINEAGE = "an entity has more than 100 levels of ancestors, or is its own ancestor"


@pytest.mark.parametrize(
    ("entities", "expected"),
    [
        pytest.param([entity(str(n), str(n + 1)) for n in range(8_000)], LINEAGE, marks=pytest.mark.slow),
        pytest.param(
            [entity(str(n), str((n + 1) % 8_000)) for n in range(8_000)], LINEAGE, marks=pytest.mark.slow
        ),
        ([entity("a", "a")], LINEAGE),
        ([{"uid": {"__entity": {"type": "A", "id": str(n)}}, "attrs": {}, "parents": [{"__entity": {"type": "A", "id": str(n + 1)}}]} for n in range(200)], LINEAGE),
        ([{**entity("a"), "attrs": {"x": nested(101)}}], "entities nest deeper than 100 levels"),
        ([{**entity("a"), "attrs": {"x": nested(600)}}], "entities nest deeper than 100 levels"),
    ],
    ids=range(6),
)  # fmt: skip
def test_entities(entities: Any, expected: str) -> None:
    """Entities that nest or descend without end are refused."""
    assert refused(entities=entities) == expected


def test_entities_within_bounds() -> None:
    """Deep and many entities that the engine manages are accepted."""
    compile_cedar(entities=[entity(str(n), str(n + 1)) for n in range(99)])
    compile_cedar(entities=[entity(str(n), "root") for n in range(5_000)])
    compile_cedar(entities=[{**entity("a"), "attrs": {"x": nested(90)}}])


def test_json_files_that_nest() -> None:
    """A file too deep to be read is refused as such."""
    files = {"deep.json": b"[" * 200_000}
    assert refused(files=files, entities_path="deep.json") == "JSON nests too deeply"


WITHIN = """
import sys, threading
from acs_sidecar.engines.cedar.type import CEDAR
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import CompileRequest, PointBinding, PolicyInput
from acs_sidecar.spec.canonical import canonical
from tests.engines.cedar.test_bounds import CHAINS, DEEP_TYPE, NESTED, entity, nested, rule

SCHEMA = (
    "type R = { a: Bool, r?: Bool }; entity Agent; entity PolicyTarget; action output appliesTo"
    " { principal: Agent, resource: PolicyTarget, context: { a: Bool, r: R } };"
)
WORST = [
    rule("!!!!(if true then (" * 14 + "true" + ") else false)" * 14),
    rule("!(1 + 2 * -{a: " * 24 + "1" + "}.a == 1)" * 24),
    rule("(" * 98 + " && ".join(["true"] * 290) + ")" * 98),
    rule("(true && true && " * 98 + "true" + ")" * 98),
]
GIVEN = {"intervention_point": "output", "policy_target": {"kind": None, "path": "$snap", "value": 1},
         "snapshot": {"envelope": {"agent": {"id": "a"}}, "a": True, "r": {"a": True}}, "annotations": {}, "tool": None}

ENTITIES = [entity(str(n), str(n + 1)) for n in range(99)] + [{**entity("deep"), "attrs": {"x": nested(90)}}]

def run():
    CEDAR.compile(CompileRequest("p", {"type": "cedar", "policy_set": "//", "entities": ENTITIES}, None))
    CEDAR.compile(CompileRequest("p", {"type": "cedar", "policy_set": "//", "schema": DEEP_TYPE}, None))
    for text in [*(make(98) for kind, make in NESTED.items() if kind != "in the scope"),
                 *(make(290) for make in CHAINS.values()), *WORST]:
        for schema in ({}, {"schema": SCHEMA}):
            try:
                policy = CEDAR.compile(CompileRequest("p", {"type": "cedar", "policy_set": text, **schema}, None))
            except Exception as error:
                assert "cedar-policy-invalid" in [finding.code for finding in error.diagnostics], error
                continue
            binding = PointBinding(InterventionPoint.OUTPUT, "b", {}, {}, None, False)
            try:
                policy.bind(binding).evaluate(PolicyInput(GIVEN, canonical(GIVEN)))
            except Exception as error:
                assert error.detail.startswith("policy `policy"), error
    print("survived")

threading.stack_size(2 * 1024 * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


@pytest.mark.server
def test_the_engine_survives_what_is_within_bounds() -> None:
    """On a stack of 2 MiB, a quarter of the usual, the engine parses, validates and evaluates it all."""
    child = subprocess.run(
        [sys.executable, "-c", WITHIN], capture_output=True, text=True, timeout=60, check=False
    )
    assert (child.returncode, child.stdout, child.stderr) == (0, "survived\n", "")
