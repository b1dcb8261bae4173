"""A manifest for every verdict that a client must obey, and the approver of what it escalates."""

import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acs_sidecar.approval.approval import approve
from acs_sidecar.approval.challenge import inspect_challenge
from acs_sidecar.spec.approval import ApprovalOutcome

__all__ = ["signed", "write_approvers", "write_manifest"]

ALICE = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
MANIFEST = """
agent_control_specification_version: 0.3.1-beta
metadata: {name: governed}
policies: {p: {type: rego, bundle: policies}}
intervention_points:
  agent_startup: {policy_target: $snap.agent_init, policy: {id: p, query: data.p.startup}}
  input: {policy_target: $snap.input.body, policy: {id: p, query: data.p.text}}
  pre_model_call: {policy_target: $snap.messages, policy: {id: p, query: data.p.messages}}
  post_model_call: {policy_target: $snap.response, policy: {id: p, query: data.p.response}}
  pre_tool_call: {policy_target: $snap.tool_call.args, policy: {id: p, query: data.p.call}}
  post_tool_call: {policy_target: $snap.tool_result.value, policy: {id: p, query: data.p.result}}
  output: {policy_target: $snap.response.content, policy: {id: p, query: data.p.text}}
approval: {default_resolver: boss, resolvers: {boss: {type: token}}}
"""
POLICY = """package p
import rego.v1
target := input.policy_target.value
tool := regex.replace(input.snapshot.tool_call.name, `^(tools-|mcp__tools__)`, "")  # as some hosts name them
default startup := {"decision": "allow"}
startup := {"decision": "deny", "reason": "not_today"} if input.snapshot.envelope.agent.id == "blocked"
else := {"decision": "deny", "reason": "no_format"} if "format_disk" in target.tools_registered
text := {"decision": "deny", "reason": "bomb"} if contains(target, "bomb")
else := {"decision": "transform", "reason": "redacted", "transform": {"path": "$policy_target",
  "value": replace(target, "secret-123", "[secret]")}} if contains(target, "secret-123")
else := {"decision": "allow"}
default messages := {"decision": "allow"}
messages := {"decision": "deny", "reason": "bomb"} if { some message in target; contains(message.content, "bomb") }
default response := {"decision": "allow"}
response := {"decision": "deny", "reason": "bomb"} if contains(target.content, "bomb")
call := {"decision": "deny", "reason": "no_deletes", "message": "Nothing is deleted."} if tool == "delete_file"
else := {"decision": "escalate", "reason": "pays"} if tool == "pay"
else := {"decision": "warn", "reason": "odd"} if tool == "odd"
else := {"decision": "transform", "reason": "inward", "transform": {"path": "$policy_target.to",
  "value": "team@example.com"}} if tool == "send_email"
else := {"decision": "allow", "result_labels": ["read"]}
failed if { is_string(input.snapshot.tool_result.error); contains(input.snapshot.tool_result.error, "secret-123") }
result := {"decision": "transform", "reason": "redacted", "transform": {"path": "$policy_target",
  "value": "error withheld"}} if failed
else := {"decision": "deny", "reason": "bomb"} if contains(json.marshal(target), "bomb")
else := {"decision": "transform", "reason": "redacted", "transform": {"path": "$policy_target",
  "value": json.unmarshal(replace(json.marshal(target), "secret-123", "[secret]"))}
} if contains(json.marshal(target), "secret-123")
else := {"decision": "allow"}
"""


def write_manifest(folder: Path) -> Path:
    """Write the manifest into a folder of manifests; return the folder."""
    (folder / "manifests" / "governed" / "policies").mkdir(parents=True)
    (folder / "manifests" / "governed" / "manifest.yaml").write_text(MANIFEST)
    (folder / "manifests" / "governed" / "policies" / "p.rego").write_text(POLICY)
    return folder / "manifests"


def write_approvers(folder: Path) -> Path:
    """Write the file of approvers; return its path."""
    public = ALICE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    lines = "".join(f"      {line}\n" for line in public.splitlines())
    path = folder / "approvers.yaml"
    path.write_text(f"approvers:\n  alice:\n    public_key: |\n{lines}")
    return path


def signed(approval: dict[str, Any], outcome: ApprovalOutcome = ApprovalOutcome.ALLOW) -> str:
    """What Alice signs for the `approval` of an escalation."""
    return approve(inspect_challenge(approval["challenge"]), outcome, time.time_ns() // 1000, ALICE)
