"""Built-in functions answer what OPA answered: `tests/vectors/rego-builtins.json` has calls and its answers.

A vector is arguments and OPA's answer, `null` where OPA fails. With `"fails"` behind it the engine
fails too, which denies, though OPA answers.
"""

import json
import re
from typing import Any

import pytest

from acs_sidecar.engines.rego.analysis.builtins import AVAILABLE, IMPURE, INSTEAD
from acs_sidecar.engines.rego.dialect.arity import ARITY
from acs_sidecar.engines.rego.extensions.bounds import MAX_TEXT
from acs_sidecar.engines.rego.extensions.registry import EXTENSIONS
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json
from tests.conftest import ROOT
from tests.engines.rego.builtins.builtin_matrix import DEPRECATED, FUNCTIONS
from tests.engines.rego.policies import (
    bound,
    compiled,
    definition,
    evaluate,
    failure,
    findings,
    policy_input,
)

VECTORS: dict[str, list[list[Any]]] = json.loads((ROOT / "tests/vectors/rego-builtins.json").read_text())
CAPABILITIES: dict[str, int] = json.loads((ROOT / "tests/vectors/rego-capabilities.json").read_text())
"""Every built-in function of OPA, and how many arguments it takes."""

TOKENS: dict[str, Any] = json.loads((ROOT / "tests/vectors/rego-tokens.json").read_text())
"""Keys by name, and calls of `io.jwt.*`: the function, token, name of the key or `null`, OPA's answer."""

STATIC = {"json.match_schema", "json.patch", "json.verify_schema"}
"""Functions of which an argument must not come from a request: the vectors put it into the text."""


def test_every_function_of_ours_has_vectors() -> None:
    """Of its own, or all kinds of values."""
    assert EXTENSIONS.keys() <= VECTORS.keys() | set(FUNCTIONS) | DEPRECATED.keys()
    assert sum(map(len, VECTORS.values())) > 1_000


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_a_function_answers_what_opa_answers(name: str) -> None:
    """For every vector: the same value, or no value where OPA has none."""
    if name in STATIC:
        for arguments, *expected in VECTORS[name]:
            text = ", ".join(map(json.dumps, arguments))
            _check(name, f"package a\nx := {name}({text})", None, expected)
        return
    count = len(VECTORS[name][0][0])
    text = ", ".join(f"input.snapshot[{position}]" for position in range(count))
    for arguments, *expected in VECTORS[name]:
        _check(name, f"package a\nx := {name}({text})", arguments, expected)


def _check(name: str, text: str, snapshot: Json, expected: list[Any]) -> None:
    evaluator = bound(definition(text))
    answer, *fails = expected
    if fails or answer is None:
        reason, _ = failure(evaluator, policy_input(snapshot))
        assert reason is Reason.POLICY_INVOCATION_FAILED, (name, text, snapshot)
    else:
        assert evaluator.evaluate(policy_input(snapshot)).value == answer, (name, text, snapshot)


@pytest.mark.parametrize(
    "call",
    [
        "replace(x, y, x)",
        "concat(x, split(x, y))",
        "regex.replace(x, y, x)",
        "strings.replace_n({y: x}, x)",
        'sprintf("%v%v%v%v%v%v%v%v%v%v", [l, l, l, l, l, l, l, l, l, l])',
        'net.cidr_expand("10.0.0.0/8")',
    ],
)
def test_a_request_cannot_make_a_function_build_without_bound(call: str) -> None:
    """What would be longer than the bound fails before it is built."""
    text = (
        f'package a\nx := concat("", [s | some s in input.snapshot.parts])\ny := "a"\nl := replace(x, y, "{"b" * 99}")\n'
        f"z := {call}"
    )
    snapshot: Json = {"parts": ["a" * 5_000]}
    evaluator = bound(definition(text, "data.a.z"))
    assert failure(evaluator, policy_input(snapshot))[0] is Reason.POLICY_INVOCATION_FAILED
    assert MAX_TEXT < 5_000 * 5_000


@pytest.mark.parametrize("name", sorted(INSTEAD))
def test_a_function_that_cannot_be_had_as_opa_has_it_is_refused(name: str) -> None:
    """With what to write instead."""
    arguments = ", ".join(["input"] * CAPABILITIES[name])
    (found,) = findings(definition(f"package a\nx := {name}({arguments})"))
    assert found.startswith(
        f"rego-function-unsupported: a.rego:2:6: policies.main.modules: `{name}` is not allowed: "
    )
    assert re.search(
        "use (`|a value of the snapshot|the operator: `|the value itself|a rule of your own)", found
    )


@pytest.mark.parametrize(
    ("call", "position"),
    [
        ("json.match_schema(input.snapshot.d, input.snapshot.s)", "2:6"),
        ("json.patch(input.snapshot.d, input.snapshot.s)", "2:6"),
        ('json.patch({}, [{"op": input.snapshot.o, "path": "/a", "value": 1}])', "2:6"),
        ('json.patch({}, [{"op": "copy", "from": input.snapshot.o, "path": "/a"}])', "2:6"),
        ("json.marshal_with_options(input.snapshot.d, input.snapshot.s)", "2:6"),
    ],
)
def test_what_decides_the_cost_is_the_authors(call: str, position: str) -> None:
    """A schema, the operations of a patch and the options of a text come from constants or data."""
    (found,) = findings(definition(f"package a\nx := {call}"))
    assert found.startswith(f"rego-unbounded: a.rego:{position}: ")


@pytest.mark.parametrize(
    ("array", "part", "expected"),
    [
        (["x", "x"], '{"a", "x"}', True),
        (["x", "x"], '{"a", "b", "x"}', False),
        (["x", "x", "b"], '{"a", "b", "x"}', True),
        (["x"], '{"a", "x"}', False),
        (["x", "x"], '{"a", "b"}', False),
        (["x"], "set()", True),
        ([], "set()", False),
        (["x", "x"], '["x", "x"]', True),
        (["x", "a"], '["a", "x"]', False),
        ([["x"], ["x"]], '[["x"]]', True),
    ],
)
def test_a_subset_of_an_array_counts_its_elements(array: Json, part: str, expected: bool) -> None:
    """Each as often as it stands there, as OPA does; another array is a run of them."""
    text = f"package a\nx := object.subset(input.snapshot, {part})"
    assert evaluate(definition(text), array) is expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("{80, 443, 9}", "{9, 80, 443}"),
        ('{2, "b", null, 1.5, "a", -1}', '{null, -1, 1.5, 2, "a", "b"}'),
        ("[{1, 0}, {}]", "[{0, 1}, {}]"),
        ("{v | some v in input.snapshot}", "{2, 10}"),
        ('{v | some v in ["b", "a"]}', '{"a", "b"}'),
        ("{1} - {1}", "set()"),
    ],
)
def test_a_set_is_printed_in_the_order_of_rego(values: str, expected: str) -> None:
    """`null`, then numbers, then texts."""
    text = f'package a\nimport rego.v1\nx := sprintf("%v", [{values}])'
    assert evaluate(definition(text), [10, 2]) == expected


@pytest.mark.parametrize(
    "call", ['sprintf("%v", [{true, 1}])', 'sprintf("%v", [{0, false}])', "json.marshal({true})"]
)
def test_a_set_of_booleans_is_not_printed(call: str) -> None:
    """Python takes `true` for 1, and so may have lost one of the two."""
    reason, _ = failure(bound(definition(f"package a\nx := {call}")), policy_input({}))
    assert reason is Reason.POLICY_INVOCATION_FAILED


def test_a_patch_may_hold_values_of_a_request() -> None:
    """Only its operations are the author's."""
    text = 'package a\nx := json.patch({"a": 1}, [{"op": "add", "path": "/b", "value": input.snapshot.v}])'
    assert evaluate(definition(text), {"v": [1]}) == {"a": 1, "b": [1]}


@pytest.mark.parametrize(
    "schema",
    [
        {
            "$ref": "#/definitions/a",
            "definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}},
        },
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"properties": {"x": {"format": "date"}}},
        {"items": [{"format": "email"}]},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/definitions/none"},
    ],
)
def test_a_schema_that_never_ends_or_is_read_otherwise_fails(schema: Json) -> None:
    """The process lives, and the evaluation denies."""
    text = "package a\nx := json.match_schema(input.snapshot, data.schema)"
    evaluator = bound(definition(text, data={"schema": schema}))
    assert failure(evaluator, policy_input({"x": 1}))[0] is Reason.POLICY_INVOCATION_FAILED


def test_a_schema_may_refer_to_itself_for_its_parts() -> None:
    """A tree of nodes, each like the whole."""
    schema: Json = {"type": "object", "properties": {"child": {"$ref": "#"}, "format": {"type": "string"}}}
    text = "package a\nx := json.match_schema(input.snapshot, data.schema)[0]"
    given = definition(text, data={"schema": schema})
    assert evaluate(given, {"child": {"child": {"format": "x"}}}) is True
    assert evaluate(given, {"child": {"child": 1}}) is False


@pytest.mark.parametrize("name", sorted(EXTENSIONS))
def test_a_call_with_too_many_arguments_is_refused(name: str) -> None:
    """When it is compiled, for each function of ours."""
    arity, _ = EXTENSIONS[name]
    arguments = ", ".join(['""'] * (arity + 2))
    (found,) = findings(definition(f"package a\nx := {name}({arguments})"))
    assert found.startswith(
        f"rego-arity: a.rego:2:{6 + len(name)}: policies.main.modules: `{name}` takes {arity} arguments"
    )


@pytest.mark.parametrize("name", sorted(CAPABILITIES))
def test_every_function_of_opa_is_evaluated_or_refused_by_name(name: str) -> None:
    """None is unknown: a refusal says why, or what to write instead."""
    arguments = ", ".join(["data.constant"] * CAPABILITIES[name])
    given = definition(f"package a\nx := y if y := {name}({arguments})", data={"constant": 1})
    if name in AVAILABLE:
        compiled(given)
        return
    (found,) = findings(given)
    code, _, message = found.partition(": a.rego:2:16: policies.main.modules: ")
    reason = "its value is not a function of its arguments" if name in IMPURE else INSTEAD[name]
    assert code == ("rego-nondeterministic" if name in IMPURE else "rego-function-unsupported")
    assert message == f"`{name}` is not allowed: {reason}"


def test_the_tables_name_functions_of_opa_alone() -> None:
    """What is allowed, refused or given an arity is in OPA."""
    assert AVAILABLE | IMPURE | INSTEAD.keys() == CAPABILITIES.keys()
    assert {name: ARITY[name] for name in ARITY if name in CAPABILITIES} == {
        name: CAPABILITIES[name] for name in ARITY
    }


@pytest.mark.parametrize("name", sorted(DEPRECATED))
def test_a_deprecated_function_is_the_one_that_took_its_place(name: str) -> None:
    """OPA has both in version 0."""
    assert EXTENSIONS[name] == EXTENSIONS[DEPRECATED[name]]
    for arguments, *expected in VECTORS[DEPRECATED[name]]:
        _check(name, f"package a\nx := {name}(input.snapshot[0], input.snapshot[1])", arguments, expected)


@pytest.mark.parametrize("name", sorted({call[0] for call in TOKENS["calls"]}))
def test_a_token_is_read_and_verified_as_in_opa(name: str) -> None:
    """Headers, claims, encodings, keys and signatures of every kind: the same answer, or none."""
    calls = [call for call in TOKENS["calls"] if call[0] == name]
    for _, token, key, expected in calls:
        arguments: list[Json] = [token] if key is None else [token, TOKENS["keys"].get(key, key)]
        places = ", ".join(f"input.snapshot[{at}]" for at in range(len(arguments)))
        _check(name, f"package a\nx := {name}({places})", arguments, [expected])
    assert {True, False} <= {
        call[3] for call in calls if isinstance(call[3], bool)
    } or name == "io.jwt.decode"
