"""Agent Hooks (section 12.9): `SidecarInterceptor(session)` for any host of that contract.

The host emits the points, holds streams and writes transforms back. Whatever goes wrong here is a deny.
"""

import asyncio
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agent_hooks import ApprovalOutcome, ApprovalRequest, ApprovalResolution, Verdict

from acs_client.calls import denied
from acs_client.decision import Decision
from acs_client.errors import Blocked, Escalated
from acs_client.session import Session

__all__ = ["SidecarInterceptor", "SidecarResolver"]

_INSIDE = frozenset({"input", "output"})  # where the target is an object around what the policy sees
Context = Mapping[str, Any]


class SidecarInterceptor:
    """Evaluates the agent contexts of a host in one session, whose counts and labels they share."""

    def __init__(self, session: Session) -> None:
        self._session = session.as_agent(framework="agent-hooks")

    async def intercept(self, context: Context) -> dict[str, Any]:
        """Return the verdict on a context; a deny with `approval` can be lifted by `SidecarResolver`."""
        return await asyncio.to_thread(self.decide, context)

    def decide(self, context: Context, ticket: Any = None, approval: str | None = None) -> dict[str, Any]:
        """Return the verdict on a context; with `ticket`, the escalation of this tool call is resolved."""
        point = str(context.get("interception_point"))
        try:
            return _verdict(self._evaluated(point, context, ticket, approval))
        except Escalated as escalated:
            offered = {} if escalated.ticket is None else {"approval": {"ticket": escalated.ticket}}
            return {**_deny(escalated.decision), **offered}
        except Blocked as blocked:
            return _deny(blocked.decision)
        except Exception as error:  # noqa: BLE001  # whatever it is, nothing may go on
            message = f"the context could not be evaluated: {type(error).__name__}"
            return _deny(denied(point, "policy_invocation_failed", "protocol", message).decision)

    def _evaluated(self, point: str, context: Context, ticket: Any, approval: str | None) -> Decision | None:
        session, request_id = self._session, context.get("request_id")
        match point:
            case "agent_startup":
                return session.start()
            case "input":
                source = "user" if context["input"]["role"] == "user" else "other"
                return session.input(context["input"]["content"], source)
            case "pre_model_call":
                tools = context.get("tools") or ()
                viewed = list(_view(context["messages"]))
                shown = [message for _, _, message in viewed]
                decision = session.pre_model_call(shown, _model(context), tools, request_id)
                value = (
                    _put_back(context["messages"], viewed, decision.value) if decision.transformed else None
                )
                return dataclasses.replace(decision, value=value)
            case "post_model_call":
                given = context["response"]
                reason = "tool_calls" if given["tool_calls"] else given["finish_reason"]
                response = {**given, "content": given["content"] or "", "finish_reason": reason}
                decision = session.post_model_call(
                    response, _model(context), context.get("usage"), request_id
                )
                answer = (
                    {**decision.value, "finish_reason": given["finish_reason"]}
                    if decision.transformed
                    else None
                )
                return dataclasses.replace(decision, value=answer)
            case "pre_tool_call":
                call = context["tool_call"]
                return session.pre_tool_call(
                    call["name"], call["args"], call["id"], ticket=ticket, approval=approval
                )
            case "post_tool_call":
                call, result = context["tool_call"], context["tool_result"]
                error = "error" if result["is_error"] else None
                return session.post_tool_call(
                    call["name"], call["args"], result["value"], call["id"], error, result.get("duration_ms")
                )
            case "output":
                content = context["output"]["content"]
                decision = session.output(_spoken(content))
                return dataclasses.replace(decision, value=_said(content, decision.value))
            case "agent_shutdown":
                session.shutdown()
                return None
            case _:
                raise denied(
                    point, "intervention_point_unknown", "protocol", "there is no such intervention point"
                )


class SidecarResolver:
    """Lifts a deny that `approver(ticket)` has signed; `None` leaves it as it is."""

    def __init__(self, interceptor: SidecarInterceptor, approver: Callable[[Any], str | None]) -> None:
        self._interceptor = interceptor
        self._approver = approver

    def resolve(self, request: ApprovalRequest) -> ApprovalResolution:
        """Ask the approver, and the service about what was signed."""
        identity = request.context_identity
        ticket = (request.verdict.approval or {}).get("ticket")
        approval = self._approver(ticket) if ticket is not None else None
        if approval is None:
            return ApprovalResolution(ApprovalOutcome.UNRESOLVED, identity)
        verdict = Verdict.from_wire(self._interceptor.decide(request.context, ticket, approval))
        outcome = ApprovalOutcome.APPROVE if verdict.decision.permits else ApprovalOutcome.REJECT
        return ApprovalResolution(outcome, identity, verdict)


def _model(context: Context) -> dict[str, Any]:
    model = dict(context.get("model") or {})
    return {"name": model.pop("id", ""), **model}


def _view(messages: Any) -> Iterator[tuple[int, int | None, dict[str, Any]]]:
    """Yield messages as policies expect them: calls beside the text, and each result of a tool as a message.

    With each goes where it stands: the index of the message, and of the part that a result is.
    """
    names: dict[Any, Any] = {}
    for index, message in enumerate(messages):
        content = message.get("content")
        parts = content if isinstance(content, list) else []
        calls = [part for part in parts if part.get("type") == "function_call"]
        names |= {call["call_id"]: call["name"] for call in calls}
        if parts and all(_is_result(part) for part in parts):
            for number, part in enumerate(parts):
                named = {"tool_call_id": part["call_id"], **_known({"name": names.get(part["call_id"])})}
                yield index, number, {**message, "content": part["result"], **named}
            continue
        shown = {
            **message,
            "content": "" if content is None or (calls and len(calls) == len(parts)) else content,
        }
        if calls:
            shown["tool_calls"] = [
                {"id": call["call_id"], "name": call["name"], "args": call["arguments"]} for call in calls
            ]
        yield index, None, shown


def _is_result(part: Any) -> bool:
    return part.get("type") == "function_result" and isinstance(part.get("result"), str)


def _put_back(messages: Any, viewed: Any, changed: Any) -> list[Any]:
    """Return the host's messages with the texts that a transform has changed."""
    found = list(messages)
    for (index, number, before), after in zip(viewed, changed, strict=True):
        text, message = after["content"], found[index]
        if before["content"] == text:
            continue
        if number is not None:
            parts = list(message["content"])
            parts[number] = {**parts[number], "result": text, "items": [{"type": "text", "text": text}]}
            found[index] = {**message, "content": parts}
        elif isinstance(message.get("content"), str):
            found[index] = {**message, "content": text}
        else:
            raise denied(
                "pre_model_call", "transform_invalid", "write_back", "the transform changes what is not text"
            )
    return found


def _spoken(content: Any) -> Any:
    """Return the text of an output that a host gives as the list of all messages."""
    if not isinstance(content, list) or not all(
        isinstance(part, dict) and "role" in part for part in content
    ):
        return content
    texts = [message.get("content") for message in content if message["role"] == "assistant"]
    return "\n".join(text for text in texts if isinstance(text, str))


def _said(content: Any, text: Any) -> Any:
    """Return an output with another text: it goes into the last message, the others are emptied."""
    if not isinstance(content, list):
        return text
    spoken = [
        index
        for index, message in enumerate(content)
        if message["role"] == "assistant" and isinstance(message.get("content"), str)
    ]
    return [
        {**message, "content": text if index == spoken[-1] else ""} if index in spoken else message
        for index, message in enumerate(content)
    ]


def _verdict(decision: Decision | None) -> dict[str, Any]:
    if decision is None:
        return {"decision": "allow"}
    verdict: dict[str, Any] = {"decision": "allow"}
    if decision.result_labels:
        verdict["result_labels"] = list(decision.result_labels)
    said = {"reason": decision.reason, "message": decision.message}
    if decision.decision == "warn":
        verdict["warnings"] = [_known(said)]
    elif decision.transformed:
        path = "$target.content" if decision.point in _INSIDE else "$target"
        verdict |= {
            "decision": "transform",
            **_known(said),
            "transform": {"path": path, "value": decision.value},
        }
    return verdict


def _deny(decision: Decision) -> dict[str, Any]:
    return {"decision": "deny", **_known({"reason": decision.reason, "message": decision.message})}


def _known(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
