"""`acs-hook HOST --print` and `--check` (section 12.10): settings that install a hook, and their trial."""

import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acs_client import hook
from acs_client.client import Client
from acs_client.errors import AcsError, Blocked

__all__ = ["command_line", "run", "settings"]

HOST_TIMEOUT_S = 30
# The event of each point that a host's settings name; Copilot takes Claude Code's names and payload.
_CLAUDE = {
    "agent_startup": "SessionStart",
    "input": "UserPromptSubmit",
    "pre_tool_call": "PreToolUse",
    "post_tool_call": "PostToolUse",
    "output": "Stop",
}
EVENTS = {
    "claude-code": _CLAUDE,
    "codex": _CLAUDE,
    "copilot": _CLAUDE,
    "gemini": {
        "agent_startup": "SessionStart",
        "input": "BeforeAgent",
        "pre_tool_call": "BeforeTool",
        "post_tool_call": "AfterTool",
        "output": "AfterAgent",
    },
    "cursor": {
        "agent_startup": "sessionStart",
        "input": "beforeSubmitPrompt",
        "pre_tool_call": "preToolUse",
        "post_tool_call": "postToolUse",
        "output": "stop",
    },
}
# What each host calls its shell, in which `--check` lists a folder.
SHELLS = {
    "claude-code": "Bash",
    "codex": "Bash",
    "copilot": "bash",
    "gemini": "run_shell_command",
    "cursor": "Shell",
}
FILES = {
    "claude-code": "managed-settings.json or .claude/settings.json",
    "codex": "~/.codex/hooks.json",
    "copilot": "~/.copilot/hooks/acs.json",
    "gemini": ".gemini/settings.json",
    "cursor": ".cursor/hooks.json",
}


def run(options: Mapping[str, Any]) -> int:
    """Run `--print` or `--check`; return the exit status."""
    return _check(options) if options["action"] == "check" else _print(options)


def command_line(options: Mapping[str, Any]) -> str:
    """Return the command that a host runs: whatever happens to it, it blocks."""
    words = [sys.executable, "-ISE", str(Path(hook.__file__).resolve()), options["host"]]
    words += ["--url", options["url"], "--state", os.path.abspath(options["state"])]  # noqa: PTH100
    for name in ("manifest", "agent", "names", "escalate"):
        if options[name]:
            words += [f"--{name}", options[name]]
    if options["token-file"]:
        words += ["--token-file", os.path.abspath(options["token-file"])]  # noqa: PTH100
    words += ["--timeout", f"{options['timeout']:g}"]
    return f'{shlex.join(words)} || {{ echo "acs-hook failed" >&2; exit 2; }}'


def settings(options: Mapping[str, Any], points: frozenset[str]) -> dict[str, Any]:
    """Return the fragment of the host's settings for the points that its manifest binds."""
    host, command = options["host"], command_line(options)
    entry: dict[str, Any] = {"type": "command", "command": command, "timeout": HOST_TIMEOUT_S}
    if host == "gemini":
        entry["timeout"] = HOST_TIMEOUT_S * 1000
    if host == "copilot":
        entry = {"type": "command", "bash": command, "timeoutSec": HOST_TIMEOUT_S}
    if host == "cursor":
        entry = {"command": command, "timeout": HOST_TIMEOUT_S, "failClosed": True}
    events = {}
    for point, event in EVENTS[host].items():
        if point not in points:
            continue
        matched = {"matcher": "*"} if point.endswith("tool_call") else {}
        events[event] = [entry] if host in {"copilot", "cursor"} else [{**matched, "hooks": [entry]}]
    return {"version": 1, "hooks": events} if host in {"copilot", "cursor"} else {"hooks": events}


def _points(options: Mapping[str, Any]) -> frozenset[str]:
    with Client(options["url"], token_file=options["token-file"]) as client:
        return client.points(options["manifest"])


def _print(options: Mapping[str, Any]) -> int:
    try:
        points = _points(options)
    except AcsError as error:
        why = error.decision.message if isinstance(error, Blocked) else error
        return _fail(f"the manifest's points cannot be asked for at {options['url']}: {why}")
    if "pre_tool_call" not in points:
        return _fail("the manifest does not bind `pre_tool_call`: no tool call would be evaluated")
    sys.stdout.write(json.dumps(settings(options, points), indent=2) + "\n")
    sys.stderr.write(f"for {FILES[options['host']]}; keep it where the agent cannot write\n")
    return 0


def _check(options: Mapping[str, Any]) -> int:
    """Run the installed command against a dead port, which must block, and against the service."""
    call = {
        "hook_event_name": EVENTS[options["host"]]["pre_tool_call"],
        "session_id": "acs-hook-check",
        "conversation_id": "acs-hook-check",
        "tool_name": SHELLS[options["host"]],
        "tool_input": {"command": "ls"},
    }
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as state:
        blocked = _run(command_line({**options, "url": dead, "state": state, "token-file": None}), call)
        answered = _run(command_line({**options, "state": state}), call)
    if blocked.returncode != 2 or blocked.stdout or not blocked.stderr.strip():
        return _fail("without a service the command does not block: do not install it")
    sys.stdout.write("without a service: blocks\n")
    if answered.returncode != 0:
        return _fail(f"with the service: {answered.stderr.strip()}")
    sys.stdout.write(f"with the service, for `ls`: {answered.stdout.strip() or 'allows'}\n")
    return 0


def _run(command: str, call: Mapping[str, Any]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S602  # hosts run it by a shell too
        command, shell=True, input=json.dumps(call), capture_output=True, text=True, check=False, timeout=60
    )


def _fail(message: str) -> int:
    sys.stderr.write(f"acs-hook: {message}\n")
    return 2
