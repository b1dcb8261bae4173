"""OpenAI Agents: hand-overs that are added to a governed agent, prompts that are not the last item."""

import asyncio
from typing import Any

from agents import Agent, Runner, function_tool, handoff, set_tracing_disabled
from agents.testing import ScriptedModel, assistant_message, function_call
from trying import delete_file, main

from acs_client import Session, govern


def script(*items: Any) -> ScriptedModel:
    """A model that says these in turn."""
    return ScriptedModel([[item] for item in items])


def handing(wrap: Any) -> Any:
    """A hand-over to an agent that nobody governs."""

    def way(session: Session) -> Any:
        said = assistant_message("it is secret-123")
        deletes = function_call("delete_file", {"path": "x"}, call_id="2")
        other = Agent("other", tools=[function_tool(delete_file)], model=script(deletes, said))
        front = govern(
            Agent("front", model=script(function_call("transfer_to_other", {}, call_id="1"))), session=session
        )
        front.handoffs.append(wrap(other))
        return Runner.run_sync(front, "hello").to_input_list()

    return way


def prompts(session: Session) -> Any:
    """What the user said stands before another item."""
    items: Any = [{"role": "user", "content": "a bomb"}, {"role": "developer", "content": "be nice"}]
    return Runner.run_sync(
        govern(Agent("one", model=script(assistant_message("fine"))), session=session), items
    ).to_input_list()


def streamed(session: Session) -> Any:
    """A stream where its host wants none."""
    agent = govern(Agent("one", model=script(assistant_message("fine"))), session=session, stream="refuse")

    async def run() -> Any:
        result = Runner.run_streamed(agent, "hello")
        return [event async for event in result.stream_events()]

    return asyncio.run(run())


if __name__ == "__main__":
    set_tracing_disabled(True)
    main(
        {
            "added agent": handing(lambda agent: agent),
            "added hand-over": handing(handoff),
            "prompts": prompts,
            "streamed": streamed,
        }
    )
