"""The verdict of several policies: the strictest, and what the others add to it (section 17.2)."""

from collections.abc import Sequence

from acs_sidecar.engines.adapters.combine.united_transform import united_transform
from acs_sidecar.spec.approval import named_approvers
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import Decision, Transform, Verdict

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


def strictest(verdicts: Sequence[Verdict], target: Json) -> tuple[Verdict, int | None]:
    """Combine the verdicts of policies, in their order. Raises `EvaluationError`.

    Every transform resolves in `target`. Returns the verdict, and the place of the policy that gave it:
    `None` where the combination itself denies. Where the others add nothing the verdict is the very one of
    that policy.
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
        labels = tuple(dict.fromkeys([label for verdict in verdicts for label in verdict.result_labels]))
        transforms = [verdict.transform for verdict in verdicts if verdict.transform is not None]
    transform, evidence = decided.transform, decided.evidence
    if most == _ESCALATES:
        if transforms:
            return Verdict(Decision.DENY, "transform_with_escalation", result_labels=labels), None
        naming = [
            verdict.evidence
            for verdict in verdicts
            if verdict.decision is Decision.ESCALATE and verdict.evidence and "approvers" in verdict.evidence
        ]
        if naming:
            approvers = _common_approvers(naming) if len(naming) > 1 else naming[0]["approvers"]
            if not approvers and len(naming) > 1:
                return Verdict(Decision.DENY, "no_common_approver", result_labels=labels), None
            if evidence is None or evidence.get("approvers") != approvers:
                evidence = {**(evidence or {}), "approvers": approvers}
    elif transform is not None:
        transform = united_transform(transforms, target)
    if labels == decided.result_labels and transform is decided.transform and evidence is decided.evidence:
        return decided, place
    united = Verdict(
        decided.decision,
        decided.reason,
        decided.message,
        transform,
        evidence,
        labels,
        decided.warnings,
        decided.approval,
    )
    return united, place


def _common_approvers(evidences: Sequence[JsonObject]) -> list[Json]:
    """Return those whom all evidences name, in the order of the first."""
    first, *others = evidences
    common: list[Json] = [*(named_approvers(first) or ())]
    for other in others:
        if other["approvers"] != first["approvers"]:
            names = named_approvers(other) or ()
            common = [name for name in common if name in names]
    return common
