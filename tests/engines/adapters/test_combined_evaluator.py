"""What a combination makes of its members' outputs: verdict, notes, limits, explanations (section 17.2)."""

from typing import Any

import pytest

from acs_sidecar.engines.adapters.combine.evaluator import CombinedEvaluator
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.dialects.policy_output import normalise_output
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.policy_statement import DecisionNotes
from acs_sidecar.spec.ports import PolicyInput, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Normalise, checked_verdict, normalise


class _Asking:
    """An evaluator that escalates with this evidence."""

    def __init__(self, **evidence: Json) -> None:
        self.evidence = evidence

    def evaluate(self, _: PolicyInput) -> PolicyOutput:
        return PolicyOutput({"decision": "escalate", "evidence": self.evidence})


class _Allowing:
    """An evaluator that allows, notes which rules log, and says so."""

    def __init__(self, logged: list[str] | None = None, **members: Json) -> None:
        self.notes: DecisionNotes | None = {"logged": logged} if logged else None
        self.members = members

    def evaluate(self, _: PolicyInput) -> PolicyOutput:
        return PolicyOutput({"decision": "allow", **self.members}, notes=self.notes)

    def explain(self, _: PolicyInput) -> dict[str, Json]:
        return {"kind": "allowing"}


def _input() -> PolicyInput:
    value: dict[str, Json] = {"policy_target": {"kind": None, "path": "$snap", "value": {}}}
    return PolicyInput(value, canonical(value))


def _combined(*evaluators: Any) -> PolicyOutput:
    """What a combination of evaluators says."""
    names = [f"p{place}" for place in range(len(evaluators))]
    return CombinedEvaluator(names, evaluators, Limits()).evaluate(_input())


def test_evidence_that_approvers_of_others_make_too_long() -> None:
    """The verdict of none is the combination's in any order, and the failure says how it came to be."""
    long, approvers = "x" * 4_000, [f"approver-{number}" for number in range(16)]
    members = _Asking(note=long), _Asking(approvers=list(approvers))
    for name, ordered in (("p0", members), ("p1", members[::-1])):
        output = _combined(*ordered)
        assert output.failure is not None
        assert (output.failure.reason, output.failure.detail) == (
            Reason.POLICY_OUTPUT_INVALID,
            f"the evidence of `{name}` exceeds 4096 bytes with the approvers and counters of the combined policies",
        )
        assert output.notes == {"decided_by": None}
    short = _combined(_Asking(note="x"), _Asking(approvers=list(approvers)))
    assert short.as_json() == {
        "decision": "escalate",
        "evidence": {"note": "x", "approvers": approvers},
        "result_labels": [],
    }


@pytest.mark.parametrize(
    ("evidence", "normalised", "most"),
    [
        ({"counter": "x" * 2_040}, normalise, 4_096),
        ({"verification_pointers": {"counter": "x" * 5_100}}, normalise_output, 10_240),
    ],
)
def test_evidence_that_counters_of_others_make_too_long(
    evidence: dict[str, Json], normalised: Normalise, most: int
) -> None:
    """A counter stands twice beside others, so that evidence can exceed its limit where all outputs do not."""
    members = [
        _Allowing(evidence=evidence),
        _Allowing(evidence={"artefact": "a", **_counting(evidence, "y")}),
    ]
    failure = CombinedEvaluator(["p", "q"], members, Limits(), normalised).evaluate(_input()).failure
    assert failure is not None
    assert (failure.reason, failure.detail) == (
        Reason.POLICY_OUTPUT_INVALID,
        f"the evidence of `p` exceeds {most} bytes with the approvers and counters of the combined policies",
    )


def test_the_order_does_not_tell_whether_evidence_is_too_long() -> None:
    """Two warn alike: whichever decides, the evidence of one is too long with the counters of the other."""
    long = _Allowing(decision="warn", reason="a", evidence={"note": "x" * 3_900})
    counting = _Allowing(decision="warn", reason="b", evidence={"counter": "y" * 600})
    for ordered in ((long, counting), (counting, long)):
        failure = _combined(*ordered).failure
        assert failure is not None
        assert failure.reason == Reason.POLICY_OUTPUT_INVALID
        assert f"the evidence of `p{ordered.index(long)}` exceeds 4096 bytes" in failure.detail


def _counting(like: dict[str, Json], counter: str) -> dict[str, Json]:
    """Evidence that names a counter where other evidence does."""
    return {"verification_pointers": {"counter": counter}} if "counter" not in like else {"counter": counter}


def test_the_verdict_of_one_policy_is_passed_on_as_it_is() -> None:
    """Where the others add nothing, the output is that of the policy that decided, which was checked already."""
    for evaluators in ([_Allowing()] * 2, [_Asking(approvers=["a"]), _Asking(approvers=["a", "b"])]):
        output = _combined(*evaluators)
        assert output.value == evaluators[0].evaluate(_input()).value
        assert output.verdict == checked_verdict(output.value, Limits())


def test_a_verdict_that_others_add_to_is_checked() -> None:
    """What several policies say together is the verdict of its own output, and within the limits."""
    output = _combined(_Asking(approvers=["a", "b"]), _Asking(approvers=["b"]))
    assert output.as_json() == {"decision": "escalate", "evidence": {"approvers": ["b"]}, "result_labels": []}
    assert output.verdict == checked_verdict(output.as_json(), Limits())
    labels = [
        _Allowing(result_labels=[letter * (Limits().max_policy_output_bytes * 2 // 3)]) for letter in "ab"
    ]
    large = _combined(*labels).failure
    assert large is not None
    assert (large.reason, large.detail) == (
        Reason.RESOURCE_LIMIT_EXCEEDED,
        f"the policy output exceeds `max_policy_output_bytes` ({Limits().max_policy_output_bytes})",
    )


@pytest.mark.parametrize("failing", [False, True])
def test_rules_that_only_log_are_noted_whoever_decides(failing: bool) -> None:
    """The record names the rules of all members that matched and only log, also where another member fails."""
    members = [_Allowing(logged=["a", "b"]), _Failing() if failing else _Allowing(), _Allowing(logged=["c"])]
    notes = _combined(*members).notes
    assert notes == {"decided_by": "p1" if failing else "p0", "logged": ["a", "b", "c"]}


def test_outputs_that_are_too_large_together_alone() -> None:
    """Each member is held to the limits, not all of them."""
    half = "x" * (Limits().max_policy_output_bytes * 2 // 3)
    output = _combined(_Allowing(message=half), _Allowing(message=half), _Failing())
    assert output.notes == {"decided_by": "p2"}
    assert _combined(*[_Allowing(message=half)] * 2).value == {"decision": "allow", "message": half}


class _Failing:
    """An evaluator that fails, also where it explains."""

    def evaluate(self, _: PolicyInput) -> PolicyOutput:
        raise EvaluationError(Reason.POLICY_INVOCATION_FAILED, "no agent")

    def explain(self, _: PolicyInput) -> dict[str, Json]:
        raise EvaluationError(Reason.POLICY_INVOCATION_FAILED, "no agent")


def test_a_member_that_fails_is_named_and_hides_no_other() -> None:
    """The failure is that member's, in the outcome and in the explanation; the others are still shown."""
    evaluator = CombinedEvaluator(("good", "bad"), (_Allowing(), _Failing()), Limits())
    value: dict[str, Json] = {"policy_target": {"kind": None, "path": "$snap", "value": {}}}
    policy_input = PolicyInput(value, canonical(value))
    output = evaluator.evaluate(policy_input)
    assert output.failure is not None
    assert (output.failure.reason, output.notes) == (Reason.POLICY_INVOCATION_FAILED, {"decided_by": "bad"})
    told = evaluator.explain(policy_input)
    policies: Any = told["policies"]
    assert told["decided_by"] == "bad"
    assert [(each["policy"], each["explain"]) for each in policies] == [
        ("good", {"kind": "allowing"}),
        ("bad", {"unavailable": "no agent"}),
    ]
