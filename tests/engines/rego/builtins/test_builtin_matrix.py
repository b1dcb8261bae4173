"""Every built-in function over every kind of value: OPA's answer, or a failure, which denies."""

import json
import math
from collections.abc import Sequence

import pytest

from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.engines.in_process import is_engine_fault
from acs_sidecar.engines.rego.engine import Engine, build
from acs_sidecar.engines.rego.sources import Module
from acs_sidecar.spec.values import Json
from tests.engines.rego.builtins.builtin_matrix import ANSWERS, FUNCTIONS, Argument, calls, module

RECORDED: dict[str, dict[str, Json]] = json.loads(ANSWERS.read_text())
FAILS_HERE = {
    "base64.decode": 2,
    "base64.is_valid": 2,
    "base64url.decode": 8,
    "bits.negate": 1,
    "bits.xor": 2,
    "json.filter": 8,
    "json.is_valid": 2,
    "json.marshal": 4,
    "json.marshal_with_options": 6,
    "json.match_schema": 16,
    "json.remove": 8,
    "json.verify_schema": 74,
    "net.cidr_is_valid": 2,
    "object.subset": 26,
    "regex.is_valid": 2,
    "replace": 8,
    "semver.is_valid": 2,
    "time.format": 1,
}
"""How many calls fail here, and so deny, to which OPA has an answer: `docs/rego.md` says which."""

DIFFERENT = {"count": 2}
"""How many calls have another answer: `count` counts characters beyond the basic plane twice."""

FAILED = object()
UNDEFINED = object()


def test_every_function_that_is_allowed_is_compared() -> None:
    """A function that nobody has asked OPA about has no place in the list."""
    assert sorted(RECORDED) == FUNCTIONS
    assert sum(len(calls(name)) for name in FUNCTIONS) > 40_000


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_answers_as_opa_or_fails(name: str) -> None:
    """No value where OPA has none, no other value, and never undefined where OPA has a value."""
    engine = build(
        [Module(SourceLocation("policies.main.modules", "a.rego"), module(name, "input"), 1)], {}, ("a", "x")
    )
    failed = different = 0
    for place, arguments in enumerate(calls(name)):
        here, opa = _answer(engine, arguments), RECORDED[name].get(str(place), UNDEFINED)
        if opa is UNDEFINED:
            assert here in (FAILED, UNDEFINED), (arguments, here)
        elif here is FAILED:
            failed += 1
        else:
            assert here is not UNDEFINED, (arguments, opa)
            if not _is_same(here, opa):
                assert name in DIFFERENT, (arguments, here, opa)
                different += 1
    assert (failed, different) == (FAILS_HERE.get(name, 0), DIFFERENT.get(name, 0))


def _answer(engine: Engine, arguments: Sequence[Argument]) -> object:
    asked = engine.clone()
    asked.set_input_json(json.dumps(arguments))
    try:
        answer = asked.eval_rule_as_json("data.a.x")
    except BaseException as error:
        if not is_engine_fault(error):
            raise
        return FAILED
    return UNDEFINED if answer == '"<undefined>"' else json.loads(answer)


def _is_same(one: object, other: object) -> bool:
    """Compare JSON values, to which `true` is not 1."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(one[name], other[name]) for name in one)
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-15)
    return isinstance(one, bool) == isinstance(other, bool) and one == other
