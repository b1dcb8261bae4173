"""A manifest with one rule for each probe, any of which can be left out, and a carrier for each point."""

import asyncio
import json
from pathlib import Path
from typing import Any

from acs_sidecar.assurance.compliance.probes.carriers import ProbedManifest
from acs_sidecar.cli.compliance.inputs import probed
from acs_sidecar.cli.manifests import known_manifests
from acs_sidecar.settings.tree import load_settings

__all__ = ["RULES", "compiled", "guarded", "write_guarded"]

RULES = {
    "P1": 'deny contains "tool" if { point in tools; not input.snapshot.tool_call.name in {"fetch"} }',
    "P2": 'deny contains "hash" if { point == "pre_tool_call"; input.snapshot.tool_call.content_hash != "sha256:1" }',
    "P3": 'deny contains "injection" if { point in {"input", "post_tool_call"}; contains(text, "gnore all previous") }',
    "P4": 'deny contains "egress" if { point == "pre_tool_call"; contains(text, "attacker.invalid/") }',
    "P5": 'deny contains "shell" if { point == "pre_tool_call"; contains(text, "rm -rf") }',
    "P6": 'deny contains "labels" if { some part in ["input", "response"]; some list in input.snapshot[part].ifc; "secret" in list }',
    "P7": 'ask contains "approval" if { point == "pre_tool_call"; contains(text, "large") }',
    "P8": 'deny contains "budget" if { input.snapshot.envelope.budgets.token_count >= 1000 }',
    "P9": 'deny contains "stopped" if { input.snapshot.envelope.kill_switch.active }',
    "P10": 'redact contains "leak" if { point == "output"; contains(text, "@example.com") }',
    "T1": 'deny contains "word" if { contains(text, "forbidden") }',
}
_POLICY = """package p
import rego.v1
point := input.intervention_point
tools := {"pre_tool_call", "post_tool_call"}
text := json.marshal(input.policy_target.value)
deny contains "never" if { input.snapshot.never }
ask contains "never" if { input.snapshot.never }
redact contains "never" if { input.snapshot.never }
%s
default verdict := {"decision": "allow"}
verdict := {"decision": "deny", "reason": sort(deny)[0]} if { count(deny) > 0 }
verdict := {"decision": "escalate", "reason": "large"} if { count(deny) == 0; count(ask) > 0 }
verdict := {"decision": "transform", "reason": "leak", "transform": {"path": "$policy_target.text", "value": "(removed)"}} if {
  count(deny) + count(ask) == 0; count(redact) > 0 }
"""
_TARGETS = {
    "input": "$.input",
    "pre_tool_call": "$.tool_call.args",
    "post_tool_call": "$.tool_result",
    "output": "$.response",
}


def write_guarded(folder: Path, *without: str, name: str = "guarded") -> Path:
    """Write the manifest without some of its rules, its cases beside it; return the folder of manifests."""
    place = folder / name
    (place / "tests").mkdir(parents=True)
    rules = "\n".join(rule for probe, rule in RULES.items() if probe not in without)
    point = {"policy": {"id": "p", "query": "data.p.verdict"}}
    manifest = {
        "agent_control_specification_version": "0.3.1-beta",
        "metadata": {"name": name},
        "policies": {"p": {"type": "rego", "bundle": "rules"}},
        "intervention_points": {one: {**point, "policy_target": target} for one, target in _TARGETS.items()},
        "approval": {"default_resolver": "officer", "resolvers": {"officer": {"type": "token"}}},
    }
    (place / "manifest.json").write_text(json.dumps(manifest))
    (place / "rules").mkdir()
    (place / "rules" / "p.rego").write_text(_POLICY % rules)
    expected = {
        "word": "deny" if "T1" not in without else "allow",
        "ask": "escalate" if "P7" not in without else "allow",
    }
    cases = [_case(f"{one} works", one, "hello", "allow") for one in _TARGETS]
    cases += [_case(f"{one} refuses", one, "forbidden", expected["word"]) for one in _TARGETS]
    cases.append(_case("asks", "pre_tool_call", "large", expected["ask"]))
    (place / "tests" / "cases.json").write_text(json.dumps({"cases": cases}))
    return folder


def _case(name: str, point: str, text: str, decision: str) -> dict[str, Any]:
    snapshot = snapshot_of(text)
    return {"name": name, "intervention_point": point, "snapshot": snapshot, "expect": {"decision": decision}}


def snapshot_of(text: str) -> dict[str, Any]:
    """Return a snapshot whose every target holds a text."""
    return {
        "envelope": {"agent": {"id": "agent-7"}},
        "input": {"text": text},
        "tool_call": {"name": "fetch", "content_hash": "sha256:1", "args": {"query": text}},
        "tool_result": {"text": text},
        "response": {"text": text},
    }


def guarded(folder: Path, *without: str) -> ProbedManifest:
    """Return the manifest, compiled and with its carriers."""
    return compiled(write_guarded(folder, *without))


def compiled(folder: Path) -> ProbedManifest:
    """Compile the one manifest of a folder and find its carriers."""
    (known,) = known_manifests(load_settings({}).settings, [folder]).values()
    return asyncio.run(probed(known))
