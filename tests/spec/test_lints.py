"""Section 3.4: lints of a valid manifest, each with its code, its place and what to do."""

from typing import Any

import pytest

from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.lints import lints, unread_annotation
from acs_sidecar.spec.manifest.model import document_of, read_manifest
from tests.cases import changed
from tests.members import MEMBERS

MANIFEST: dict[str, Any] = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
    "intervention_points": {
        "pre_tool_call": {
            "policy_target": "$snap.args",
            "tool_name_from": "$snap.tool",
            "policy": {"id": "p"},
            "annotations": {"a": {"from": "$snap"}},
        }
    },
    "tools": {"t": {}},
    "annotators": {"a": {"type": "endpoint", "url": "http://127.0.0.1:1/"}},
}
INPUT = {"policy_target": "$snap", "policy": {"id": "p"}}


def _found(change: dict[str, Any]) -> list[str]:
    manifest = read_manifest(document_of(changed(MANIFEST, change)), Limits(), MEMBERS)
    found = list(lints(manifest))
    assert {finding.severity for finding in found} <= {"warning"}
    return [f"{finding.code} {finding}" for finding in found]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"policies": {"q r": {"type": "test", "output": 1}}}, ['policy-unbound policies["q r"]: no intervention point binds it: bind it, or remove it']),
        ({"intervention_points": {"pre_tool_call": "$delete", "input": INPUT | {"annotations": {"a": {"from": "$snap"}}}}}, [
            "tool-calls-undecided intervention_points: `tools` are declared but `pre_tool_call` is not: tools are called "
            "without a decision; configure the point"
        ]),
        ({"tools": "$delete", "intervention_points": {"pre_tool_call": {"tool_name_from": "$delete"}}}, []),
        ({"intervention_points": {"pre_tool_call": {"tool_name_from": "$delete"}, "post_tool_call": INPUT}}, [
            f"tool-name-missing intervention_points.{point}: `tools` are declared but not looked up here: any tool "
            "passes and the policy gets no `tool`: set `tool_name_from`" for point in ("pre_tool_call", "post_tool_call")
        ]),
        ({"tools": {"u": {"clearance": "public"}}}, ["tool-clearance-missing tools.t: other tools carry labels but this one has no `clearance`: declare what may flow into it"]),
        ({"tools": {"t": {"security_labels": ["secret"]}}}, ["tool-clearance-missing tools.t: other tools carry labels but this one has no `clearance`: declare what may flow into it"]),
        ({"tools": {"t": {"clearance": "public"}}}, []),
        ({"limits": {"max_snapshot_bytes": 1, "max_extends_depth": 1}}, [
            "limit-of-server limits.max_extends_depth: counts before a manifest is read, so a manifest cannot lower it: "
            "set ACS_LIMIT_MAX_EXTENDS_DEPTH"
        ]),
        ({"annotators": {"b": {"type": "llm"}}}, ["annotator-unused annotators.b: no intervention point uses it: use it in `annotations`, or remove it"]),
    ],
)  # fmt: skip
def test_what_a_reviewer_would_ask(change: dict[str, Any], found: list[str]) -> None:
    """Each lint names the member and says what to do; a manifest without the mistake has none."""
    assert _found(change) == found


def test_an_unread_annotation_is_named_at_its_point() -> None:
    """The finding is about the annotation, not about the policy's binding."""
    finding = unread_annotation("intervention_points.output.policy", "my tone")
    assert finding.path == 'intervention_points.output.annotations["my tone"]'
    assert (finding.code, finding.severity) == ("annotation-unread", "warning")


def test_what_other_implementations_refuse_is_remarked_upon() -> None:
    """Section 6.2: from 0.4 on, members of this service alone are named, and in 0.3 none is."""
    cedar = {
        "type": "cedar",
        "policy_set": "permit(principal, action, resource);",
        "entities": [],
        "schema": "entity A;",
    }
    change = {
        "agent_control_specification_version": "0.4.0-alpha.1",
        "policies": {
            "p": {"type": "rego", "modules": {"a.rego": "package a"}, "query": "data.a.x"},
            "c": cedar,
        },
        "intervention_points": {
            "pre_tool_call": {
                "policy_target": "$snap",
                "policy": {"id": "p"},
                "tool_name_from": "$snap.tool",
            },
            "input": {"policy_target": "$snap", "policy": {"id": "c"}},
        },
        "annotators": {},
        "limits": {"max_snapshot_bytes": 10},
    }
    message = "is known to this service alone: other implementations refuse the manifest"
    assert [found for found in _found(change) if "portable" in found] == [
        f"not-portable {path}: {message}"
        for path in ("limits", "policies.p.modules", "policies.c.entities", "policies.c.schema")
    ]
    older = {**change, "agent_control_specification_version": "0.3.1-beta"}
    assert [found for found in _found(older) if "portable" in found] == []
