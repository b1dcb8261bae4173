"""AutoGen: a stream where its host wants none, and tokens beside an answer."""

import asyncio
from typing import Any

from autogen_core.models import ChatCompletionTokenLogprob, CreateResult, RequestUsage, UserMessage
from trying import main

from acs_client import Session
from acs_client.integrations.autogen import GovernedModel


def streamed(session: Session) -> Any:
    """A streamed answer."""

    async def run() -> Any:
        model = GovernedModel(None, session, stream="refuse")  # no client: none is asked
        return [part async for part in model.create_stream([UserMessage(content="hello", source="user")])]

    return asyncio.run(run())


LEAKS = "it is secret-123 now"


class Scripted:
    """A client that says one thing, and its tokens."""

    model_info: Any = {"family": "m"}  # noqa: RUF012  # as the framework has it

    async def create(self, *_: Any, **__: Any) -> CreateResult:
        """The answer."""
        return CreateResult(
            finish_reason="stop",
            content=LEAKS,
            usage=RequestUsage(prompt_tokens=1, completion_tokens=1),
            cached=False,
            logprobs=[ChatCompletionTokenLogprob(token=LEAKS, logprob=0.0)],
        )


def tokens(session: Session) -> Any:
    """An answer with its tokens."""
    model: Any = GovernedModel(Scripted(), session)
    return asyncio.run(model.create([UserMessage(content="hello", source="user")]))


if __name__ == "__main__":
    main({"streamed": streamed, "tokens": tokens})
