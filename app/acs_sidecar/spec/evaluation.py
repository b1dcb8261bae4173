"""One evaluation, step by step: a snapshot and a compiled point in, a verdict out (section 1.5).

The only waiting in it is for annotators and for the policy, both behind ports.
"""

from dataclasses import dataclass

from acs_sidecar.spec.canonical import canonical, digest_bytes
from acs_sidecar.spec.limits import Limits, exceeded
from acs_sidecar.spec.manifest.compiled import NO_ANNOTATIONS, NO_TOOL, CompiledPoint, Tool
from acs_sidecar.spec.points import Mode
from acs_sidecar.spec.ports import PolicyInput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.trace import Trace
from acs_sidecar.spec.values import Json, deeper_than, nesting_bound
from acs_sidecar.spec.verdict import Verdict, apply_transform, checked_verdict

__all__ = ["Evaluation", "evaluate"]


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles its cost
class Evaluation:
    """The result of a completed evaluation. The transformed target is valid if `applied`."""

    verdict: Verdict
    input_identity: str
    enforced_identity: str
    applied: bool
    transformed_target: Json


async def evaluate(
    point: CompiledPoint, snapshot: dict[str, Json], nesting: int, mode: Mode, trace: Trace
) -> Evaluation:
    """Evaluate `snapshot` at `point`. `nesting` is an upper bound on its depth.

    Raises `EvaluationError` at the first step that fails.
    """
    limits = point.limits
    snapshot_bytes = _measured_snapshot(snapshot, nesting, limits)
    target = point.config.target.walk(snapshot)
    target_bytes = canonical(target)
    trace.done("policy_target")

    tool = _projected_tool(point, snapshot)
    trace.tool = tool.name
    trace.done("tool")

    given: dict[str, Json] = {
        "intervention_point": point.name,
        "policy_target": {
            "kind": point.config.target_kind,
            "path": point.config.target.text,
            "value": target,
        },
        "snapshot": snapshot,
        "annotations": {},
        "tool": tool.value,
    }
    text = point.canonical_input(NO_ANNOTATIONS, target_bytes, snapshot_bytes, tool.canonical)
    _check_input(given, text, max(nesting, tool.nesting), limits)
    policy_input = trace.policy_input = PolicyInput(given, text)
    annotation_bytes = NO_ANNOTATIONS
    trace.done("policy_input")

    if point.config.annotators:
        annotations = await point.annotate(given, trace)
        annotation_bytes = canonical(annotations)
        given = {**given, "annotations": annotations}
        text = point.canonical_input(annotation_bytes, target_bytes, snapshot_bytes, tool.canonical)
        nesting = max(nesting, tool.nesting, nesting_bound(annotation_bytes))
        _check_input(given, text, nesting, limits)
        policy_input = trace.policy_input = PolicyInput(given, text)
        trace.done("annotators")

    started = trace.now()
    try:
        output = await point.policy.dispatch(policy_input)
    finally:
        trace.policy = started, trace.now()
    trace.dispatch, trace.notes = output.trace, output.notes
    if output.failure is not None:
        raise output.failure
    trace.done("policy")

    verdict = output.verdict or checked_verdict(output.value, limits, point.dialect.normalise)
    trace.done("verdict")

    input_identity = policy_input.identity
    if verdict.transform is None:
        trace.done("identities")
        return Evaluation(verdict, input_identity, input_identity, False, None)

    if point.config.name in point.dialect.untransformed:
        raise EvaluationError(
            Reason.TRANSFORM_TARGET_FORBIDDEN, f"a transform is not allowed at `{point.name}`"
        )
    transformed = apply_transform(verdict.transform, target)
    transformed_bytes = canonical(transformed)
    grown = len(snapshot_bytes) - len(target_bytes) + len(transformed_bytes)
    _check_transformed(point, snapshot, transformed, grown, nesting + nesting_bound(transformed_bytes))
    trace.done("transform")
    if mode is Mode.EVALUATE_ONLY:
        return Evaluation(verdict, input_identity, input_identity, False, None)
    enforced = point.canonical_input(annotation_bytes, transformed_bytes, snapshot_bytes, tool.canonical)
    trace.done("identities")
    return Evaluation(verdict, input_identity, digest_bytes(enforced), True, transformed)


def _measured_snapshot(snapshot: dict[str, Json], nesting: int, limits: Limits) -> bytes:
    """Serialise the snapshot, within its limits: depth first, for a serialiser can be too deep."""
    if nesting > limits.max_policy_input_depth and deeper_than(snapshot, limits.max_policy_input_depth):
        raise exceeded("the snapshot", "max_policy_input_depth", limits)
    text = canonical(snapshot)
    if len(text) > limits.max_snapshot_bytes:
        raise exceeded("the snapshot", "max_snapshot_bytes", limits)
    return text


def _projected_tool(point: CompiledPoint, snapshot: dict[str, Json]) -> Tool:
    path = point.config.tool_name
    if path is None:
        return NO_TOOL
    name = path.walk(snapshot)
    if not isinstance(name, str):
        raise EvaluationError(Reason.PATH_TYPE_MISMATCH, f"`tool_name_from` `{path.text}` is not a string")
    tool = point.tools.get(name)
    if tool is None:
        raise EvaluationError(
            Reason.TOOL_UNKNOWN, f"the name at `tool_name_from` `{path.text}` is not one of `tools`"
        )
    return tool


def _check_input(given: dict[str, Json], text: bytes, nesting: int, limits: Limits) -> None:
    # The input puts at most two containers around the snapshot, the target, the tool and the annotations.
    depth = limits.max_policy_input_depth
    if nesting + 2 > depth and deeper_than(given, depth):
        raise exceeded("the policy input", "max_policy_input_depth", limits)
    if len(text) > limits.max_policy_input_bytes:
        raise exceeded("the policy input", "max_policy_input_bytes", limits)


def _check_transformed(
    point: CompiledPoint, snapshot: dict[str, Json], target: Json, size: int, nesting: int
) -> None:
    """Check the transformed snapshot against the limits of a snapshot; `nesting` is a bound on its depth."""
    limits = point.limits
    depth = limits.max_policy_input_depth
    if size > limits.max_snapshot_bytes:
        raise exceeded("the transformed snapshot", "max_snapshot_bytes", limits)
    if nesting > depth and deeper_than(point.config.target.replace(snapshot, target), depth):
        raise exceeded("the transformed snapshot", "max_policy_input_depth", limits)
