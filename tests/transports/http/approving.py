"""An action that needs an approval, its manifest, and the command of approvers."""

import subprocess
from pathlib import Path
from typing import Any

from tests.conftest import COMMAND, environment

__all__ = ["ACTION", "acs", "manifest"]

ACTION: dict[str, Any] = {
    "intervention_point": "pre_tool_call",
    "snapshot": {
        "envelope": {"agent": {"id": "agent-7"}},
        "tool_call": {"name": "pay", "args": {"amount": 900}},
    },
}


def manifest(**approval: Any) -> dict[str, Any]:
    """A manifest that escalates every call of its tool."""
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": {"type": "test", "output": {"decision": "escalate", "reason": "large"}}},
        "tools": {"pay": {}},
        "intervention_points": {
            "pre_tool_call": {
                "policy_target": "$.tool_call.args",
                "tool_name_from": "$.tool_call.name",
                "policy": {"id": "p"},
            }
        },
        "approval": {"default_resolver": "officer", "resolvers": {"officer": {"type": "token"}}} | approval,
    }


def acs(folder: Path, *arguments: str, given: str = "", code: int = 0) -> str:
    """Run the command in `folder` and give what it prints."""
    done = subprocess.run(
        [COMMAND, *arguments],
        cwd=folder,
        env=environment(COLUMNS="120"),
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr
