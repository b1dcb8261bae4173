"""What must have come of each case, in every framework alike (section 12.8)."""

import json
import re
from collections.abc import Callable
from typing import Any

__all__ = ["CASES", "RECORDED", "SEVEN", "comparable", "fault_of", "fault_of_wrong"]

NO_VERDICT = "runtime_error:policy_invocation_failed"
DENIED = "denied by policy: no_deletes: Nothing is deleted."


def _tool(ran: list[Any], said: str, pauses: int = 0) -> Callable[[Any], bool]:
    return lambda outcome: (
        outcome["raised"] is None
        and outcome["ran"] == ran
        and outcome["pauses"] == pauses
        and said in outcome["seen"][-1]
        and said in _texts(outcome["history"])
        and "fine" in outcome["got"]
    )


def _raises(raised: str, seen: int) -> Callable[[Any], bool]:
    return lambda outcome: (
        outcome["raised"] == raised
        and outcome["ran"] == []
        and len(outcome["seen"]) == seen
        and "bomb" not in json.dumps(outcome["got"])
    )


def _texts(history: list[Any]) -> list[Any]:
    return [text for _, text in history]


def _no_secret(outcome: Any) -> bool:
    return "secret-123" not in json.dumps(outcome)


def _streamed(outcome: Any) -> bool:
    return bool(
        outcome["raised"] is None
        and "it is [secret]" in outcome["got"]
        and "it is [secret]" in _texts(outcome["history"])
    )


def _killed(outcome: Any) -> bool:
    said = json.dumps(outcome["seen"])
    blocked = (
        outcome["raised"] in {f"Unavailable {point}_model_call unreachable" for point in ("pre", "post")}
        or f"denied by policy: {NO_VERDICT}" in said
    )
    return bool(outcome["ran"] == [] and blocked)


def _unsigned(outcome: Any) -> bool:
    return bool(outcome["ran"] == [] and outcome["pauses"] >= 1)


def _again(outcome: Any) -> bool:
    return bool(outcome["ran"] == [["pay", 7]] and outcome["pauses"] >= 2)


def _parallel(outcome: Any) -> bool:
    ran = sorted(outcome["ran"])
    seen = outcome["seen"][-1]
    results = ("found [secret] for x", DENIED, "sent to team@example.com")
    return ran == [["search", "x"], ["send_email", "team@example.com"]] and all(
        text in seen for text in results
    )


def _raises_nothing_runs(outcome: Any) -> bool:
    return bool(outcome["ran"] == [])


SEVEN: dict[str, Callable[[Any], bool]] = {
    "allow": _tool([["search", "x"]], "found [secret] for x"),
    "warn": _tool([["odd"]], "done"),
    "deny": _tool([], DENIED),
    "escalate": _tool([["pay", 7]], "paid", pauses=1),
    "arguments": _tool([["send_email", "team@example.com"]], "sent to team@example.com"),
    "result": _tool([["search", "y"]], "found [secret] for y"),
    "stream": _streamed,
    "killed": _killed,
}
CASES = SEVEN | {
    "unsigned": _unsigned,
    "again": _again,
    "input": _raises("Denied input service", 0),
    "model": _raises("Denied post_model_call service", 1),
    "error": lambda outcome: outcome["ran"] == [["fail", "x"]],
    "parallel": _parallel,
    "raises": _raises_nothing_runs,
}


def fault_of(case: str, outcome: Any) -> str | None:
    """What is wrong with what came of a case, or nothing."""
    if not _no_secret(outcome):
        return f"a secret has leaked: {outcome}"
    return None if CASES[case](outcome) else f"{case}: {outcome}"


def fault_of_wrong(point: str, outcome: Any) -> str | None:
    """What is wrong with what came of a failure of the service at one point, or nothing."""
    model_was_asked = bool(outcome["seen"])
    known = json.dumps([outcome["seen"], outcome["got"], outcome["history"]])
    ran = outcome["ran"]
    if point in {"input", "pre_model_call"}:
        held = not model_was_asked and not ran
    elif point in {"post_model_call", "pre_tool_call"}:
        held = not ran and (point == "pre_tool_call" or "final-text" not in known)
    elif point == "post_tool_call":
        held = ran == [["search", "x"]] and "secret-123" not in known
    else:
        held = "final-text" not in known and outcome["raised"] is not None
    return None if held else str(outcome)


_CALL = {"name": "search", "args": {"q": "x"}, "id": "c-1"}
_MADE = {"name": "search", "args": {"q": "x"}}
_PROMPT = {"role": "user", "content": "hello"}
_RESULT = {"value": "found secret-123 for x", "error": None}
RECORDED: list[dict[str, Any]] = [
    {"at": ["input", 0], "input": {"body": "hello", "source": "user"}},
    {"at": ["pre_model_call", 0], "messages": [_PROMPT]},
    {
        "at": ["post_model_call", 0],
        "response": {"content": "", "tool_calls": [_CALL], "finish_reason": "tool_calls"},
    },
    {"at": ["pre_tool_call", 0], "tool_call": _MADE},
    {"at": ["post_tool_call", 1], "tool_call": _MADE, "tool_result": _RESULT},
    {
        "at": ["pre_model_call", 1],
        "messages": [
            _PROMPT,
            {"role": "assistant", "content": "", "tool_calls": [_CALL]},
            {"role": "tool", "name": "search", "content": "found secret-123 for x", "tool_call_id": "c-1"},
        ],
    },
    {
        "at": ["post_model_call", 1],
        "response": {"content": "fine", "tool_calls": [], "finish_reason": "stop"},
    },
    {"at": ["output", 1], "response": {"content": "fine"}},
]


def comparable(snapshot: dict[str, Any]) -> dict[str, Any]:
    """A snapshot without times, the session, the framework, the model and its tools; with the calls so far."""
    envelope = snapshot["envelope"]
    found = {
        name: value for name, value in snapshot.items() if name not in {"envelope", "model", "tools", "usage"}
    }
    if "messages" in found:  # what a framework instructs a model with is its own
        found["messages"] = [message for message in found["messages"] if message["role"] != "system"]
    found["at"] = [envelope["intervention_point"], envelope["budgets"]["tool_call_count"]]
    if "tool_call" in found:
        call = {name: value for name, value in found["tool_call"].items() if name != "id"}
        found["tool_call"] = {**call, "name": re.sub("^(tools-|mcp__tools__)", "", call["name"])}
    if "tool_result" in found:
        found["tool_result"] = {
            "value": found["tool_result"]["value"],
            "error": found["tool_result"]["error"],
        }
    return found
