"""The verdict of several policies: the strictest, and what the others add to it (section 17.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from acs_sidecar.spec.approval import named_approvers
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.path import Root, parse_path
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Decision, Transform, Verdict, apply_transform

__all__ = ["NOT_APPLICABLE", "Combined", "strictest"]

NOT_APPLICABLE = "not_applicable"
_STRICTNESS = {
    Decision.ALLOW: 1,
    Decision.WARN: 2,
    Decision.TRANSFORM: 3,
    Decision.ESCALATE: 4,
    Decision.DENY: 5,
}


@dataclass(frozen=True, slots=True)
class Combined:
    """The verdict, and the place of the policy that gave it; `None` where the combination itself denies."""

    verdict: Verdict
    decided_by: int | None


def strictest(verdicts: Sequence[Verdict], target: Json) -> Combined:
    """Combine the verdicts of policies, in their order. Raises `EvaluationError`."""
    first = max(range(len(verdicts)), key=lambda place: _strictness(verdicts[place]))
    decided = verdicts[first]
    labels = tuple(dict.fromkeys(label for verdict in verdicts for label in verdict.result_labels))
    transforms = [verdict.transform for verdict in verdicts if verdict.transform is not None]
    if decided.decision is Decision.ESCALATE:
        if transforms:
            return Combined(Verdict(Decision.DENY, "transform_with_escalation", result_labels=labels), None)
        return _escalation(verdicts, first, labels)
    transform = _united(transforms, target) if decided.decision is Decision.TRANSFORM else None
    verdict = Verdict(decided.decision, decided.reason, decided.message, transform, decided.evidence, labels)
    return Combined(verdict, first)


def _strictness(verdict: Verdict) -> int:
    if verdict.decision is Decision.ALLOW and verdict.reason == NOT_APPLICABLE:
        return 0
    return _STRICTNESS[verdict.decision]


def _escalation(verdicts: Sequence[Verdict], first: int, labels: tuple[str, ...]) -> Combined:
    """Escalate to those whom all policies that name approvers have in common."""
    decided = verdicts[first]
    evidences = [verdict.evidence for verdict in verdicts if verdict.decision is Decision.ESCALATE]
    naming = [evidence for evidence in evidences if evidence is not None and "approvers" in evidence]
    evidence = decided.evidence
    if len(naming) > 1:
        lists = [named_approvers(one) or () for one in naming]
        common: list[Json] = [name for name in lists[0] if all(name in other for other in lists)]
        if not common:
            return Combined(Verdict(Decision.DENY, "no_common_approver", result_labels=labels), None)
        evidence = {**(evidence or {}), "approvers": common}
    elif naming:
        evidence = {**(evidence or {}), "approvers": naming[0]["approvers"]}
    verdict = Verdict(Decision.ESCALATE, decided.reason, decided.message, None, evidence, labels)
    return Combined(verdict, first)


def _united(transforms: Sequence[Transform], target: Json) -> Transform:
    """Return one transform for several, of which no two may change one place differently."""
    distinct = list({_identity(one): one for one in reversed(transforms)}.values())[::-1]
    if len(distinct) == 1:
        return distinct[0]
    for one, other in combinations(distinct, 2):
        shorter = min(len(one.path.segments), len(other.path.segments))
        if one.path.segments[:shorter] == other.path.segments[:shorter]:
            raise EvaluationError(
                Reason.POLICY_OUTPUT_INVALID, "combined policies transform the same place differently"
            )
    for one in distinct:
        target = apply_transform(one, target)
    return Transform(parse_path(Root.POLICY_TARGET.value), target)


def _identity(transform: Transform) -> tuple[tuple[str | int, ...], bytes]:
    return transform.path.segments, canonical(transform.value)
