"""The installed hook of a coding agent, run as its host runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

__all__ = ["CALL", "ENVIRONMENT", "HOOK", "INPUT", "NESTED", "POST", "PRE", "SAID", "WHY", "Hook"]

HOOK = ROOT / "clients" / "python" / "acs_client" / "hook.py"
WHY = "denied by policy: no_deletes: Nothing is deleted."
SAID = {"permissionDecision": "deny", "permissionDecisionReason": WHY}
NESTED = {"hookSpecificOutput": {"hookEventName": "PreToolUse", **SAID}}
PRE = {
    "claude-code": "PreToolUse",
    "codex": "PreToolUse",
    "copilot": "PreToolUse",
    "gemini": "BeforeTool",
    "cursor": "preToolUse",
}
POST = {
    "claude-code": "PostToolUse",
    "codex": "PostToolUse",
    "copilot": "PostToolUse",
    "gemini": "AfterTool",
    "cursor": "postToolUse",
}
INPUT = {
    "claude-code": "UserPromptSubmit",
    "codex": "UserPromptSubmit",
    "copilot": "UserPromptSubmit",
    "gemini": "BeforeAgent",
    "cursor": "beforeSubmitPrompt",
}
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
CALL = {"hook_event_name": "PreToolUse", "session_id": "s", "tool_name": "search", "tool_input": {}}


class Hook:
    """The installed command for one host."""

    def __init__(self, host: str, url: str, state: Path, *options: str, manifest: str = "governed") -> None:
        self.host = host
        self.state = state / host
        self.command = [sys.executable, "-ISE", str(HOOK), host, "--url", url, "--state", str(state)]
        self.command += ["--manifest", manifest, "--timeout", "20", *options]

    def run(self, call: Any, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run it with a call on stdin."""
        text = call if isinstance(call, str) else json.dumps(call)
        return subprocess.run(
            self.command,
            input=text,
            env=ENVIRONMENT | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def answer(self, event: str, **members: Any) -> Any:
        """What the host reads, or `None`; the exit status is 0."""
        session = {"conversation_id": "s"} if self.host == "cursor" else {"session_id": "s"}
        done = self.run({"hook_event_name": event, "cwd": "/w", **session, **members})
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout) if done.stdout else None

    def tool(self, name: str, arguments: dict[str, Any], **members: Any) -> Any:
        """The answer before a tool call."""
        return self.answer(PRE[self.host], tool_name=name, tool_input=arguments, **members)
