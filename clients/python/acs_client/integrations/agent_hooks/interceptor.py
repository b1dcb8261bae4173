"""The interceptor (section 12.9): each agent context of a host is evaluated in one session of the client."""

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any

from acs_client.calls import denied
from acs_client.decision import Decision
from acs_client.errors import Blocked, ConfigurationError, Escalated
from acs_client.integrations.agent_hooks.context_layout import ContextLayout
from acs_client.integrations.agent_hooks.host_envelope import ContextError, host_envelope
from acs_client.integrations.agent_hooks.messages import put_back, spoken, view, written
from acs_client.session import Session
from acs_client.snapshot.envelope import present

__all__ = ["SidecarInterceptor"]

_CALLS = frozenset({"function_call", "function_result"})  # which have points of their own
_INSIDE = frozenset({"input", "output"})  # where the target is an object around what the policy sees
Context = Mapping[str, Any]


class SidecarInterceptor:
    """Evaluates the agent contexts of a host, whose counts and labels one session keeps.

    Agent, session, time, trace, tenant, actor and filled budgets are the host's own. With
    `layout="context"` a context is sent as it is, for a manifest of 0.4 that is written over it: then
    counts and labels are the host's too.

    Raises `ConfigurationError` for a session whose mode or manifest that layout has no place for.
    """

    def __init__(self, session: Session, *, layout: str = "session") -> None:
        if layout not in {"session", "context"}:
            raise ConfigurationError('`layout` is neither "session" nor "context"')
        self._session = session
        self._layout = ContextLayout(session) if layout == "context" else None

    async def intercept(self, context: Context) -> dict[str, Any]:
        """Return the verdict on a context; a deny with `approval` can be lifted by `SidecarResolver`."""
        return await asyncio.to_thread(self.decide, context)

    def decide(self, context: Context, ticket: Any = None, approval: str | None = None) -> dict[str, Any]:
        """Return the verdict on a context; with `ticket`, the escalation of this action is resolved."""
        point = str(context.get("interception_point"))
        try:
            if self._layout is not None and ticket is not None and approval is not None:
                return self._layout.resolved(context, ticket, approval)
            if self._layout is not None:
                return self._layout.verdict(point, context)
            return _verdict(self._evaluated(point, context, ticket, approval))
        except Escalated as escalated:
            offered = {} if escalated.ticket is None else {"approval": {"ticket": escalated.ticket}}
            return {**_deny(escalated.decision), **offered}
        except Blocked as blocked:
            return _deny(blocked.decision)
        except ContextError as error:
            return _deny(denied(point, "request_invalid", "snapshot", str(error)).decision)
        except Exception as error:  # noqa: BLE001  # whatever it is, nothing may go on
            message = f"the context could not be evaluated: {type(error).__name__}"
            return _deny(denied(point, "policy_invocation_failed", "protocol", message).decision)

    def ticket_of(self, context: Context, approval: Context) -> dict[str, Any] | None:
        """Return the ticket of a deny, from the member `approval` of its verdict, if it has one."""
        if self._layout is not None:
            return self._layout.ticket_of(context, approval)
        ticket = approval.get("ticket")
        return ticket if isinstance(ticket, dict) else None

    def _of_host(self, point: str, context: Context) -> Session:
        """Return the session at a step of the host, with what the host itself says of it."""
        brought = context.get({"agent_startup": "agent_init", "agent_shutdown": "summary"}.get(point, ""), {})
        if not isinstance(brought, Mapping):
            raise ContextError(f"what `{point}` is about is not an object")
        return self._session.as_host(host_envelope(context), brought)

    def _evaluated(self, point: str, context: Context, ticket: Any, approval: str | None) -> Decision:
        session, request_id = self._of_host(point, context), context.get("request_id")
        match point:
            case "agent_startup":
                return session.start()
            case "input":
                content = context["input"]["content"]
                source = "user" if context["input"]["role"] == "user" else "other"
                decision = session.input(spoken(content), source)
                value = written(point, content, decision.value) if decision.transformed else None
                return dataclasses.replace(decision, value=value)
            case "pre_model_call":
                tools = context.get("tools") or ()
                viewed = list(view(context["messages"]))
                shown = [message for _, _, message in viewed]
                decision = session.pre_model_call(shown, _model(context), tools, request_id)
                value = (
                    put_back(context["messages"], viewed, decision.value) if decision.transformed else None
                )
                return dataclasses.replace(decision, value=value)
            case "post_model_call":
                given = context["response"]
                reason = "tool_calls" if given["tool_calls"] else given["finish_reason"]
                response = {**given, "content": spoken(given["content"]) or "", "finish_reason": reason}
                decision = session.post_model_call(
                    response, _model(context), context.get("usage"), request_id
                )
                value = _answer(given, decision.value) if decision.transformed else None
                return dataclasses.replace(decision, value=value)
            case "pre_tool_call":
                call = context["tool_call"]
                return session.pre_tool_call(
                    call["name"],
                    call["args"],
                    call["id"],
                    call.get("content_hash"),
                    ticket=ticket,
                    approval=approval,
                )
            case "post_tool_call":
                call, result = context["tool_call"], context["tool_result"]
                error = "error" if result["is_error"] else None
                return session.post_tool_call(
                    call["name"], call["args"], result["value"], call["id"], error, result.get("duration_ms")
                )
            case "output":
                content = context["output"]["content"]
                assistant: dict[str, Any] = {"role": "assistant", "without": _CALLS}
                decision = session.output(spoken(content, **assistant))
                value = written(point, content, decision.value, **assistant) if decision.transformed else None
                return dataclasses.replace(decision, value=value)
            case "agent_shutdown":
                return session.stop()
            case _:
                raise denied(
                    point, "intervention_point_unknown", "protocol", "there is no such intervention point"
                )


def _answer(given: Context, value: Context) -> dict[str, Any]:
    """Return the host's response with what a transform has made of it."""
    content = given["content"]
    if value["content"] != (spoken(content) or ""):
        content = written("post_model_call", content, value["content"])
    return {**given, "content": content, "tool_calls": value["tool_calls"]}


def _model(context: Context) -> dict[str, Any]:
    model = dict(context.get("model") or {})
    return {"name": model.pop("id", ""), **model}


def _verdict(decision: Decision) -> dict[str, Any]:
    verdict: dict[str, Any] = {"decision": "allow"}
    if decision.result_labels:
        verdict["result_labels"] = list(decision.result_labels)
    told = present(reason=decision.reason, message=decision.message)
    if decision.decision == "warn":
        verdict["warnings"] = [told]
    elif decision.transformed:
        path = "$target.content" if decision.point in _INSIDE else "$target"
        verdict |= {
            "decision": "transform",
            **told,
            "transform": {"path": path, "value": decision.value},
        }
    return verdict


def _deny(decision: Decision) -> dict[str, Any]:
    return {"decision": "deny", **present(reason=decision.reason, message=decision.message)}
