"""Policies of rule documents and their inputs, for tests."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from acs_sidecar.engines.adapters.agt_rules.adapter import AgtRulesAdapter
from acs_sidecar.engines.compilation import CompiledPolicies
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import ManifestFacts, PolicyInput
from acs_sidecar.spec.values import Json, JsonObject
from tests.engines.adapters.compiling import compiled_alone

__all__ = ["VERSION", "compiled", "errors_of", "evaluate", "given", "rule", "short", "tool_call", "written"]

VERSION = "governance.toolkit/v1"
PRE_TOOL = InterventionPoint.PRE_TOOL_CALL


def written(name: str, rules: Sequence[JsonObject], **members: Any) -> dict[str, Json]:
    """A document of form A."""
    return {"apiVersion": VERSION, "name": name, "rules": [dict(one) for one in rules], **members}


def compiled(
    *documents: Json,
    points: Sequence[InterventionPoint] = (PRE_TOOL,),
    files: Mapping[str, str] | None = None,
    annotations: tuple[str, ...] = (),
    tools: Mapping[str, JsonObject] | None = None,
    projects_tool: bool = False,
    can_escalate: bool = True,
    adapter: AgtRulesAdapter | None = None,
    version: str = "0.3.1-beta",
    **members: Any,
) -> CompiledPolicies:
    """Compile a policy `agt` over the documents, bound to the points. Raises `ManifestError`."""
    definition: dict[str, Json] = {
        "type": "custom",
        "adapter": "agt_rules",
        "documents": list(documents),
        **members,
    }
    return compiled_alone(
        "agt",
        adapter or AgtRulesAdapter(),
        definition,
        points,
        {name: text.encode() for name, text in (files or {}).items()},
        ManifestFacts(version=version, tools=tools or {}, can_escalate=can_escalate),
        projects_tool=projects_tool,
        annotations=annotations,
    )


def given(
    snapshot: Json, point: InterventionPoint = PRE_TOOL, tool: Json = None, annotations: Json = None
) -> PolicyInput:
    """The policy input of a snapshot."""
    value: dict[str, Json] = {
        "intervention_point": point.value,
        "policy_target": {"kind": None, "path": "$snap", "value": snapshot},
        "snapshot": snapshot,
        "annotations": annotations or {},
        "tool": tool,
    }
    return PolicyInput(value, canonical(value))


def evaluate(
    policies: CompiledPolicies, snapshot: Json, point: InterventionPoint = PRE_TOOL, **parts: Json
) -> dict[str, Any]:
    """The output of the policy at a point."""
    output = policies.evaluators[point].evaluate(given(snapshot, point, **parts)).value
    assert isinstance(output, dict)
    return output


def short(output: Mapping[str, Any]) -> str:
    """`decision`, or `decision:reason` where there is one."""
    return ":".join(str(output[name]) for name in ("decision", "reason") if name in output)


def tool_call(name: str, **args: Json) -> dict[str, Json]:
    """A snapshot with a call of a tool."""
    return {"tool_call": {"name": name, "args": args}}


def rule(condition: Json, action: str = "deny", **members: Json) -> dict[str, Json]:
    """A rule `r`."""
    return {"name": "r", "condition": condition, "action": action, **members}


def errors_of(*documents: Json, **members: Any) -> list[tuple[Any, ...]]:
    """Code, source, line and column of each error of documents that do not compile."""
    with pytest.raises(ManifestError) as caught:
        compiled(*documents, **members)
    return [
        (found.code, found.source, found.line, found.column)
        for found in caught.value.diagnostics
        if found.severity == "error"
    ]
