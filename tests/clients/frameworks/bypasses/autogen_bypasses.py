"""AutoGen: a stream where its host wants none."""

import asyncio
from typing import Any

from autogen_core.models import UserMessage
from trying import main

from acs_client import Session
from acs_client.integrations.autogen import GovernedModel


def streamed(session: Session) -> Any:
    """A streamed answer."""

    async def run() -> Any:
        model = GovernedModel(None, session, stream="refuse")  # no client: none is asked
        return [part async for part in model.create_stream([UserMessage(content="hello", source="user")])]

    return asyncio.run(run())


if __name__ == "__main__":
    main({"streamed": streamed})
