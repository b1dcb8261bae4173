"""Findings of policies that points bind with overlays: each where it can be mended, and once (section 1.7)."""

from typing import Any

import pytest

from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.model import document_of
from acs_sidecar.spec.ports import NoSources
from acs_sidecar.spec.values import Json

COMPILER: ManifestCompiler = build_compiler(load_settings({}).settings, HttpClient(), None)
DOCUMENT = {
    "apiVersion": "governance.toolkit/v1",
    "name": "d",
    "rules": [
        {"name": "r", "condition": "tool == 'x'", "action": "deny"},
        {"name": "s", "condition": "user_input == 'x'", "action": "deny", "stage": "pre_input"},
    ],
}
AGT = {"type": "custom", "adapter": "agt_rules", "document": DOCUMENT}
CEDAR = {"type": "cedar", "policy_set": "permit(principal, action, resource) when { context has x };"}
REGO = {"type": "rego", "modules": {"a.rego": "package a\nv := 1"}, "query": "data.a.v"}


def _findings(policy: Any, **overlays: Any) -> list[Diagnostic]:
    """The findings of a manifest that binds a policy at points with overlays, valid or not."""
    manifest: Json = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"main": policy},
        "intervention_points": {
            point: {"policy_target": "$.t", "policy": {"id": "main", **overlay}}
            for point, overlay in overlays.items()
        },
    }
    try:
        return [*COMPILER.compile_operator("agent", document_of(manifest), NoSources()).warnings]
    except ManifestError as error:
        return [*error.diagnostics]


@pytest.mark.parametrize(
    ("policy", "overlay", "expected"),
    [
        (AGT, {"context": {"x": "$bad."}}, "path-syntax context.x"),
        (
            AGT,
            {"document": {**DOCUMENT, "rules": [{"name": "r"}]}},
            "member-missing document.rules[0].condition",
        ),
        (AGT, {"guards": {"rings": 5}}, "value-not-allowed guards.rings"),
        (CEDAR, {"schema": "bad"}, "cedar-schema-syntax schema"),
        (REGO, {"data": 5}, "wrong-type data"),
        (REGO, {"bogus": 5}, "member-unknown bogus"),
    ],
)
def test_what_is_wrong_with_an_overlay(policy: Any, overlay: Any, expected: str) -> None:
    """An error about a member that the binding overlays is at the binding, and the only one."""
    found = _findings(policy, input=overlay, pre_tool_call={})
    assert [f"{each.code} {each.path}" for each in found if each.severity == "error"] == [
        expected.replace(" ", " intervention_points.input.policy.")
    ]


def test_what_is_wrong_with_a_definition_that_is_overlaid() -> None:
    """An error of the definition is at the policy, once, whichever bindings share it."""
    broken = {**AGT, "document": {**DOCUMENT, "bogus": 1}}
    found = _findings(broken, input={"arguments": "closed"}, pre_tool_call={})
    assert [f"{each.code} {each.path}" for each in found] == ["member-unknown policies.main.document.bogus"]


def test_rules_of_a_stage_that_another_overlay_binds() -> None:
    """Rules are unbound where no binding of the policy has their point, whatever the bindings overlay."""
    overlay = {"conflict_strategy": "allow_overrides"}
    assert _findings(AGT, input=overlay, pre_tool_call={}) == []
    for at_input in (overlay, {}):
        found = [each for each in _findings(AGT, input=at_input, output={}) if "unbound" in each.code]
        assert [each.path for each in found] == ["policies.main.document.rules[0]"]
    alone = _findings(AGT, input={"document": DOCUMENT | {"name": "e"}}, pre_tool_call={})
    assert sorted(f"{each.code} {each.path}" for each in alone) == [
        "agt-stage-unbound intervention_points.input.policy.document.rules[0]",
        "agt-stage-unbound policies.main.document.rules[1]",
    ]


def test_policies_that_no_point_binds_are_told_in_their_order() -> None:
    """The order of findings is that of the manifest, in every process."""
    names = [f"p{number}" for number in (3, 1, 4, 5, 9, 2, 6, 8)]
    manifest: Any = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"main": CEDAR, **{name: {**REGO, "data": 5} for name in names}},
        "intervention_points": {"input": {"policy_target": "$.t", "policy": {"id": "main"}}},
    }
    with pytest.raises(ManifestError) as caught:
        COMPILER.compile_operator("agent", document_of(manifest), NoSources())
    assert [one.path for one in caught.value.diagnostics] == [f"policies.{name}.data" for name in names]
