"""The verdict of several policies: the strictest, and what the others add to it (section 17.2)."""

from collections.abc import Sequence

from acs_sidecar.engines.adapters.combine.counters import may_name_counters, with_counters
from acs_sidecar.engines.adapters.combine.united_transform import united_transform
from acs_sidecar.spec.approval import is_names, naming
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import APPROVERS, Decision, Transform, Verdict

__all__ = ["NOT_APPLICABLE", "strictest"]

NOT_APPLICABLE = "not_applicable"
_ESCALATE = Decision.ESCALATE
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
    place, most, labelled, counts = 0, -2, False, False
    transforms: list[Transform] = []
    for index, verdict in enumerate(verdicts):
        strictness = _STRICTNESS[verdict.decision]
        if strictness == 0 and verdict.warnings:
            strictness = _WARNED_ALLOW
        elif strictness == 0 and verdict.reason == NOT_APPLICABLE:
            strictness = -1
        if strictness > most:
            place, most = index, strictness
        if verdict.result_labels:
            labelled = True
        if verdict.transform is not None:
            transforms.append(verdict.transform)
        if verdict.evidence is not None and may_name_counters(verdict.evidence):
            counts = True
    decided = verdicts[place]
    counts = counts and most != _DENIES
    if not (labelled or transforms or counts or most == _ESCALATES):
        return decided, place
    labels: tuple[str, ...] = ()
    if labelled:
        labels = tuple(dict.fromkeys([label for verdict in verdicts for label in verdict.result_labels]))
    transform, evidence, approval = decided.transform, decided.evidence, decided.approval
    if most == _ESCALATES:
        if transforms:
            return Verdict(Decision.DENY, "transform_with_escalation", result_labels=labels), None
        approvers: Json = None
        named, in_approval = 0, False
        for verdict in verdicts:
            if verdict.decision is _ESCALATE and (members := naming(verdict)) is not None:
                named += 1
                if named == 1:
                    approvers, in_approval = members[APPROVERS], members is verdict.approval
                else:
                    approvers = _common(approvers, members[APPROVERS])
        if named:
            if named > 1 and not approvers:
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


def _naming(members: JsonObject | None, approvers: Json) -> JsonObject:
    """Return members that name these approvers: the same ones where they do."""
    if members is not None and members.get(APPROVERS) == approvers:
        return members
    return {**(members or {}), APPROVERS: approvers}


def _common(first: Json, second: Json) -> list[Json]:
    """Return the names of the first list that the second has too; a list in another form has none."""
    if not isinstance(first, list) or not is_names(second):
        return []
    others = set(second)
    common: list[Json] = []
    for name in first:  # checked and intersected in one pass: an escalation names few, so calls cost most
        if not isinstance(name, str) or not name:
            return []
        if name in others:
            common.append(name)
    return common
