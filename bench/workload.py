"""What is sent: one tool call as a snapshot, and the same rule for each engine and each competitor."""

from typing import Any

__all__ = [
    "CEDAR",
    "CERBOS_POLICY",
    "POLICIES",
    "REGO",
    "REGO_MODULE",
    "TEST",
    "cerbos_request",
    "manifest",
    "opa_request",
    "request",
    "snapshot",
]

REGO_MODULE = """package bench

import rego.v1

default verdict := {"decision": "deny", "reason": "not_allowed"}

verdict := {"decision": "escalate", "reason": "large_refund"} if {
\tinput.tool.name == "refund"
\tinput.policy_target.value.amount_cents > 50000
} else := {"decision": "allow"} if {
\tinput.tool.clearance <= input.snapshot.envelope.agent.clearance
\tinput.policy_target.value.currency in {"EUR", "USD", "GBP"}
}
"""

_CEDAR_POLICIES = """
@id("large-refund")
forbid(principal, action == Action::"pre_tool_call", resource == Tool::"refund")
when { context.policy_target.value.amount_cents > 50000 };

@id("cleared")
permit(principal, action == Action::"pre_tool_call", resource)
when {
  context.tool.clearance <= context.envelope.agent.clearance &&
  ["EUR", "USD", "GBP"].contains(context.policy_target.value.currency)
};
"""

TEST: dict[str, Any] = {"type": "test", "output": {"decision": "allow"}}
REGO: dict[str, Any] = {
    "type": "rego",
    "modules": {"bench.rego": REGO_MODULE},
    "query": "data.bench.verdict",
}
CEDAR: dict[str, Any] = {"type": "cedar", "policy_set": _CEDAR_POLICIES}
POLICIES = {"test": TEST, "rego": REGO, "cedar": CEDAR}

CERBOS_POLICY = """
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  version: default
  resource: tool
  rules:
    - actions: ["pre_tool_call"]
      effect: EFFECT_DENY
      roles: ["agent"]
      condition:
        match:
          all:
            of:
              - expr: R.id == "refund"
              - expr: R.attr.amount_cents > 50000
    - actions: ["pre_tool_call"]
      effect: EFFECT_ALLOW
      roles: ["agent"]
      condition:
        match:
          all:
            of:
              - expr: R.attr.clearance <= P.attr.clearance
              - expr: R.attr.currency in ["EUR", "USD", "GBP"]
"""


def snapshot(times: int = 1) -> dict[str, Any]:
    """A tool call with its envelope: about 600 bytes of JSON, or `times` as much."""
    turn = {
        "role": "user",
        "content": "I was charged twice for order 4471, please refund the second payment to my card.",
        "id": "msg_01HZX3",
    }
    return {
        "envelope": {
            "agent": {"id": "support-1", "clearance": 3},
            "session": {"id": "5f0c6f0e-6d5e-4c1b-9a51-7b8a1d1c2f3e"},
            "tenant": {"id": "acme"},
            "timestamp": "2026-01-05T12:00:00Z",
            "budgets": {"tool_calls": 12, "tokens": 48211},
        },
        "tool_call": {
            "name": "refund",
            "args": {"order": "4471", "amount_cents": 1250, "currency": "EUR", "note": "charged twice"},
        },
        "messages": [turn] + [turn | {"id": f"msg_{number}"} for number in range(1 + (times - 1) * 5)],
    }


def request(times: int = 1, reference: str | None = None) -> dict[str, Any]:
    """The evaluate request."""
    return {"snapshot": snapshot(times)} | ({"manifest_ref": reference} if reference else {})


def manifest(policy: dict[str, Any]) -> dict[str, Any]:
    """A manifest with one policy at `pre_tool_call`."""
    return {
        "agent_control_specification_version": "0.3.1-beta-agt",
        "policies": {"main": policy},
        "tools": {"refund": {"clearance": 2}},
        "intervention_points": {
            "pre_tool_call": {
                "policy_target": "$snap.tool_call.args",
                "policy_target_kind": "tool_args",
                "tool_name_from": "$snap.tool_call.name",
                "policy": {"id": "main"},
            }
        },
    }


def cerbos_request() -> dict[str, Any]:
    """The same question to Cerbos, the snapshot as attributes."""
    given = snapshot()
    args = given["tool_call"]["args"]
    return {
        "requestId": "bench",
        "principal": {"id": "support-1", "roles": ["agent"], "attr": given["envelope"] | {"clearance": 3}},
        "resources": [
            {
                "actions": ["pre_tool_call"],
                "resource": {
                    "kind": "tool",
                    "id": "refund",
                    "attr": {**args, "clearance": 2, "messages": given["messages"]},
                },
            }
        ],
    }


def opa_request() -> dict[str, Any]:
    """The same question to OPA: the policy input as `input`."""
    given = snapshot()
    return {
        "input": {
            "intervention_point": "pre_tool_call",
            "policy_target": {
                "kind": "tool_args",
                "path": "$snap.tool_call.args",
                "value": given["tool_call"]["args"],
            },
            "snapshot": given,
            "annotations": {},
            "tool": {"clearance": 2, "name": "refund"},
        }
    }
