"""LlamaIndex with a scripted model, for the cases that every framework is put through."""

import asyncio
from collections.abc import Sequence
from typing import Any

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    LLMMetadata,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.memory import ChatMemoryBuffer
from pydantic import PrivateAttr
from scripted import TOOLS, Outcome, Says, main

from acs_client import Session
from acs_client.integrations.llama_index import govern_tool


class ScriptedModel(FunctionCallingLLM):
    """A model that says what the script says."""

    _script: list[Says] = PrivateAttr()
    _outcome: Outcome = PrivateAttr()

    def __init__(self, script: list[Says], outcome: Outcome) -> None:
        super().__init__()
        self._script, self._outcome = script, outcome

    @property
    def metadata(self) -> LLMMetadata:
        """What it can do."""
        return LLMMetadata(is_function_calling_model=True, model_name="scripted")

    def _answer(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        self._outcome.seen.append([message.content or "" for message in messages])
        says = self._script.pop(0)
        says.prepare()
        message = ChatMessage(role=MessageRole.ASSISTANT, content=says.text)
        message.blocks += [
            ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=call.args)
            for call in says.calls
        ]
        return ChatResponse(message=message)

    async def achat_with_tools(
        self, tools: Any, user_msg: Any = None, chat_history: Any = None, **_: Any
    ) -> ChatResponse:
        """The next answer."""
        return self._answer(chat_history)

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **_: Any
    ) -> list[Any]:
        """The calls of an answer."""
        return [
            ToolSelection(
                tool_id=block.tool_call_id or "",
                tool_name=block.tool_name,
                tool_kwargs=dict(block.tool_kwargs),
            )
            for block in response.message.blocks
            if isinstance(block, ToolCallBlock)
        ]

    def _prepare_chat_with_tools(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def chat(self, *_: Any, **__: Any) -> Any:
        """Not used."""
        raise NotImplementedError

    achat = stream_chat = astream_chat = complete = acomplete = stream_complete = astream_complete = chat


def run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    """Run an agent to its end."""
    asyncio.run(_run(session, script, prompt, outcome))


async def _run(session: Session, script: list[Says], prompt: str, outcome: Outcome) -> None:
    tools = [govern_tool(tool, session) for tool in TOOLS]
    agent = FunctionAgent(tools=tools, llm=ScriptedModel(script, outcome), streaming=False)
    memory = ChatMemoryBuffer.from_defaults(token_limit=10000, tokenizer_fn=str.split)
    try:
        result = await agent.run(prompt, memory=memory)
        outcome.got.append(str(result))
    finally:
        outcome.history = [[message.role.value, message.content or ""] for message in memory.get_all()]


if __name__ == "__main__":
    main(run, asks=True)
