"""What each host of a coding agent is told, in the words that it acts on (section 12.10)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.python.governed import signed
from tests.clients.python.hooks import INPUT, NESTED, POST, PRE, SAID, WHY, Hook
from tests.conftest import Service


@pytest.mark.parametrize(
    ("host", "denied", "allowed", "changed", "warned"),
    [
        (
            "claude-code",
            NESTED,
            None,
            {
                "hookSpecificOutput": {
                    "hookEventName": "PreToolUse",
                    "updatedInput": {"to": "team@example.com"},
                }
            },
            {"systemMessage": "warning by policy: odd"},
        ),
        (
            "codex",
            NESTED,
            None,
            {
                "hookSpecificOutput": {
                    "hookEventName": "PreToolUse",
                    "updatedInput": {"to": "team@example.com"},
                    "permissionDecision": "allow",
                }
            },
            {"systemMessage": "warning by policy: odd"},
        ),
        (
            "copilot",
            SAID | NESTED,
            None,
            {
                "modifiedArgs": {"to": "team@example.com"},
                "hookSpecificOutput": {
                    "hookEventName": "PreToolUse",
                    "updatedInput": {"to": "team@example.com"},
                },
            },
            {"systemMessage": "warning by policy: odd"},
        ),
        (
            "gemini",
            {"decision": "deny", "reason": WHY},
            None,
            {"hookSpecificOutput": {"hookEventName": "BeforeTool", "tool_input": {"to": "team@example.com"}}},
            {"systemMessage": "warning by policy: odd"},
        ),
        (
            "cursor",
            {"permission": "deny", "user_message": WHY, "agent_message": WHY},
            {"permission": "allow"},
            {"permission": "allow", "updated_input": {"to": "team@example.com"}},
            {"permission": "allow"},
        ),
    ],
)
def test_what_each_host_is_told_before_a_call(
    hooked: Service, tmp_path: Path, host: str, denied: Any, allowed: Any, changed: Any, warned: Any
) -> None:
    """Deny, allow, transform and warn, in the words that the host acts on."""
    hook = Hook(host, hooked.url, tmp_path)
    assert hook.tool("delete_file", {"path": "x"}) == denied
    assert hook.tool("search", {"q": "x"}) == allowed
    assert hook.tool("send_email", {"to": "x@example.org"}) == changed
    assert hook.tool("odd", {}) == warned


@pytest.mark.parametrize("host", PRE)
def test_an_approval_lifts_one_call(hooked: Service, tmp_path: Path, host: str) -> None:
    """The deny names the ticket; once it is signed, the same call goes on once, whatever its id."""
    hook = Hook(host, hooked.url, tmp_path)
    assert "pays. To approve it, sign" in json.dumps(hook.tool("pay", {"n": 1}, tool_use_id="a"))
    (ticket,) = hook.state.glob("*.ticket")
    assert oct(ticket.stat().st_mode)[-3:] == "600"
    Path(f"{ticket}.approval").write_text(signed(json.loads(ticket.read_text())["approval"]))
    assert "pays" in json.dumps(hook.tool("pay", {"n": 2}))
    assert hook.tool("pay", {"n": 1}, tool_use_id="b") == (
        {"permission": "allow"} if host == "cursor" else None
    )
    assert "pays" in json.dumps(hook.tool("pay", {"n": 1}, tool_use_id="c"))


def test_an_approval_that_lifts_nothing_is_put_aside(hooked: Service, tmp_path: Path) -> None:
    """One that came too late, say: the same call asks for another, by a ticket that is new."""
    hook = Hook("claude-code", hooked.url, tmp_path)
    hook.tool("pay", {"n": 1})
    (ticket,) = hook.state.glob("*.ticket")
    old = json.loads(ticket.read_text())["approval"]["challenge"]
    Path(f"{ticket}.approval").write_text("no approval")
    assert "approval_resolver_failed" in json.dumps(hook.tool("pay", {"n": 1}))
    assert "pays. To approve it, sign" in json.dumps(hook.tool("pay", {"n": 1}))
    held = json.loads(ticket.read_text())["approval"]
    assert held["challenge"] != old
    Path(f"{ticket}.approval").write_text(signed(held))
    assert hook.tool("pay", {"n": 1}) is None


def test_a_ticket_of_another_session_or_agent(hooked: Service, tmp_path: Path) -> None:
    """A ticket that was put in another's place lifts nothing."""
    hook = Hook("claude-code", hooked.url, tmp_path)
    hook.tool("pay", {"n": 1})
    (ticket,) = hook.state.glob("*.ticket")
    held = json.loads(ticket.read_text())
    Path(f"{ticket}.approval").write_text(signed(held["approval"]))
    for member in ("agent", "session"):
        changed = json.loads(ticket.read_text())
        changed["snapshot"]["envelope"][member]["id"] = "other"
        ticket.write_text(json.dumps(changed))
        done = hook.run(
            {"hook_event_name": "PreToolUse", "session_id": "s", "tool_name": "pay", "tool_input": {"n": 1}}
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith(f"is of another {member}\n")
        ticket.write_text(json.dumps(held))


@pytest.mark.parametrize("host", ["claude-code", "codex", "gemini", "copilot"])
def test_results_are_replaced_or_withheld(hooked: Service, tmp_path: Path, host: str) -> None:
    """A result keeps its shape; nothing of a withheld one is left."""
    hook = Hook(host, hooked.url, tmp_path)
    call = {"tool_name": "search", "tool_input": {}}
    text = json.dumps(hook.answer(POST[host], **call, tool_response={"out": "has secret-123", "code": 0}))
    assert "secret-123" not in text
    assert "[secret]" in text
    text = json.dumps(
        hook.answer(POST[host], **call, tool_response={"out": "a bomb", "lines": ["bomb"], "code": 0})
    )
    assert "a bomb" not in text
    assert hook.answer(POST[host], **call, tool_response={"out": "fine"}) is None
    if host == "claude-code":
        withheld = hook.answer(
            POST[host], **call, tool_response={"out": "a bomb", "lines": ["bomb", 3], "code": 0}
        )
        assert withheld["hookSpecificOutput"]["updatedToolOutput"] == {
            "out": "[withheld by policy: denied by policy: bomb]",
            "lines": ["", 0],
            "code": 0,
        }


def test_numbers_of_a_withheld_result_are_nought(hooked: Service, tmp_path: Path) -> None:
    """A number came from the tool as its texts did; truth values and `null` stay, for hosts look at them."""
    hook = Hook("claude-code", hooked.url, tmp_path)
    result = {"out": "a bomb", "pin": 1234, "share": 0.5, "interrupted": True, "next": None}
    answer = hook.answer("PostToolUse", tool_name="search", tool_input={}, tool_response=result)
    assert answer["hookSpecificOutput"]["updatedToolOutput"] == {
        "out": "[withheld by policy: denied by policy: bomb]",
        "pin": 0,
        "share": 0,
        "interrupted": True,
        "next": None,
    }


def test_a_withheld_result_stays_of_its_kind(hooked: Service, tmp_path: Path) -> None:
    """Claude Code would show the original of a result whose kind it does not know; other words are withheld."""
    hook = Hook("claude-code", hooked.url, tmp_path)
    call = {"tool_name": "Read", "tool_input": {}}
    file = {"filePath": "a", "content": "a bomb", "type": "bomb", "numLines": 1}
    answer = hook.answer("PostToolUse", **call, tool_response={"type": "text", "mode": "bomb", "file": file})
    assert answer["hookSpecificOutput"]["updatedToolOutput"] == {
        "type": "text",
        "mode": "",
        "file": {
            "filePath": "",
            "content": "[withheld by policy: denied by policy: bomb]",
            "type": "",
            "numLines": 0,
        },
    }


def test_what_the_model_gets_of_a_result_is_evaluated(hooked: Service, tmp_path: Path) -> None:
    """A tool that names a member as another host does hides nothing beside it."""
    for name in ("llmContent", "textResultForLlm"):
        result = {name: "fine", "more": "a bomb"}
        hook = Hook("claude-code", hooked.url, tmp_path)
        withheld = hook.answer("PostToolUse", tool_name="search", tool_input={}, tool_response=result)
        assert withheld["reason"] == "denied by policy: bomb"
    call = {"tool_name": "search", "tool_input": {}}
    copilot = Hook("copilot", hooked.url, tmp_path)
    result = {"result_type": "success", "text_result_for_llm": "has secret-123"}
    assert copilot.answer("PostToolUse", **call, tool_result=result) == {
        "hookSpecificOutput": {"hookEventName": "PostToolUse", "updatedToolOutput": "has [secret]"},
        "modifiedResult": {"resultType": "success", "textResultForLlm": "has [secret]"},
    }
    gemini = Hook("gemini", hooked.url, tmp_path)
    result = {"llmContent": "has secret-123", "returnDisplay": "for the person"}
    assert gemini.answer("AfterTool", **call, tool_response=result) == {
        "decision": "deny",
        "reason": "has [secret]",
    }


@pytest.mark.parametrize(
    ("members", "answered"),
    [
        ({"toolName": "delete_file", "toolArgs": "{}"}, "permissionDecision"),
        ({"toolName": "x", "toolArgs": "{}", "toolResult": {"textResultForLlm": "bomb"}}, "modifiedResult"),
        ({"prompt": "bomb"}, "decision"),
        ({"source": "new", "initialPrompt": "bomb"}, None),
        ({"stopReason": "end_turn"}, None),
    ],
)
def test_the_events_that_copilot_does_not_name(
    hooked: Service, tmp_path: Path, members: Any, answered: str | None
) -> None:
    """Each is told by a member that it alone has; another host must name its events."""
    call = {"sessionId": "s", "timestamp": 1, "cwd": "/w", **members}
    done = Hook("copilot", hooked.url, tmp_path).run(call)
    assert (done.returncode, done.stderr) == (0, "")
    assert (json.loads(done.stdout)[answered] is not None) if answered else done.stdout == ""
    done = Hook("gemini", hooked.url, tmp_path).run(call)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "acs-hook: stdin has no event that is known, or no session id\n"


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("claude-code", {"decision": "block", "reason": "denied by policy: bomb"}),
        ("codex", {"decision": "block", "reason": "denied by policy: bomb"}),
        ("copilot", {"decision": "block", "reason": "denied by policy: bomb"}),
        ("gemini", {"decision": "deny", "reason": "denied by policy: bomb"}),
        ("cursor", {"continue": False, "user_message": "denied by policy: bomb"}),
    ],
)
def test_a_prompt_is_blocked(hooked: Service, tmp_path: Path, host: str, answer: Any) -> None:
    """Where the host ignores that, the session is marked, and every later call denied."""
    hook = Hook(host, hooked.url, tmp_path)
    assert hook.answer(INPUT[host], prompt="a bomb") == answer
    later = json.dumps(hook.tool("search", {}))
    assert ("denied by policy: bomb" in later) == (host == "copilot")


def test_a_denied_start_denies_everything_after_it(hooked: Service, tmp_path: Path) -> None:
    """No host stops at the start of a session: the hook remembers."""
    hook = Hook("claude-code", hooked.url, tmp_path, "--agent", "blocked")
    assert hook.answer("SessionStart") == {"systemMessage": "denied by policy: not_today"}
    assert "not_today" in json.dumps(hook.tool("search", {}))
    result = {"out": "text", "code": 0}
    withheld = hook.answer("PostToolUse", tool_name="search", tool_input={}, tool_response=result)
    assert withheld["hookSpecificOutput"]["updatedToolOutput"] == {
        "out": "[withheld by policy: denied by policy: not_today]",
        "code": 0,
    }


def test_a_call_that_the_user_is_asked_about_counts(hooked: Service, tmp_path: Path) -> None:
    """It runs if the user says so, and no hook is told."""
    hook = Hook("claude-code", hooked.url, tmp_path, "--escalate", "ask")
    assert hook.tool("pay", {"n": 1})["hookSpecificOutput"]["permissionDecision"] == "ask"
    (state,) = hook.state.glob("*.json")
    assert json.loads(state.read_text())["calls"] == 1


def test_a_transform_that_no_host_can_carry(hooked: Service, tmp_path: Path) -> None:
    """A prompt cannot be rewritten, so it is blocked."""
    answer = Hook("claude-code", hooked.url, tmp_path).answer("UserPromptSubmit", prompt="secret-123")
    assert answer == {"decision": "block", "reason": "denied by policy: the host cannot carry this transform"}


def test_counts_and_labels_are_kept(hooked: Service, tmp_path: Path) -> None:
    """What a session would keep is kept in a file that only its user can read."""
    hook = Hook("claude-code", hooked.url, tmp_path)
    hook.tool("search", {})
    hook.tool("delete_file", {})
    hook.tool("search", {})
    (state,) = hook.state.glob("*.json")
    kept = json.loads(state.read_text())
    assert (kept["calls"], kept["labels"], kept["blocked"]) == (2, ["read"], None)
    assert (oct(state.stat().st_mode)[-3:], oct(hook.state.stat().st_mode)[-3:]) == ("600", "700")


def test_the_example_of_a_coding_agent(hooked: Service, tmp_path: Path) -> None:
    """The published lines, with canonical names (12.12, V3)."""
    hook = Hook("claude-code", hooked.url, tmp_path, "--names", "canonical", manifest="coding-agent")
    reason = (
        "destructive_command: Not allowed: destructive_command, path_outside_workspace, privilege_escalation."
    )
    assert hook.tool("Bash", {"command": "sudo rm -fr /", "description": "d"}, tool_use_id="t") == {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": f"denied by policy: {reason}",
        }
    }
    assert hook.tool("Bash", {"command": "ls"}, tool_use_id="t") is None
    assert "program_not_listed" in json.dumps(hook.tool("Bash", {"command": "bash"}, tool_use_id="t"))
    assert hook.tool("Read", {"file_path": "a.py"}) is None
