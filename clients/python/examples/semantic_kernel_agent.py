"""A Semantic Kernel whose tools are governed: run `acs-sidecar serve --manifests manifests` beside it.

The model is scripted, so that the example runs offline; put your own in its place.
"""

import asyncio
from typing import Any

from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings
from semantic_kernel.contents import ChatHistory, ChatMessageContent, FunctionCallContent, TextContent
from semantic_kernel.functions import kernel_function

from acs_client import Client
from acs_client.integrations.semantic_kernel import govern_kernel

REFUND = {"order_id": "1042", "amount": 5000, "currency": "EUR"}
NAMES = {"shop-issue_refund": "issue_refund"}  # as the manifest calls it


@kernel_function
def issue_refund(order_id: str, amount: float, currency: str) -> str:
    """Refund an order."""
    return f"refunded {amount} {currency} for order {order_id}"


class ScriptedModel(ChatCompletionClientBase):
    """Asks for a refund that is too large, then answers."""

    SUPPORTS_FUNCTION_CALLING = True

    async def _inner_get_chat_message_contents(self, chat_history: ChatHistory, settings: Any) -> list[Any]:
        call = FunctionCallContent(id="1", name="shop-issue_refund", arguments=REFUND)
        said = [call] if len(chat_history) == 1 else [TextContent(text="I cannot.")]
        return [ChatMessageContent(role="assistant", items=said)]


async def main() -> None:
    history = ChatHistory()
    history.add_user_message("Refund order 1042")
    settings = PromptExecutionSettings(function_choice_behavior=FunctionChoiceBehavior.Auto())
    with Client(manifest="support-agent") as client, client.session("support-1") as session:
        kernel = govern_kernel(Kernel(), session, names=NAMES)
        kernel.add_function("shop", issue_refund)
        answer = await ScriptedModel(ai_model_id="scripted").get_chat_message_content(
            history, settings, kernel=kernel
        )
    print(history.messages[2].items[0].result)
    print(answer)


asyncio.run(main())
