"""Policies of `sekuire.yml` documents and their inputs, for tests."""

from collections.abc import Mapping, Sequence
from typing import Any

from acs_sidecar.engines.adapters.oags.adapter import adapter
from acs_sidecar.engines.compilation import CompiledPolicies
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import ManifestFacts, PolicyInput
from acs_sidecar.spec.values import Json
from tests.engines.adapters.compiling import compiled_alone

__all__ = ["ID", "STARTUP", "TOOL_CALL", "compiled", "decide", "errors_of", "policy_input", "warnings_of"]

STARTUP = InterventionPoint.AGENT_STARTUP
TOOL_CALL = InterventionPoint.PRE_TOOL_CALL
ID = "28da5805f90c0b2d7437e448f40853092cc38f5fa223cae21994a8b76d338b53"
"""The published id of the model `gpt-4o`, the prompt `You are a helpful assistant.` and no tools."""


def compiled(
    document: Json = None,
    points: Sequence[InterventionPoint] = (TOOL_CALL,),
    files: Mapping[str, str] | None = None,
    can_escalate: bool = True,
    projects_tool: bool = True,
    **members: Any,
) -> CompiledPolicies:
    """Compile a policy `oags` over a document, or over the file that `members` name. Raises `ManifestError`."""
    given = {} if document is None and "file" in members else {"document": document}
    definition: dict[str, Json] = {"type": "custom", "adapter": "oags", **given, **members}
    facts = ManifestFacts(version="0.3.1-beta", can_escalate=can_escalate)
    read = {name: text.encode() for name, text in (files or {}).items()}
    return compiled_alone("oags", adapter, definition, points, read, facts, projects_tool=projects_tool)


def policy_input(snapshot: Json, point: InterventionPoint = TOOL_CALL) -> PolicyInput:
    """The policy input of a snapshot; the target is the arguments of the tool call, where there are some."""
    call = snapshot.get("tool_call") if isinstance(snapshot, dict) else None
    target = call.get("args") if isinstance(call, dict) else None
    value: dict[str, Json] = {
        "intervention_point": point.value,
        "policy_target": {"kind": None, "path": "$snap.tool_call.args", "value": target},
        "snapshot": snapshot,
        "annotations": {},
        "tool": None,
    }
    return PolicyInput(value, canonical(value))


def decide(
    policies: CompiledPolicies, snapshot: Json, point: InterventionPoint = TOOL_CALL
) -> tuple[str, list[str]]:
    """The verdict as `decision:reason` or `decision`, and all rules that are broken."""
    output = policies.evaluators[point].evaluate(policy_input(snapshot, point)).value
    assert isinstance(output, dict)
    evidence = output["evidence"]
    assert isinstance(evidence, dict)
    rules = evidence["rules"]
    assert isinstance(rules, list)
    shown = ":".join(str(output[name]) for name in ("decision", "reason") if name in output)
    return shown, [str(rule) for rule in rules]


def errors_of(error: ManifestError) -> list[tuple[str, str | None]]:
    """Code and path of each error."""
    return [(found.code, found.path) for found in error.diagnostics if found.severity == "error"]


def warnings_of(policies: CompiledPolicies) -> list[tuple[str, str | None]]:
    """Code and path of each warning."""
    return [(found.code, found.path) for found in policies.statement.warnings]
