"""The verdict of several policies: the strictest, and what the others add to it (section 17.2)."""

import re
from collections.abc import Sequence
from dataclasses import replace

from acs_sidecar.spec.approval import named_approvers
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Decision, Transform, Verdict, apply_transform

__all__ = ["NOT_APPLICABLE", "strictest"]

NOT_APPLICABLE = "not_applicable"
_STRICTNESS = {
    Decision.ALLOW: 0,
    Decision.WARN: 1,
    Decision.TRANSFORM: 2,
    Decision.ESCALATE: 3,
    Decision.DENY: 4,
}
_ESCALATES = _STRICTNESS[Decision.ESCALATE]
_ROOT = re.compile(r"\$\w+")


def strictest(verdicts: Sequence[Verdict], target: Json) -> tuple[Verdict, int | None]:
    """Combine the verdicts of policies, in their order. Raises `EvaluationError`.

    Returns the verdict, and the place of the policy that gave it: `None` where the combination itself denies.
    Where the others add nothing the verdict is the very one of that policy.
    """
    place, most, adds = 0, -2, False
    for index, verdict in enumerate(verdicts):
        strictness = _STRICTNESS[verdict.decision]
        if strictness == 0 and verdict.reason == NOT_APPLICABLE:
            strictness = -1
        if strictness > most:
            place, most = index, strictness
        if verdict.result_labels or verdict.transform is not None:
            adds = True
    decided = verdicts[place]
    if len(verdicts) == 1 or not (adds or most == _ESCALATES):
        return decided, place
    labels: tuple[str, ...] = ()
    transforms: list[Transform] = []
    if adds:
        labels = tuple(dict.fromkeys(label for verdict in verdicts for label in verdict.result_labels))
        transforms = [verdict.transform for verdict in verdicts if verdict.transform is not None]
    if most == _ESCALATES:
        if transforms:
            return Verdict(Decision.DENY, "transform_with_escalation", result_labels=labels), None
        return _escalation(verdicts, place, labels)
    transform = _united(transforms, target) if decided.transform is not None else None
    if labels == decided.result_labels and transform is decided.transform:
        return decided, place
    decision, reason, message = decided.decision, decided.reason, decided.message
    return Verdict(decision, reason, message, transform, decided.evidence, labels), place


def _escalation(
    verdicts: Sequence[Verdict], first: int, labels: tuple[str, ...]
) -> tuple[Verdict, int | None]:
    """Escalate to those whom all policies that name approvers have in common."""
    decided = verdicts[first]
    evidences = [verdict.evidence for verdict in verdicts if verdict.decision is decided.decision]
    naming = [evidence for evidence in evidences if evidence is not None and "approvers" in evidence]
    approvers: Json = naming[0]["approvers"] if naming else None
    if len(naming) > 1:
        others = [one for one in naming[1:] if one["approvers"] != approvers]
        lists = [named_approvers(one) or () for one in (naming[0], *others)]
        approvers = [name for name in lists[0] if all(name in other for other in lists)]
        if not approvers:
            return Verdict(Decision.DENY, "no_common_approver", result_labels=labels), None
    evidence = decided.evidence
    if naming and (evidence is None or evidence.get("approvers") != approvers):
        evidence = {**(evidence or {}), "approvers": approvers}
    elif labels == decided.result_labels:
        return decided, first
    return replace(decided, evidence=evidence, result_labels=labels), first


def _united(transforms: Sequence[Transform], target: Json) -> Transform:
    """Return one transform for several, of which no two may change one place differently."""
    distinct: list[Transform] = []
    for one in transforms:
        if not any(_repeats(one, other) for other in distinct):
            distinct.append(one)
    if len(distinct) == 1:
        return distinct[0]
    for one in distinct:
        target = apply_transform(one, target)
    whole = _ROOT.match(distinct[0].path.text)
    return Transform(replace(distinct[0].path, text=whole.group() if whole else "", segments=()), target)


def _repeats(one: Transform, other: Transform) -> bool:
    """True if two transforms are equal. Raises `EvaluationError` where they change one place differently."""
    one_path, other_path = one.path.segments, other.path.segments
    shorter = min(len(one_path), len(other_path))
    if one_path[:shorter] != other_path[:shorter]:
        return False
    if len(one_path) == len(other_path) and canonical(one.value) == canonical(other.value):
        return True
    message = "combined policies transform the same place differently"
    raise EvaluationError(Reason.POLICY_OUTPUT_INVALID, message)
