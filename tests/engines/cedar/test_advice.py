"""`@advice` on permits (sections 1.7.1, 1.10)."""

import json
from typing import Any

import pytest

from tests.engines.cedar import bind, compile_cedar, input_of, output, refusal

INVALID = "policy_output_invalid"
TRANSFORM = {"path": "$policy_target.text", "value": "***"}


def advised(*advice: Any, more: str = "") -> Any:
    """Bind one permit for each advice; text goes into the annotation as it is."""
    texts = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in advice]
    quoted = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    rules = (
        f'@id("p{number}") @advice("{text}") permit(principal, action, resource);'
        for number, text in enumerate(quoted)
    )
    return bind(compile_cedar("".join(rules) + more))


WARN = {"verdict": "warn", "reason": "late", "message": "It is late."}
ESCALATE = {"verdict": "escalate", "reason": "large"}
REDACT = {"verdict": "transform", "transform": TRANSFORM}


@pytest.mark.parametrize(
    ("advice", "expected"),
    [
        ([WARN], {"decision": "warn", "reason": "late", "message": "It is late."}),
        ([{"verdict": "escalate"}], {"decision": "escalate"}),
        ([{"verdict": "warn", "reason": None, "message": None}], {"decision": "warn", "reason": None, "message": None}),
        ([REDACT], {"decision": "transform", "transform": TRANSFORM}),
        ([{**REDACT, "reason": "pii"}], {"decision": "transform", "reason": "pii", "transform": TRANSFORM}),
        ([{"verdict": "transform", "transform": {"path": "$policy_target", "value": None}}], {"decision": "transform", "transform": {"path": "$policy_target", "value": None}}),
        ([{"verdict": "warn", "message": 'é "quoted" \\ {😀}'}], {"decision": "warn", "message": 'é "quoted" \\ {😀}'}),
        ([WARN, ESCALATE, REDACT], {"decision": "escalate", "reason": "large"}),
        ([WARN, REDACT], {"decision": "transform", "transform": TRANSFORM}),
        ([WARN, {"verdict": "warn", "reason": "second"}], {"decision": "warn", "reason": "late", "message": "It is late."}),
        ([{"verdict": "warn"}, WARN], {"decision": "warn"}),
        ([ESCALATE, {"verdict": "escalate", "reason": "second"}], {"decision": "escalate", "reason": "large"}),
        ([{**REDACT, "reason": "a"}, {**REDACT, "reason": "b"}], {"decision": "transform", "reason": "a", "transform": TRANSFORM}),
        ([ESCALATE, REDACT, {"verdict": "transform", "transform": {**TRANSFORM, "value": "other"}}], {"decision": "escalate", "reason": "large"}),
    ],
)  # fmt: skip
def test_advice(advice: list[Any], expected: dict[str, Any]) -> None:
    """An allow takes the advice of the permits: escalate over transform over warn, then source order."""
    plain = "permit(principal, action, resource);"
    assert output(advised(*advice)) == expected
    assert output(advised(*advice, more=plain)) == expected


def test_advice_of_permits_that_do_not_apply() -> None:
    """Advice counts where its permit determines the decision, bad advice as well."""
    silent = '@advice("nonsense") permit(principal, action, resource) when { false };'
    assert output(advised(WARN, more=silent)) == {
        "decision": "warn",
        "reason": "late",
        "message": "It is late.",
    }


def _computed(path: Any, **more: Any) -> dict[str, Any]:
    return {"verdict": "transform", "transform": {"path": "$policy_target", "value_from": path, **more}}


def test_a_value_may_come_from_an_annotation() -> None:
    """Of any type, `null` too; a constant beside it differs."""
    evaluator = advised(_computed("$pi.annotations.pii.redacted"))
    for value in ("***", {"a": [1, "b"]}, None):
        found = output(evaluator, input_of(annotations={"pii": {"redacted": value}}))
        assert found == {"decision": "transform", "transform": {"path": "$policy_target", "value": value}}
    absent: list[dict[str, Any]] = [{}, {"pii": {}}, {"pii": "x"}]
    for annotations in absent:
        reason, detail = refusal(evaluator, input_of(annotations=annotations))
        assert reason == "transform_invalid"
        assert str(detail).startswith("`@advice` has no value: `$pi.annotations.pii.redacted` ")
    both = advised(_computed("$pi.annotations.pii.redacted"), REDACT)
    assert refusal(both, input_of(annotations={"pii": {"redacted": "***"}})) == (
        INVALID,
        "two permitting policies have different transforms",
    )


@pytest.mark.parametrize(
    "path",
    ["$pi.snapshot.text", "$pi", "$snap.annotations.pii", "annotations", "", None, 1, "$pi.annotations["],
)
def test_a_value_comes_from_nowhere_else(path: Any) -> None:
    """A snapshot must not choose what replaces its own target."""
    told = (
        "policy `p0`: `@advice` has a `value_from` that is not a path such as `$pi.annotations.pii.redacted`"
    )
    assert refusal(advised(_computed(path))) == (INVALID, told)


def test_a_value_is_constant_or_computed() -> None:
    """Not both."""
    told = "policy `p0`: `@advice` has both `value` and `value_from` in `transform`"
    assert refusal(advised(_computed("$pi.annotations.pii.redacted", value=1))) == (INVALID, told)


def test_advice_does_not_survive_a_deny() -> None:
    """A forbid denies; the permits' advice, good or bad, does not matter then."""
    forbid = '@id("no") forbid(principal, action, resource);'
    expected = {"decision": "deny", "reason": "no"}
    assert output(advised(WARN, "nonsense", more=forbid)) == expected


def test_advice_on_a_forbid() -> None:
    """Advice on a forbid changes nothing."""
    policy = '@id("no") @advice("{\\"verdict\\":\\"warn\\"}") forbid(principal, action, resource);'
    assert output(bind(compile_cedar(policy))) == {"decision": "deny", "reason": "no"}


@pytest.mark.parametrize(
    ("advice", "reason", "detail"),
    [
        ("", INVALID, "`@advice` is not JSON, or has a member twice"),
        ("warn", INVALID, "`@advice` is not JSON, or has a member twice"),
        ('{"verdict":"warn"} ;', INVALID, "`@advice` is not JSON, or has a member twice"),
        ("NaN", INVALID, "`@advice` is not JSON: `NaN` is not a finite number"),
        ("[" * 2000 + "]" * 2000, INVALID, "`@advice` is not JSON: nested deeper than 64 levels"),
        ('{"verdict":"escalate","verdict":"warn"}', INVALID, "`@advice` is not JSON, or has a member twice"),
        ('{"verdict":"transform","transform":{"path":"$policy_target","value":{"a":1,"a":2}}}', INVALID, "`@advice` is not JSON, or has a member twice"),
        ('{"verdict":"transform","transform":{"path":"$policy_target","value":18446744073709551616}}', INVALID, "`@advice` is not JSON: `18446744073709551616` does not fit 64 bits"),
        ('{"verdict":"transform","transform":{"path":"$policy_target","value":"\\ud800"}}', INVALID, "`@advice` is not JSON: a string holds a lone surrogate"),
        ('"warn"', INVALID, "`@advice` is not a JSON object"),
        (["warn"], INVALID, "`@advice` is not a JSON object"),
        ({}, INVALID, "`@advice` has a `verdict` that is not one of `escalate`, `transform`, `warn`"),
        ({"verdict": "allow"}, INVALID, "`@advice` has a `verdict` that is not one of `escalate`, `transform`, `warn`"),
        ({"verdict": "deny"}, INVALID, "`@advice` has a `verdict` that is not one of `escalate`, `transform`, `warn`"),
        ({"verdict": ["warn"]}, INVALID, "`@advice` has a `verdict` that is not one of `escalate`, `transform`, `warn`"),
        ({"verdict": None}, INVALID, "`@advice` has a `verdict` that is not one of `escalate`, `transform`, `warn`"),
        ({"decision": "warn"}, INVALID, "`@advice` has unknown members: `decision`"),
        ({**WARN, "evidence": None, "extra": 1}, INVALID, "`@advice` has unknown members: `evidence`, `extra`"),
        ({**WARN, "reason": 1}, INVALID, "`reason` is not a string"),
        ({**WARN, "message": ["x"]}, INVALID, "`message` is not a string"),
        ({**WARN, "reason": "runtime_error:path_missing"}, INVALID, "`reason` starts with the reserved `runtime_error:`"),
        ({**WARN, "transform": TRANSFORM}, INVALID, "`@advice` has `transform` without the `transform` verdict"),
        ({**WARN, "transform": None}, INVALID, "`@advice` has `transform` without the `transform` verdict"),
        ({"verdict": "transform"}, "transform_invalid", "`@advice` has the verdict `transform` without a `transform`"),
        ({"verdict": "transform", "transform": None}, "transform_invalid", "`@advice` has the verdict `transform` without a `transform`"),
        ({"verdict": "transform", "transform": {"path": "$policy_target"}}, "transform_invalid", "`transform.value` is missing"),
        ({"verdict": "transform", "transform": {**TRANSFORM, "op": "x"}}, INVALID, "`@advice` has unknown members in `transform`: `op`"),
        ({"verdict": "transform", "transform": "x"}, INVALID, "the `transform` decision needs a `transform` with a string `path`"),
        ({"verdict": "transform", "transform": {"value": 1}}, INVALID, "the `transform` decision needs a `transform` with a string `path`"),
        ({"verdict": "transform", "transform": {"path": 1, "value": 1}}, INVALID, "the `transform` decision needs a `transform` with a string `path`"),
        ({"verdict": "transform", "transform": {"path": "text", "value": 1}}, "transform_invalid", "`transform.path` is not a path"),
        ({"verdict": "transform", "transform": {"path": "$snap.text", "value": 1}}, "transform_target_forbidden", "`transform.path` does not start at `$policy_target`"),
        ({"verdict": "transform", "transform": {"path": "$.text", "value": 1}}, "transform_target_forbidden", "`transform.path` does not start at `$policy_target`"),
    ],
)  # fmt: skip
def test_bad_advice(advice: Any, reason: str, detail: str) -> None:
    """Bad advice fails closed when its permit determines the decision, whatever the others advise."""
    assert refusal(advised(advice)) == (reason, f"policy `p0`: {detail}")
    assert refusal(advised(ESCALATE, advice)) == (reason, f"policy `p1`: {detail}")


def test_advice_without_a_value() -> None:
    """An annotation without a text is advice that is not JSON."""
    policy = '@id("p") @advice permit(principal, action, resource);'
    assert refusal(bind(compile_cedar(policy))) == (
        INVALID,
        "policy `p`: `@advice` is not JSON, or has a member twice",
    )


@pytest.mark.parametrize(
    "other",
    [{**TRANSFORM, "value": "other"}, {**TRANSFORM, "path": "$policy_target"}, {**TRANSFORM, "value": None}],
)
def test_transforms_that_differ(other: dict[str, Any]) -> None:
    """Two winning transforms with different bodies fail closed."""
    evaluator = advised(REDACT, {"verdict": "transform", "transform": other}, WARN)
    assert refusal(evaluator) == (INVALID, "two permitting policies have different transforms")


@pytest.mark.parametrize(("one", "two"), [(1, 1.0), (1, True), (0, False)])
def test_values_that_only_python_takes_for_equal(one: Any, two: Any) -> None:
    """Bodies are compared as JSON."""
    bodies = [{"verdict": "transform", "transform": {**TRANSFORM, "value": value}} for value in (one, two)]
    assert refusal(advised(*bodies)) == (INVALID, "two permitting policies have different transforms")
