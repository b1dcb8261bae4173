"""MCP (section 12.8): a server whose tools are governed, and a client that calls none without a verdict.

`MCPServer("files", middleware=[acs(session)])` governs every `tools/call` that reaches a server, whoever
calls, and `govern_server(server, session)` a server of mcp 1; `GovernedClient(client, session)` governs the
calls of one client, whatever the server is. Each blocks with an error result, which the model reads. A list
of tools is evaluated at `agent_startup`: none is seen where an agent may not have them. Of a result its
content and its structured content go on: `_meta` passes no point.
"""

import dataclasses
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from mcp import types

from acs_client.aio import AsyncSession
from acs_client.calls import denied
from acs_client.errors import Blocked, Escalated, describe
from acs_client.session import Session
from acs_client.tool_call import ReplacedError, ToolCall
from acs_client.values import encode, media, to_json

__all__ = ["APPROVAL", "TICKET", "GovernedClient", "acs", "govern_server"]

TICKET = "acs-sidecar/ticket"  # in `_meta`: of an error result, and of the call that brings an approval
APPROVAL = "acs-sidecar/approval"
_EVALUATED = frozenset({"content", "structuredContent", "isError", "resultType"})
_INPUT_REQUIRED = "2026-07-28"  # the first protocol in which a call can end with a question


def acs(session: Session) -> Callable[[Any, Callable[[Any], Awaitable[Any]]], Awaitable[Any]]:
    """Return a middleware that evaluates each tool call and its result in one session.

    An escalated call is an error result with the ticket in its `_meta`; the call that brings ticket and
    approval in its own `_meta` is the one that they lift. A client that can ask its user in the middle of a
    call (protocol 2026-07-28, elicitation by form) is asked for the approval instead, once.
    """
    from mcp import MCPError  # noqa: PLC0415  # of mcp 2 alone

    named = session.as_agent(framework="mcp")

    async def middleware(context: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        if context.method == "tools/list":
            listed = await call_next(context)
            try:
                await _offered(named, listed["tools"] if isinstance(listed, Mapping) else listed.tools)
            except Blocked as blocked:
                raise MCPError(types.INVALID_REQUEST, describe(blocked.decision)) from None
            return listed
        if context.method != "tools/call":
            return await call_next(context)
        params = context.params if isinstance(context.params, Mapping) else {}
        name, args, meta = params.get("name"), params.get("arguments") or {}, params.get("_meta") or {}
        responses = params.get("inputResponses")
        if isinstance(responses, Mapping) and APPROVAL in responses:
            meta = {TICKET: _held(params.get("requestState")), APPROVAL: _written(responses[APPROVAL])}
            params = {key: params[key] for key in params.keys() - {"inputResponses", "requestState"}}

        async def run(permitted: dict[str, Any]) -> dict[str, Any]:
            found = await call_next(dataclasses.replace(context, params={**params, "arguments": permitted}))
            return found if isinstance(found, dict) else found.model_dump(by_alias=True, mode="json")

        asks = TICKET not in meta and _takes_input(context)
        is_task = params.get("task") is not None
        return await _governed(named, name, args, run, _approved(meta), asks=asks, is_task=is_task)

    return middleware


def govern_server(server: Any, session: Session) -> Any:
    """Evaluate each tool call of a `FastMCP` or low-level server of mcp 1; return the server.

    A handler that is registered later is governed too. Approvals come back as with `acs`.
    """
    low = getattr(server, "_mcp_server", server)
    low.request_handlers = _Handlers(low.request_handlers, session.as_agent(framework="mcp"))
    return server


class _Handlers(dict[type, Callable[..., Awaitable[Any]]]):
    """The handlers of a server, of which that for calls of tools evaluates them."""

    def __init__(self, handlers: Mapping[type, Callable[..., Awaitable[Any]]], session: Session) -> None:
        super().__init__(handlers)
        self._session = session

    def __getitem__(self, kind: type) -> Callable[..., Awaitable[Any]]:
        handler = super().__getitem__(kind)
        if kind is types.ListToolsRequest:
            return self._listed(handler)
        return self._governed(handler) if kind is types.CallToolRequest else handler

    def get(self, kind: type, default: Any = None) -> Any:
        return self[kind] if kind in self else default  # noqa: SIM401  # which would call this

    def _listed(self, handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(request: Any) -> Any:
            listed = await handler(request)
            await _offered(self._session, listed.root.tools)
            return listed

        return call

    def _governed(self, handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(request: Any) -> Any:
            params = request.params

            async def run(permitted: dict[str, Any]) -> dict[str, Any]:
                sent = params.model_copy(update={"arguments": permitted})
                result = (await handler(request.model_copy(update={"params": sent}))).root
                dumped: dict[str, Any] = result.model_dump(by_alias=True, mode="json", exclude_none=True)
                return dumped

            meta = {} if params.meta is None else params.meta.model_dump()
            is_task = getattr(params, "task", None) is not None
            args = params.arguments or {}
            found = await _governed(self._session, params.name, args, run, _approved(meta), is_task=is_task)
            return types.ServerResult(types.CallToolResult.model_validate(found))

        return call


class GovernedClient:
    """A client of an MCP server whose tool calls are evaluated; everything else is the client's own."""

    def __init__(self, client: Any, session: Session) -> None:
        self._client = client
        self._session = session.as_agent(framework="mcp")

    def __getattr__(self, name: str) -> Any:
        if name in {"session", "send_request", "experimental"}:
            raise AttributeError(
                f"`{name}` of a governed client would pass tool calls that are not evaluated"
            )
        return getattr(self._client, name)

    async def list_tools(self, *args: Any, **options: Any) -> Any:
        """Return the tools of the server, or one page of them; raise `Blocked` unless all are permitted."""
        listed = await self._client.list_tools(*args, **options)
        await _offered(self._session, listed.tools)
        return listed

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        ticket: Mapping[str, Any] | None = None,
        approval: str | None = None,
        **options: Any,
    ) -> Any:
        """Call a tool with permitted arguments; return its permitted result, or an error result."""

        async def run(permitted: dict[str, Any]) -> dict[str, Any]:
            result = await self._client.call_tool(name, permitted, **options)
            dumped: dict[str, Any] = result.model_dump(by_alias=True, mode="json", exclude_none=True)
            return dumped

        approved = {} if ticket is None else {"ticket": ticket, "approval": approval}
        found = await _governed(self._session, name, dict(arguments or {}), run, approved)
        return types.CallToolResult.model_validate(found)


async def _offered(session: Session, tools: Iterable[Any]) -> None:
    """Evaluate the names of listed tools at `agent_startup`."""
    names = [tool["name"] if isinstance(tool, Mapping) else tool.name for tool in tools]
    await AsyncSession.over(session).run(session.start, names)


def _approved(meta: Mapping[str, Any]) -> dict[str, Any]:
    return {"ticket": meta.get(TICKET), "approval": meta.get(APPROVAL)} if TICKET in meta else {}


def _takes_input(context: Any) -> bool:
    """True if the caller can answer a form in the middle of a call."""
    capabilities = context.session.client_capabilities
    asked = capabilities and capabilities.elicitation
    form = asked is not None and (asked.form is not None or asked.url is None)  # an empty one means forms
    return context.protocol_version >= _INPUT_REQUIRED and form


def _asked(text: str, ticket: dict[str, Any]) -> dict[str, Any]:
    """Return a result that asks for the approval; the form has the ticket in its `_meta`."""
    field = {"type": "string", "title": "Approval", "description": "What the approver signed for the ticket"}
    form = {
        "_meta": {TICKET: ticket},
        "mode": "form",
        "message": text,
        "requestedSchema": {"type": "object", "properties": {"approval": field}, "required": ["approval"]},
    }
    return {
        "resultType": "input_required",
        "inputRequests": {APPROVAL: {"method": "elicitation/create", "params": form}},
        "requestState": json.dumps(ticket),
    }


def _held(state: Any) -> Any:
    try:
        return json.loads(state)
    except (TypeError, ValueError, RecursionError):
        return None


def _written(response: Any) -> str | None:
    """Return the approval of an accepted form."""
    content = response.get("content") if isinstance(response, Mapping) else None
    approval = content.get("approval") if isinstance(content, Mapping) else None
    return approval if isinstance(approval, str) and response.get("action") == "accept" else None


async def _governed(
    session: Session,
    name: Any,
    args: Any,
    run: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]],
    approved: Mapping[str, Any],
    *,
    asks: bool = False,
    is_task: bool = False,
) -> dict[str, Any]:
    """Run a call between its two points; return a result in the form of the protocol."""
    own = AsyncSession.over(session)
    try:
        if not isinstance(name, str) or not isinstance(args, Mapping):
            raise denied(
                "pre_tool_call", "request_invalid", "snapshot", "the call has no name or no arguments"
            )
        if is_task:
            message = "a task gives its result later and past the tool points: call the tool without one"
            raise denied("pre_tool_call", "adapter_unsupported", "ungoverned", message)
        decision = await own.pre_tool_call(name, args, **approved)
        call = ToolCall(session, name, decision, None)
        try:
            result = await run(call.args)
        except Exception as error:
            await own.run(call.settle_error, error)
            raise
        if "content" not in result:
            raise denied("post_tool_call", "adapter_unsupported", "write_back", "the server asks for input")
        settled: dict[str, Any] = await own.run(_settled, call, _without_meta(result))
    except ReplacedError as replaced:
        return _error(replaced.value if isinstance(replaced.value, str) else describe(replaced.decision))
    except Escalated as escalated:
        if asks and escalated.ticket is not None:
            return _asked(describe(escalated.decision), escalated.ticket)
        return _error(describe(escalated.decision), escalated.ticket)
    except Blocked as blocked:
        return _error(describe(blocked.decision))
    return settled


def _without_meta(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result with what is evaluated of it: no `_meta`, no annotations of its parts but two."""
    kept = {name: held for name, held in result.items() if name in _EVALUATED}
    return {**kept, "content": [_plain_part(part) for part in result["content"]]}


def _plain_part(part: dict[str, Any]) -> dict[str, Any]:
    annotations = part.get("annotations") or {}
    known = {name: annotations[name] for name in ("audience", "priority") if name in annotations}
    plain = {name: held for name, held in part.items() if name not in {"_meta", "annotations"}}
    return plain | ({"annotations": known} if known else {})


def _settled(call: ToolCall, result: dict[str, Any]) -> dict[str, Any]:
    content, structured = result["content"], result.get("structuredContent")
    text = _text(content)
    copied = structured is None or structured == {"result": text}
    value: Any = (
        text if text is not None and copied else {"content": _shown(content), "structured": structured}
    )
    if result.get("isError"):
        decision = call.settle(None, value if isinstance(value, str) else encode(to_json(value)).decode())
        if not decision.transformed:
            return result
        after = decision.value
        if not isinstance(after, str):
            raise _not_put_back("the transform leaves no text")
        return {**result, "content": [{"type": "text", "text": after}], "structuredContent": None}
    after = call.result(value)
    if encode(to_json(value)) == encode(to_json(after)):
        return result
    if isinstance(value, str):
        if not isinstance(after, str):
            raise _not_put_back("the transform leaves no text")
        copy = {} if structured is None else {"structuredContent": {"result": after}}
        return {**result, "content": _with_text(content, after), **copy}
    if not isinstance(after, dict) or after.keys() != value.keys():
        raise _not_put_back("the transform changes the members of a result")
    changed = after["content"]
    if isinstance(changed, list) and len(changed) == len(content):
        parts = [_with_part(*three) for three in zip(content, _shown(content), changed, strict=True)]
        return {**result, "content": parts, "structuredContent": after["structured"]}
    raise _not_put_back("the transform changes the number of parts")


def _text(content: list[Any]) -> str | None:
    """Return parts that are texts alone as one text."""
    if all(part.get("type") == "text" for part in content):
        return "\n".join(part["text"] for part in content)
    return None


def _with_text(content: list[Any], text: str) -> list[Any]:
    return (
        [{**part, "text": ""} for part in content[:-1]] + [{**content[-1], "text": text}] if content else []
    )


def _shown(content: list[Any]) -> list[Any]:
    return [
        {**part, "data": media(part["data"].encode(), part.get("mimeType", ""))}
        if isinstance(part.get("data"), str)
        else part
        for part in content
    ]


def _with_part(part: dict[str, Any], before: Any, after: Any) -> dict[str, Any]:
    if before == after:
        return part
    text = after.get("text") if isinstance(after, dict) else None
    if part.get("type") != "text" or not isinstance(text, str):
        raise _not_put_back("the transform changes a part that is no text")
    return {**part, "text": text}


def _error(text: str, ticket: dict[str, Any] | None = None) -> dict[str, Any]:
    result = types.CallToolResult.model_validate(
        {"content": [{"type": "text", "text": text}], "isError": True}
    )
    found: dict[str, Any] = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    return found if ticket is None else {**found, "_meta": {TICKET: ticket}}


def _not_put_back(message: str) -> Exception:
    return denied("post_tool_call", "transform_invalid", "write_back", message)
