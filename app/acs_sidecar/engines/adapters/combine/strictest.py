"""The verdict of several policies: the strictest, and what the others add to it (section 17.2)."""

from collections.abc import Sequence

from acs_sidecar.engines.adapters.combine.counters import may_name_counters, with_counters
from acs_sidecar.engines.adapters.combine.united_transform import united_transform
from acs_sidecar.spec.approval import named_approvers, naming
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import APPROVERS, Decision, Transform, Verdict

__all__ = ["NOT_APPLICABLE", "strictest"]

NOT_APPLICABLE = "not_applicable"
_STRICTNESS = {
    Decision.ALLOW: 0,
    Decision.WARN: 2,
    Decision.TRANSFORM: 3,
    Decision.ESCALATE: 4,
    Decision.DENY: 5,
}
_WARNED_ALLOW = 1
_ESCALATES = _STRICTNESS[Decision.ESCALATE]
_DENIES = _STRICTNESS[Decision.DENY]


def strictest(verdicts: Sequence[Verdict], target: Json) -> tuple[Verdict, int | None]:
    """Combine the verdicts of policies, in their order. Raises `EvaluationError`.

    Every transform resolves in `target`. Returns the verdict, and the place of the policy that gave it:
    `None` where the combination itself denies. Where the others add nothing the verdict is the very one of
    that policy.
    """
    if len(verdicts) == 1:
        return verdicts[0], 0
    place, most, adds, counts = 0, -2, False, False
    for index, verdict in enumerate(verdicts):
        strictness = _STRICTNESS[verdict.decision]
        if strictness == 0 and verdict.warnings:
            strictness = _WARNED_ALLOW
        elif strictness == 0 and verdict.reason == NOT_APPLICABLE:
            strictness = -1
        if strictness > most:
            place, most = index, strictness
        if verdict.result_labels or verdict.transform is not None:
            adds = True
        if verdict.evidence is not None and may_name_counters(verdict.evidence):
            counts = True
    decided = verdicts[place]
    counts = counts and most != _DENIES
    if not (adds or counts or most == _ESCALATES):
        return decided, place
    labels: tuple[str, ...] = ()
    transforms: list[Transform] = []
    if adds:
        labels = tuple(dict.fromkeys([label for verdict in verdicts for label in verdict.result_labels]))
        transforms = [verdict.transform for verdict in verdicts if verdict.transform is not None]
    transform, evidence, approval = decided.transform, decided.evidence, decided.approval
    if most == _ESCALATES:
        if transforms:
            return Verdict(Decision.DENY, "transform_with_escalation", result_labels=labels), None
        named, in_approval = _named(verdicts)
        if named:
            approvers = _common_approvers(named) if len(named) > 1 else named[0][APPROVERS]
            if not approvers and len(named) > 1:
                return Verdict(Decision.DENY, "no_common_approver", result_labels=labels), None
            if in_approval:
                approval = _naming(approval, approvers)
            else:
                evidence = _naming(evidence, approvers)
    elif transform is not None:
        transform = united_transform(transforms, target)
    if counts:
        evidence = with_counters(evidence, [each.evidence for each in verdicts if each.evidence is not None])
    if (
        labels == decided.result_labels
        and transform is decided.transform
        and evidence is decided.evidence
        and approval is decided.approval
    ):
        return decided, place
    united = Verdict(
        decided.decision,
        decided.reason,
        decided.message,
        transform,
        evidence,
        labels,
        decided.warnings,
        approval,
    )
    return united, place


def _named(verdicts: Sequence[Verdict]) -> tuple[list[JsonObject], bool]:
    """Return what names approvers in each escalation that does; true if the first is an `approval`."""
    named: list[JsonObject] = []
    in_approval = False
    for verdict in verdicts:
        if verdict.decision is Decision.ESCALATE and (members := naming(verdict)) is not None:
            if not named:
                in_approval = members is verdict.approval
            named.append(members)
    return named, in_approval


def _naming(members: JsonObject | None, approvers: Json) -> JsonObject:
    """Return members that name these approvers: the same ones where they do."""
    if members is not None and members.get(APPROVERS) == approvers:
        return members
    return {**(members or {}), APPROVERS: approvers}


def _common_approvers(named: Sequence[JsonObject]) -> list[Json]:
    """Return those whom all name, in the order of the first."""
    first, *others = named
    common: list[Json] = [*(named_approvers(first) or ())]
    for other in others:
        if other[APPROVERS] != first[APPROVERS]:
            names = named_approvers(other) or ()
            common = [name for name in common if name in names]
    return common
