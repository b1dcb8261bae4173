"""Built-in functions answer what OPA answered: `tests/vectors/rego-builtins.json` has calls and its answers.

A vector is arguments and OPA's answer, `null` where OPA fails. With `"fails"` behind it the engine
fails too, which denies, though OPA answers.
"""

import json
from typing import Any

import pytest

from acs_sidecar.engines.rego.analysis.builtins import INSTEAD
from acs_sidecar.engines.rego.extensions.bounds import MAX_TEXT
from acs_sidecar.engines.rego.extensions.registry import EXTENSIONS
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json
from tests.conftest import ROOT
from tests.engines.rego.builtins.builtin_matrix import FUNCTIONS
from tests.engines.rego.policies import (
    bound,
    definition,
    evaluate,
    failure,
    findings,
    policy_input,
)

VECTORS: dict[str, list[list[Any]]] = json.loads((ROOT / "tests/vectors/rego-builtins.json").read_text())
STATIC = {"json.match_schema", "json.patch", "json.verify_schema"}
"""Functions of which an argument must not come from a request: the vectors put it into the text."""


def test_every_function_of_ours_has_vectors() -> None:
    """Of its own, or all kinds of values."""
    assert EXTENSIONS.keys() <= VECTORS.keys() | set(FUNCTIONS)
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
    (found,) = findings(definition(f"package a\nx := {name}(input)"))
    assert found.startswith(
        f"rego-function-unsupported: a.rego:2:6: policies.main.modules: `{name}` is not allowed: "
    )
    assert "use `" in found


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
