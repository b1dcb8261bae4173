"""A LlamaIndex agent whose tools are governed: run `acs-sidecar serve --manifests manifests` beside it.

The model is scripted, so that the example runs offline; put your own in its place.
"""

import asyncio
from typing import Any

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.memory import ChatMemoryBuffer

from acs_client import Client
from acs_client.integrations.llama_index import govern_tool

REFUND = {"order_id": "1042", "amount": 5000, "currency": "EUR"}


def issue_refund(order_id: str, amount: float, currency: str) -> str:
    """Refund an order."""
    return f"refunded {amount} {currency} for order {order_id}"


class ScriptedModel(FunctionCallingLLM):
    """Asks for a refund that is too large, then answers."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_function_calling_model=True)

    async def achat_with_tools(self, *_: Any, chat_history: Any = None, **__: Any) -> ChatResponse:
        content = "" if len(chat_history) == 1 else f"I cannot: {chat_history[-1].content}"
        return ChatResponse(message=ChatMessage(role="assistant", content=content))

    def get_tool_calls_from_response(self, response: ChatResponse, *_: Any, **__: Any) -> list[ToolSelection]:
        asks = ToolSelection(tool_id="1", tool_name="issue_refund", tool_kwargs=REFUND)
        return [] if response.message.content else [asks]

    def chat(self, *_: Any, **__: Any) -> Any: ...

    achat = stream_chat = astream_chat = complete = acomplete = stream_complete = astream_complete = chat
    _prepare_chat_with_tools = chat


async def main() -> None:
    with Client(manifest="support-agent") as client, client.session("support-1") as session:
        agent = FunctionAgent(
            tools=[govern_tool(issue_refund, session)], llm=ScriptedModel(), streaming=False
        )
        memory = ChatMemoryBuffer.from_defaults(token_limit=1000, tokenizer_fn=str.split)
        print(await agent.run("Refund order 1042", memory=memory))


asyncio.run(main())
