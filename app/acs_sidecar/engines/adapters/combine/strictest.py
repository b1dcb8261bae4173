"""The verdict of several policies: the strictest, and what the others add to it (section 17.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from acs_sidecar.spec.approval import named_approvers
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.path import Root, parse_path
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Decision, Transform, Verdict, apply_transform

__all__ = ["NOT_APPLICABLE", "Combined", "strictest"]

NOT_APPLICABLE = "not_applicable"
_BY_STRICTNESS = (Decision.ALLOW, Decision.WARN, Decision.TRANSFORM, Decision.ESCALATE, Decision.DENY)


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles its cost
class Combined:
    """The verdict, and the place of the policy that gave it; `None` where the combination itself denies."""

    verdict: Verdict
    decided_by: int | None


def strictest(verdicts: Sequence[Verdict], target: Json) -> Combined:
    """Combine the verdicts of policies, in their order. Raises `EvaluationError`.

    Where the others add nothing the verdict is the very one of the policy that gave it.
    """
    place, most, adds = 0, -2, False
    for index, verdict in enumerate(verdicts):
        strictness = _BY_STRICTNESS.index(verdict.decision)
        if strictness == 0 and verdict.reason == NOT_APPLICABLE:
            strictness = -1
        if strictness > most:
            place, most = index, strictness
        if verdict.result_labels or verdict.transform is not None:
            adds = True
    decided = verdicts[place]
    if len(verdicts) == 1 or not (adds or decided.decision is Decision.ESCALATE):
        return Combined(decided, place)
    labels = tuple(dict.fromkeys(label for verdict in verdicts for label in verdict.result_labels))
    transforms = [verdict.transform for verdict in verdicts if verdict.transform is not None]
    if decided.decision is Decision.ESCALATE:
        if transforms:
            return Combined(Verdict(Decision.DENY, "transform_with_escalation", result_labels=labels), None)
        return _escalation(verdicts, place, labels)
    transform = _united(transforms, target) if decided.decision is Decision.TRANSFORM else None
    return Combined(replace(decided, transform=transform, result_labels=labels), place)


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
