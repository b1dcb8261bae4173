"""Claude Agent SDK (section 12.8): `ClaudeAgentOptions(hooks=acs_hooks(session))` governs prompts and tools.

Hooks are asked for every tool, also for those in `allowed_tools`, for which `can_use_tool` is not. A hook
that raises would let the tool run: here whatever goes wrong is an answer that blocks. The text of the model
passes no hook, and the host has no way to withhold the text of a tool that failed.
"""

import dataclasses
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from claude_agent_sdk import HookMatcher

from acs_client.aio import AsyncSession
from acs_client.errors import Blocked, Escalated, describe
from acs_client.hook import emptied, shape
from acs_client.session import Session
from acs_client.tool_call import ToolCall
from acs_client.values import encode, to_json

__all__ = ["acs_hooks"]

_log = logging.getLogger("acs_client")
_SECONDS = 60  # the client has its own deadline; a hook that times out blocks too
_FAULT = "denied by policy: the step could not be evaluated"
Answer = dict[str, Any]


def acs_hooks(
    session: Session, *, names: Mapping[str, str] | None = None, escalate: str = "deny"
) -> dict[str, list[HookMatcher]]:
    """Return the hooks of `ClaudeAgentOptions`.

    `names` gives tools the names that the manifest has.

    With `escalate="ask"` the host asks its user instead of denying an escalated call, which is no approval
    that anybody signed. The tickets of escalated calls are in `session.tickets` by the ids of the calls.
    """
    if escalate not in {"deny", "ask"}:
        raise ValueError('`escalate` is "deny" or "ask"')
    hooks = _Hooks(session.as_agent(framework="claude-agent-sdk"), names or {}, escalate)
    points: dict[str, Callable[[Any], Awaitable[Answer]]] = {
        "UserPromptSubmit": hooks.prompt,
        "PreToolUse": hooks.before_tool,
        "PostToolUse": hooks.after_tool,
        "PostToolUseFailure": hooks.failed_tool,
    }
    return {
        event: [HookMatcher(hooks=[_safe(event, point)], timeout=_SECONDS)] for event, point in points.items()
    }


class _Hooks:
    def __init__(self, session: Session, names: Mapping[str, str], escalate: str) -> None:
        self._names = names
        self._sync = session
        self._session = AsyncSession.over(session)
        self._escalate = escalate
        self._running: dict[str, ToolCall] = {}
        self._has_leaked = False

    async def prompt(self, given: Any) -> Answer:
        """Evaluate a prompt, which cannot be changed here."""
        decision = await self._session.input(given["prompt"])
        if decision.value != given["prompt"]:
            return {"decision": "block", "reason": "denied by policy: a prompt cannot be changed here"}
        return {}

    async def before_tool(self, given: Any) -> Answer:
        """Evaluate a call; new arguments replace those of the model."""
        name, args, call_id = given["tool_name"], given["tool_input"], given["tool_use_id"]
        name = self._names.get(name, name)
        if self._has_leaked:
            return _permission(
                "deny", "denied by policy: the model has seen an error that was to be withheld"
            )
        try:
            decision = await self._session.pre_tool_call(name, args, id=call_id)
        except Escalated as escalated:
            if self._escalate == "ask":  # it runs as it is if the user says so, and no hook is told
                self._sync.budgets.reserve_call()
                asked = dataclasses.replace(escalated.decision, value=args)
                self._running[call_id] = ToolCall(self._sync, name, asked, call_id)
            return _permission(self._escalate, describe(escalated.decision))
        self._running[call_id] = ToolCall(self._sync, name, decision, call_id)
        if encode(to_json(args)) == encode(decision.value):
            return {}
        return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "updatedInput": decision.value}}

    async def after_tool(self, given: Any) -> Answer:
        """Evaluate a result; another one must have its shape, or the host would keep the original."""
        response = given["tool_response"]
        value, put_back = _taken(response)
        call = self._running.pop(given["tool_use_id"])
        try:
            after = await self._session.run(call.result, value)
        except Blocked as blocked:
            return _withheld(response, describe(blocked.decision))
        if encode(to_json(value)) == encode(after):
            return {}
        replaced = put_back(after)
        if shape(replaced) != shape(response):
            return _withheld(response, "denied by policy: the transform changes the shape of the result")
        return _result(replaced)

    async def failed_tool(self, given: Any) -> Answer:
        """Evaluate what a tool raised: the text goes to the model, and after a block no tool runs."""
        call = self._running.pop(given["tool_use_id"], None)
        if call is None:  # a call that was denied
            return {}
        try:
            await self._session.run(call.settle_error, _ToolError(given["error"]))
        except Exception:
            self._has_leaked = True
            raise
        return {}


class _ToolError(Exception):
    """What the host says of a tool that failed."""


def _safe(event: str, point: Callable[[Any], Awaitable[Answer]]) -> Any:
    async def hook(given: Any, _: str | None, __: Any) -> Answer:
        try:
            return await point(given)
        except Blocked as blocked:
            return _refused(event, given, describe(blocked.decision))
        except Exception:  # noqa: BLE001  # whatever it is, nothing may go on
            _log.exception("%s could not be evaluated, and was blocked", event)
            return _refused(event, given, _FAULT)

    return hook


def _refused(event: str, given: Any, why: str) -> Answer:
    match event:
        case "UserPromptSubmit":
            return {"decision": "block", "reason": why}
        case "PreToolUse":
            return _permission("deny", why)
        case "PostToolUse":
            return _withheld(given.get("tool_response"), why)
        case _:
            return {"continue_": False, "stopReason": why}


def _permission(decision: str, why: str) -> Answer:
    said = {"permissionDecision": decision, "permissionDecisionReason": why}
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", **said}}


def _withheld(response: Any, why: str) -> Answer:
    return {**_result(emptied(response, f"[withheld by policy: {why}]")), "decision": "block", "reason": why}


def _result(value: Any) -> Answer:
    return {"hookSpecificOutput": {"hookEventName": "PostToolUse", "updatedToolOutput": value}}


def _taken(response: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return what is evaluated of a result, one text of an MCP tool as a text, and how to put it back."""
    parts = response.get("content") if isinstance(response, dict) else response
    if not isinstance(parts, list) or len(parts) != 1:
        return response, lambda value: value
    (part,) = parts
    if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
        return response, lambda value: value

    def put_back(text: Any) -> Any:
        changed = [{**part, "text": text}]
        return {**response, "content": changed} if isinstance(response, dict) else changed

    return part["text"], put_back
