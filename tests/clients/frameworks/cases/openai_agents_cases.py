"""OpenAI Agents with a scripted model, for the cases that every framework is put through."""

import asyncio
import json
from typing import Any

from agents import Agent, Runner, RunState, function_tool, set_tracing_disabled
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from scripted import TOOLS, Outcome, Says, main

from acs_client import Session, govern


def run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    """Run an agent to its end, approving what it pauses for."""
    set_tracing_disabled(True)
    model = ScriptedModel([ModelStep.respond(_answer(says)) for says in script])
    original = Agent("helper", tools=[function_tool(tool) for tool in TOOLS], model=model)
    agent = govern(original, session=session)
    given: Any = prompt
    try:
        for _ in range(3):
            result = (
                asyncio.run(_streamed(agent, given, outcome))
                if way == "async"
                else Runner.run_sync(agent, given)
            )
            outcome.history = [_shown(item) for item in result.to_input_list()]
            if not result.interruptions:
                outcome.got.append(result.final_output)
                break
            state = asyncio.run(
                RunState.from_json(agent, json.loads(json.dumps(result.to_state().to_json())))
            )
            for item in state.get_interruptions():
                ticket = json.loads(json.dumps(session.tickets[item.raw_item.call_id]))
                approval = outcome.approval(ticket)
                if approval is not None:
                    session.approve(ticket, approval)
                state.approve(item)
            given = state
    finally:
        outcome.seen += [
            [_content(item) for item in call.input] if isinstance(call.input, list) else [call.input]
            for call in model.calls
        ]


def _answer(says: Says) -> Any:
    items = [function_call(call.name, call.args, call_id=call.id) for call in says.calls]
    items += [assistant_message(says.text)] if says.text else []

    def respond(_: Any) -> Any:
        says.prepare()
        return items

    return respond


async def _streamed(agent: Any, given: Any, outcome: Outcome) -> Any:
    result = Runner.run_streamed(agent, given)
    async for event in result.stream_events():
        outcome.got.append(repr(event))
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            outcome.got.append(event.data.delta)
    return result


def _content(item: Any) -> Any:
    found = item.get("content", item.get("output", ""))
    return found[0].get("text") if isinstance(found, list) and found else found


def _shown(item: Any) -> list[Any]:
    kinds = {"function_call_output": "tool", "function_call": "call"}
    kind = kinds.get(item.get("type"), {"assistant": "ai", "user": "human"}.get(item.get("role"), "other"))
    return [kind, _content(item)]


if __name__ == "__main__":
    main(run)
