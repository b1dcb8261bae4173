"""Microsoft's agent framework, through Agent Hooks, with a scripted model, for the cases of every framework."""

import asyncio
import json
from collections.abc import AsyncIterable
from typing import Any

from agent_framework import (
    Agent,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    ChatResponseUpdate,
    Content,
    FunctionInvocationLayer,
    Message,
    ResponseStream,
    create_agent_hooks_middleware,
    tool,
)
from scripted import TOOLS, Outcome, Says, main

from acs_client import Session
from acs_client.integrations.agent_hooks import SidecarInterceptor, SidecarResolver


class ScriptedClient(FunctionInvocationLayer, ChatMiddlewareLayer, BaseChatClient):
    """A model that says what the script says."""

    def __init__(self, script: list[Says], outcome: Outcome) -> None:
        super().__init__()
        self.script, self.outcome = script, outcome

    def _inner_get_response(self, *, messages: Any, stream: bool, options: Any, **_: Any) -> Any:
        return (
            ResponseStream(self._stream(messages), finalizer=ChatResponse.from_updates)
            if stream
            else self._answer(messages)
        )

    def _contents(self, messages: Any) -> list[Content]:
        self.outcome.seen.append([text for message in messages for text in _texts(message)])
        says = self.script.pop(0)
        says.prepare()
        calls = [Content.from_function_call(call.id, call.name, arguments=call.args) for call in says.calls]
        return [*calls, *([Content.from_text(says.text)] if says.text else [])]

    async def _answer(self, messages: Any) -> ChatResponse:
        contents = self._contents(messages)
        reason = "stop" if contents[0].type == "text" else "tool_calls"
        return ChatResponse(messages=[Message("assistant", contents)], finish_reason=reason)

    async def _stream(self, messages: Any) -> AsyncIterable[ChatResponseUpdate]:
        for content in self._contents(messages):
            for part in (
                [Content.from_text(letter) for letter in content.text]
                if content.type == "text"
                else [content]
            ):
                yield ChatResponseUpdate(contents=[part], role="assistant")


def run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    """Run an agent to its end."""
    asyncio.run(_run(session, way, script, prompt, outcome))


async def _run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    interceptor = SidecarInterceptor(session)
    hooks = create_agent_hooks_middleware(
        [interceptor], resolver=SidecarResolver(interceptor, outcome.approval), timeout=30
    )
    tools = [tool(function, approval_mode="never_require") for function in TOOLS]
    agent = Agent(ScriptedClient(script, outcome), id=session.agent, tools=tools, middleware=[hooks])
    thread = agent.create_session()
    if way == "stream":
        stream = agent.run(prompt, session=thread, stream=True)
        async for update in stream:
            outcome.got.append(update.text)
        answer = await stream.get_final_response()
    else:
        answer = await agent.run(prompt, session=thread)
    outcome.got.append(answer.text)
    outcome.history = [[message.role, text] for message in answer.messages for text in _texts(message)]


def _texts(message: Any) -> list[str]:
    return [
        content.text if content.type == "text" else _result(str(content.result))
        for content in message.contents
        if content.type in {"text", "function_result"}
    ]


def _result(text: str) -> str:
    """The text of a result; of a blocked call, which the host tells in a form of its own, what was the reason."""
    if not text.startswith('{"error": "Tool call blocked by agent-hooks'):
        return text
    told = json.loads(text)
    return f"denied by policy: {told['reason']}: {told['message']}"


if __name__ == "__main__":
    main(run)
