"""Semantic Kernel with a scripted model, for the cases that every framework is put through."""

import asyncio
from typing import Any

from scripted import TOOLS, Outcome, Says, main
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings
from semantic_kernel.contents import (
    ChatHistory,
    ChatMessageContent,
    FunctionCallContent,
    FunctionResultContent,
    TextContent,
)
from semantic_kernel.functions import kernel_function

from acs_client import Session
from acs_client.integrations.semantic_kernel import govern_kernel


class ScriptedModel(ChatCompletionClientBase):
    """A model that says what the script says."""

    SUPPORTS_FUNCTION_CALLING = True
    script: Any
    outcome: Any

    async def _inner_get_chat_message_contents(
        self, chat_history: ChatHistory, settings: Any
    ) -> list[ChatMessageContent]:
        self.outcome.seen.append([text for message in chat_history.messages for text in _texts(message)])
        says = self.script.pop(0)
        says.prepare()
        items: list[Any] = [
            FunctionCallContent(id=call.id, name=call.name, arguments=call.args) for call in says.calls
        ]
        return [ChatMessageContent(role="assistant", items=items or [TextContent(text=says.text)])]


def run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    """Run a conversation to its end."""
    asyncio.run(_run(session, script, prompt, outcome))


async def _run(session: Session, script: list[Says], prompt: str, outcome: Outcome) -> None:
    kernel = govern_kernel(Kernel(), session)
    for tool in TOOLS:
        kernel.add_function("tools", kernel_function(tool, name=tool.__name__, description=tool.__doc__))
    model = ScriptedModel(ai_model_id="scripted", script=script, outcome=outcome)
    history = ChatHistory()
    history.add_user_message(prompt)
    settings = PromptExecutionSettings(function_choice_behavior=FunctionChoiceBehavior.Auto())
    try:
        answer = await model.get_chat_message_content(history, settings, kernel=kernel)
        outcome.got.append(str(answer))
        history.add_message(answer)
    finally:
        outcome.history = [
            [message.role.value, text] for message in history.messages for text in _texts(message)
        ]


def _texts(message: ChatMessageContent) -> list[str]:
    return [
        str(item.result) if isinstance(item, FunctionResultContent) else item.text
        for item in message.items
        if isinstance(item, FunctionResultContent | TextContent)
    ]


if __name__ == "__main__":
    main(run, asks=True)
