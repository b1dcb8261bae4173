"""Transforms as a host applies them: to the `target` of its agent context (section 6.7)."""

from dataclasses import replace

from acs_sidecar.spec.dialects.agent_context import POINT_TARGETS
from acs_sidecar.spec.dialects.transform_path import TARGET, transform_path
from acs_sidecar.spec.dialects.versions import DIALECT_04
from acs_sidecar.spec.path import Path, Root
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Transform, Verdict

__all__ = ["for_host"]


def for_host(verdict: Verdict, policy_target: Path, point: InterventionPoint, target: Json) -> Verdict:
    """Return a verdict whose transform is one of `target`, the value that the host acts on.

    A path that a host cannot parse becomes the whole of it. Raises `EvaluationError` with
    `transform_target_forbidden` where the policy target is not that value or a part of it, and where a host
    transforms nothing, whatever the dialect of the manifest allows.
    """
    transform = verdict.transform
    if transform is None:
        return verdict
    if point in DIALECT_04.untransformed:
        raise EvaluationError(
            Reason.TRANSFORM_TARGET_FORBIDDEN, f"a host of Agent Hooks transforms nothing at `{point}`"
        )
    segments = (*_below(policy_target, point), *transform.path.segments)
    path = transform_path(segments)
    if path is not None:
        return replace(verdict, transform=Transform(path, transform.value))
    place = Path(TARGET, Root.POLICY_TARGET, segments)
    whole = Path(TARGET, Root.POLICY_TARGET, ())
    return replace(verdict, transform=Transform(whole, place.replace(target, transform.value)))


def _below(policy_target: Path, point: InterventionPoint) -> tuple[str | int, ...]:
    """Return the path from the host's target to that of the policy."""
    for base in (("target",), POINT_TARGETS[point]):
        if policy_target.segments[: len(base)] == base:
            return policy_target.segments[len(base) :]
    raise EvaluationError(
        Reason.TRANSFORM_TARGET_FORBIDDEN,
        f"the policy target `{policy_target.text}` is not within the `target` that the host transforms",
    )
