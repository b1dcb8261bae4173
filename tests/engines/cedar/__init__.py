"""Compiling and evaluating Cedar policies the way the service does, without the service."""

from typing import Any

import pytest

from acs_sidecar.engines.cedar.type import CEDAR
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import CompiledPolicy, CompileRequest, Evaluator, PointBinding, PolicyInput
from acs_sidecar.spec.reasons import EvaluationError
from tests.engines.sources import MemorySources

__all__ = [
    "PERMIT_ALL",
    "SNAPSHOT",
    "bind",
    "bind_findings",
    "binding",
    "compile_cedar",
    "findings",
    "input_of",
    "output",
    "refusal",
]

PERMIT_ALL = "permit(principal, action, resource);"
SNAPSHOT: dict[str, Any] = {"envelope": {"agent": {"id": "a-1"}}, "text": "hello"}


def compile_cedar(
    policies: str = PERMIT_ALL, files: dict[str, bytes] | None = None, **members: Any
) -> CompiledPolicy:
    """Compile a definition: `policies` inline unless `policy_path` is among the members."""
    given = members if "policy_path" in members else {"policy_set": policies, **members}
    return CEDAR.compile(
        CompileRequest("policies.main", {"type": "cedar", **given}, MemorySources(files or {}))
    )


def findings(policies: str = PERMIT_ALL, files: dict[str, bytes] | None = None, **members: Any) -> list[str]:
    """Give what makes a definition invalid, each finding as it is printed."""
    with pytest.raises(ManifestError) as raised:
        compile_cedar(policies, files, **members)
    return [str(finding) for finding in raised.value.diagnostics]


def binding(
    members: dict[str, Any] | None = None,
    point: InterventionPoint = InterventionPoint.OUTPUT,
    kind: str | None = None,
    tool: bool = False,
) -> PointBinding:
    """Bind at a point: `members` are those of the binding besides `id`."""
    return PointBinding(point, f"intervention_points.{point}.policy", {}, members or {}, kind, tool)


def bind(policy: CompiledPolicy, **given: Any) -> Evaluator:
    """Bind a compiled policy; takes what `binding` takes."""
    return policy.bind(binding(**given))


def bind_findings(policy: CompiledPolicy, **given: Any) -> list[str]:
    """Give what makes a binding invalid, each finding as it is printed."""
    with pytest.raises(ManifestError) as raised:
        policy.bind(binding(**given))
    return [str(finding) for finding in raised.value.diagnostics]


def input_of(
    snapshot: dict[str, Any] | None = None,
    target: Any = "hello",
    kind: str | None = None,
    tool: dict[str, Any] | None = None,
    annotations: dict[str, Any] | None = None,
) -> PolicyInput:
    """Build a policy input, from a snapshot that names an agent unless another is given."""
    value = {
        "intervention_point": "output",
        "policy_target": {"kind": kind, "path": "$snap.text", "value": target},
        "snapshot": SNAPSHOT if snapshot is None else snapshot,
        "annotations": annotations or {},
        "tool": tool,
    }
    return PolicyInput(value, canonical(value))


def output(evaluator: Evaluator, policy_input: PolicyInput | None = None) -> Any:
    """Evaluate and give the policy output as a value."""
    return evaluator.evaluate(policy_input or input_of()).value


def refusal(evaluator: Evaluator, policy_input: PolicyInput | None = None) -> tuple[str, str]:
    """Evaluate and give the reason and the detail of the failure."""
    with pytest.raises(EvaluationError) as raised:
        evaluator.evaluate(policy_input or input_of())
    return raised.value.reason.value.removeprefix("runtime_error:"), raised.value.detail
