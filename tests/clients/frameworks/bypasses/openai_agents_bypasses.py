"""OpenAI Agents: hand-overs that are added, prompts, models that a run brings, waiting calls, annotations."""

import asyncio
from typing import Any

from agents import Agent, RunConfig, Runner, function_tool, handoff, set_tracing_disabled
from agents.testing import ScriptedModel, assistant_message, function_call
from openai.types.responses.response_output_text import AnnotationURLCitation, Logprob
from trying import delete_file, main, search

from acs_client import Denied, Session, govern


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


def brought(model: Any, wrap: Any = lambda agent, _: agent) -> Any:
    """All that is seen of a run whose configuration has a model, and what ends it."""

    def way(session: Session) -> Any:
        agent = govern(Agent("one", model=script(assistant_message("fine"))), session=session)
        seen: list[str] = []

        async def run() -> None:
            found = model(agent)
            config = {"model": found} if wrap is as_mapping else RunConfig(model=found)
            result = Runner.run_streamed(wrap(agent, session), "hello", run_config=config)
            seen.extend([str(event) async for event in result.stream_events()])

        try:
            asyncio.run(run())
        except Denied as denied:
            return [*seen, f"{denied.point}: {denied.cause}: {denied.decision.message}"]
        return seen

    return way


def waiting(session: Session) -> Any:
    """A tool whose host asks a person about each call."""
    tool = function_tool(search, needs_approval=True)
    model = script(function_call("search", {"q": "x"}, call_id="1"), assistant_message("fine"))
    agent = govern(Agent("one", tools=[tool], model=model), session=session)
    paused = Runner.run_sync(agent, "hello")
    state = paused.to_state()
    for item in paused.interruptions:
        state.approve(item)
    return [Runner.run_sync(agent, state).final_output, session.budgets.calls]


def beside(streams: bool) -> Any:
    """All that is seen of a text that has an annotation and its tokens."""

    def way(session: Session) -> Any:
        message = assistant_message("fine")
        (text,) = message.content
        text.annotations = [
            AnnotationURLCitation(
                type="url_citation", start_index=0, end_index=1, title="it is secret-123", url="http://x"
            )
        ]
        text.logprobs = [Logprob(token="secret-123", bytes=[], logprob=0.0, top_logprobs=[])]  # noqa: S106
        agent = govern(Agent("one", model=script(message)), session=session)
        if not streams:
            return Runner.run_sync(agent, "hello").to_input_list()

        async def run() -> Any:
            result = Runner.run_streamed(agent, "hello")
            return [*[str(event) async for event in result.stream_events()], result.to_input_list()]

        return asyncio.run(run())

    return way


def leaking(_: Any) -> Any:
    """A model that nobody governs."""
    return script(assistant_message("it is secret-123"))


def as_mapping(agent: Any, _: Session) -> Any:
    """The agent itself, with a configuration that is a mapping."""
    return agent


def handed_to(agent: Any, _: Session) -> Any:
    """An agent that nobody governs, and that hands over to one that is governed."""
    model = script(function_call("transfer_to_one", {}, call_id="1"))
    return Agent("front", model=model, handoffs=[handoff(agent)])


if __name__ == "__main__":
    set_tracing_disabled(True)
    main(
        {
            "added agent": handing(lambda agent: agent),
            "added hand-over": handing(handoff),
            "prompts": prompts,
            "streamed": streamed,
            "waiting": waiting,
            "beside a text": beside(False),
            "beside a streamed text": beside(True),
            "brought model": brought(leaking),
            "brought model in a mapping": brought(leaking, as_mapping),
            "brought model behind a hand-over": brought(leaking, handed_to),
            "brought governed model": brought(lambda agent: agent.model),
        }
    )
