"""The `test` policy type (section 1.7)."""

import time

import pytest

from acs_sidecar.engines.compilation import Binding, compile_policies, policy_jobs
from acs_sidecar.engines.fixed import TEST
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import Evaluator, ManifestFacts
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject
from tests.engines.sources import MemorySources
from tests.sandbox.sandboxes import policy_input

TYPES = {"test": TEST}


def _evaluator(definition: dict[str, Json], overlay: JsonObject | None = None) -> Evaluator:
    binding = Binding(InterventionPoint.OUTPUT, "main", overlay or {}, None, projects_tool=False)
    jobs = policy_jobs({"main": {"type": "test", **definition}}, [binding], TYPES, ManifestFacts())
    return compile_policies(jobs, TYPES, MemorySources({})).evaluators[InterventionPoint.OUTPUT]


@pytest.mark.parametrize(
    "output",
    [
        {"decision": "deny", "reason": "r"},
        {"decision": "maybe"},
        [1, {"a": None}],
        "allow",
        0,
        False,
        None,
        {},
    ],
)
def test_the_output_is_given_verbatim(output: Json) -> None:
    """Any JSON is the policy output as it stands, valid as a verdict or not (1.7)."""
    assert _evaluator({"output": output}).evaluate(policy_input()).value == output


def test_an_error_fails_the_dispatch() -> None:
    """`error` is `policy_invocation_failed`; its text stays with the manifest (1.7)."""
    with pytest.raises(EvaluationError) as raised:
        _evaluator({"error": "on purpose"}).evaluate(policy_input())
    assert raised.value.reason == Reason.POLICY_INVOCATION_FAILED
    assert raised.value.detail == "`policies.main` is configured to fail by `error`"


@pytest.mark.parametrize("definition", [{"output": 1}, {"error": "on purpose"}])
def test_a_delay_comes_before_the_outcome(definition: dict[str, Json]) -> None:
    """`delay_ms` is waited for, whichever outcome follows (1.7)."""
    evaluator = _evaluator({**definition, "delay_ms": 50})
    started = time.monotonic()
    try:
        evaluator.evaluate(policy_input())
    except EvaluationError:
        assert "error" in definition
    assert time.monotonic() - started >= 0.05


@pytest.mark.parametrize(
    ("overlay", "output"),
    [({"output": 2}, 2), ({"delay_ms": 0}, 1), ({"output": None}, None)],
)
def test_a_binding_overlays_the_definition(overlay: JsonObject, output: Json) -> None:
    """Members of the binding count over those of the definition (1.7)."""
    assert _evaluator({"output": 1, "delay_ms": 1}, overlay).evaluate(policy_input()).value == output


@pytest.mark.parametrize(
    ("definition", "finding"),
    [
        ({"output": 1, "error": "e"}, "policies.main: `output` and `error` cannot be combined"),
        ({"error": " "}, "policies.main.error: must be a string"),
        ({"error": None}, "policies.main.error: must be a string"),
        ({"error": 1}, "policies.main.error: must be a string"),
        ({"output": 1, "delay_ms": -1}, "policies.main.delay_ms: must be an integer from 0 to 1000"),
        ({"output": 1, "delay_ms": 1_001}, "policies.main.delay_ms: must be an integer from 0 to 1000"),
        ({"output": 1, "delay_ms": 1.0}, "policies.main.delay_ms: must be an integer from 0 to 1000"),
        ({"output": 1, "delay_ms": True}, "policies.main.delay_ms: must be an integer from 0 to 1000"),
        ({"output": 1, "delay_ms": "1"}, "policies.main.delay_ms: must be an integer from 0 to 1000"),
        (
            {"output": 1, "verdict": 1},
            "policies.main.verdict: unknown member; must be one of `delay_ms`, `error`, `output`, `type`",
        ),
    ],
)
def test_what_is_no_test_double_is_refused(definition: dict[str, Json], finding: str) -> None:
    """Each wrong member is a finding at its place (1.7)."""
    with pytest.raises(ManifestError) as raised:
        _evaluator(definition)
    assert [str(diagnostic) for diagnostic in raised.value.diagnostics] == [finding]
    assert raised.value.reason == Reason.MANIFEST_INVALID


@pytest.mark.parametrize("members", [{}, {"delay_ms": 1}])
def test_a_double_without_an_outcome_fails(members: dict[str, Json]) -> None:
    """With neither `output` nor `error` it is valid, is remarked upon, and fails (1.7)."""
    jobs = policy_jobs({"main": {"type": "test", **members}}, [], TYPES, ManifestFacts())
    (warning,) = compile_policies(jobs, TYPES, MemorySources({})).statement.warnings
    assert (warning.code, warning.path, warning.severity) == (
        "test-output-missing",
        "policies.main",
        "warning",
    )
    with pytest.raises(EvaluationError) as raised:
        _evaluator(members).evaluate(policy_input())
    assert raised.value.reason == Reason.POLICY_INVOCATION_FAILED
    assert raised.value.detail == "`policies.main` has neither `output` nor `error`"


@pytest.mark.parametrize(
    ("definition", "finding"),
    [
        ({"type": "test", "verdict": 1}, "policies.spare.verdict: unknown member; must be one of `delay_ms`, `error`, `output`, `type`"),
        ({"type": "test", "error": ""}, "policies.spare.error: must be a string"),
    ],
)  # fmt: skip
def test_a_definition_that_nothing_binds_is_checked(definition: dict[str, Json], finding: str) -> None:
    """Every policy definition is validated, bound or not (1.3)."""
    policies: dict[str, JsonObject] = {"main": {"type": "test", "output": 1}, "spare": definition}
    binding = Binding(InterventionPoint.OUTPUT, "main", {}, None, projects_tool=False)
    jobs = policy_jobs(policies, [binding], TYPES, ManifestFacts())
    with pytest.raises(ManifestError) as raised:
        compile_policies(jobs, TYPES, MemorySources({}))
    assert [str(diagnostic) for diagnostic in raised.value.diagnostics] == [finding]


def test_an_overlay_that_makes_both_outcomes_is_refused() -> None:
    """A binding with `error` over a definition with `output` is ambiguous (1.7)."""
    with pytest.raises(ManifestError, match="`output` and `error` cannot be combined"):
        _evaluator({"output": 1}, {"error": "e"})
