"""Each section of the stock library passes its probe, and the same manifest without it fails it (section 8.3)."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.assurance.compliance.probes.checks import probed_results
from acs_sidecar.assurance.compliance.vocabulary import CheckOutcome
from tests.assurance.compliance.guarded import compiled

BASE = {"patterns": {"patterns": ["forbidden"]}}
SECTIONS: dict[str, dict[str, Any]] = {
    "P2": {"content_hash": {"enforce": True}},
    "P3": {"patterns": {"patterns": ["(?i)ignore all previous instructions"]}},
    "P4": {"egress": {"allowlist": ["ok.example"]}},
    "P5": {"patterns": {"patterns": [r"rm\s+-rf"], "points": ["pre_tool_call"]}},
    "P6": {"ifc": {"sink_clearance": "confidential"}},
    "P7": {"approval": {"required": True, "approvers": ["jo"], "points": ["post_tool_call"]}},
    "P8": {"budgets": {"tool_call_count": 10, "token_count": 1000}},
    "P10": {"redact": {"presets": ["pii_email", "pii_credit_card", "pii_secret"], "points": ["output"]}},
}
TARGETS = {
    "input": "$snap.input.text",
    "pre_tool_call": "$snap.tool_call.args",
    "post_tool_call": "$snap.tool_result.value",
    "output": "$snap.response.content",
}
SNAPSHOT: dict[str, Any] = {
    "envelope": {"agent": {"id": "agent-7"}, "budgets": {"tool_call_count": 1, "token_count": 1}},
    "input": {"text": "hello", "ifc": {"source_labels": ["public"]}},
    "tool_call": {"name": "fetch", "args": {"query": "hello"}, "content_hash": "sha256:1"},
    "tool_result": {"value": "hello"},
    "response": {"content": "hello", "ifc": {"result_labels": ["public"]}},
}


def outcomes(
    folder: Path, config: dict[str, Any], kind: str, *, escalating: str | None
) -> dict[str, CheckOutcome]:
    """Probe an agent under the library with this configuration."""
    policy: dict[str, Any] = {"type": kind, "library": "stock-1", "config": config}
    points = {
        point: {"policy_target": target, "policy": {"id": "house"}}
        | ({"tool_name_from": "$snap.tool_call.name"} if "tool" in point else {})
        for point, target in TARGETS.items()
    }
    manifest = {
        "agent_control_specification_version": "0.3.1-beta",
        "metadata": {"name": "agent"},
        "policies": {"house": policy},
        "intervention_points": points,
        "tools": {"fetch": {"content_hash": "sha256:1"}},
        "approval": {"default_resolver": "desk", "resolvers": {"desk": {"type": "token"}}},
    }
    cases = [
        {
            "name": point,
            "intervention_point": point,
            "snapshot": SNAPSHOT,
            "expect": {"decision": "escalate" if point == escalating else "allow"},
        }
        for point in TARGETS
    ]
    (folder / "agent" / "tests").mkdir(parents=True)
    (folder / "agent" / "manifest.json").write_text(json.dumps(manifest))
    (folder / "agent" / "tests" / "cases.json").write_text(json.dumps({"cases": cases}))
    found = asyncio.run(probed_results([compiled(folder)], lambda _: None))
    return {name: one.outcome for name, one in found.items()}


@pytest.mark.parametrize("kind", ["rego", "cedar"])
@pytest.mark.parametrize("probe", SECTIONS)
def test_a_section_passes_its_probe_and_nothing_else_does(tmp_path: Path, probe: str, kind: str) -> None:
    """With the section it passes, without it it fails; a tool of no name is refused by the manifest itself."""
    escalating = "post_tool_call" if probe == "P7" else None
    config = {**BASE, **SECTIONS[probe]}
    assert outcomes(tmp_path / "with", config, kind, escalating=escalating)[probe] is CheckOutcome.PASS
    without = outcomes(tmp_path / "without", BASE, kind, escalating=None)
    assert without[probe] is CheckOutcome.FAIL
    assert {name for name, outcome in without.items() if outcome is CheckOutcome.PASS} == {"P1"}
