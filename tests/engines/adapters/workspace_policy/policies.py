"""Policies of signed documents and their inputs, for tests."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from acs_sidecar.engines.adapters.workspace_policy.adapter import adapter
from acs_sidecar.engines.compilation import CompiledPolicies
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import ManifestFacts, PolicyInput
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json
from tests.engines.adapters.compiling import compiled_alone
from tests.engines.adapters.workspace_policy import independent
from tests.engines.adapters.workspace_policy.keys import A_ID, TRUST_FILE, A
from tests.engines.adapters.workspace_policy.vectors import document

__all__ = ["MODEL_CALL", "POINTS", "STARTUP", "TOOL_CALL", "compiled", "decide", "errors_of", "with_content"]

STARTUP = InterventionPoint.AGENT_STARTUP
MODEL_CALL = InterventionPoint.PRE_MODEL_CALL
TOOL_CALL = InterventionPoint.PRE_TOOL_CALL
POINTS = tuple(InterventionPoint)


def with_content(**agent: Any) -> bytes:
    """A signed document with these models and capabilities, and `compliance`."""
    content = {
        "agent": {name: agent[name] for name in ("models", "capabilities") if name in agent},
        "compliance": agent.get("compliance", {}),
    }
    return json.dumps(independent.signed(document("active-1.json") | {"content": content}, A, A_ID)).encode()


def compiled(
    policy: bytes,
    points: Sequence[InterventionPoint] = POINTS,
    trust: str = TRUST_FILE,
    can_escalate: bool = True,
    files: Mapping[str, bytes] | None = None,
    **members: Any,
) -> CompiledPolicies:
    """Compile a policy over a document; a member that is `None` is left out. Raises `ManifestError`."""
    given: dict[str, Json] = {
        "type": "custom",
        "adapter": "workspace_policy",
        "file": "policy.json",
        "trust_file": "policy-keys.yaml",
        "workspace": "ws_xyz789",
        **members,
    }
    definition = {name: value for name, value in given.items() if value is not None}
    facts = ManifestFacts(version="0.3.1-beta", can_escalate=can_escalate)
    read = files or {"policy.json": policy, "policy-keys.yaml": trust.encode()}
    return compiled_alone("workspace", adapter, definition, points, read, facts)


def decide(policies: CompiledPolicies, point: InterventionPoint, snapshot: Any) -> str:
    """The verdict as `decision:reason` or `decision`, or the reason and detail of a failed evaluation."""
    value: dict[str, Json] = {
        "intervention_point": point.value,
        "policy_target": {"kind": None, "path": "$snap", "value": snapshot},
        "snapshot": snapshot,
        "annotations": {},
        "tool": None,
    }
    try:
        output = policies.evaluators[point].evaluate(PolicyInput(value, canonical(value))).value
    except EvaluationError as error:
        return f"{error.reason}: {error.detail}"
    assert isinstance(output, dict)
    evidence = output["evidence"]
    assert isinstance(evidence, dict)
    assert str(evidence["artefact"]).startswith("workspace-policy:policy_abc123:")
    return ":".join(str(output[name]) for name in ("decision", "reason") if name in output)


def errors_of(error: ManifestError) -> list[str]:
    """Each error as one line with its code."""
    return [f"{found} [{found.code}]" for found in error.diagnostics if found.severity == "error"]
