"""Refuses runs whose configuration would replace the models of governed agents (section 12.8).

The runner takes the model of a `RunConfig` before that of an agent, and shows what it streams at once: no
hook of an agent can see the configuration before that model is asked.
"""

from collections.abc import Iterator
from typing import Any

from agents import Agent, Handoff
from agents.run import AgentRunner, get_default_agent_runner, set_default_agent_runner

from acs_client.integrations.openai_agents.tools import ungoverned

__all__ = ["refuse_other_models"]


def refuse_other_models() -> None:
    """Put the check before every run of this process, whatever runs agents."""
    runner = get_default_agent_runner()
    if not isinstance(runner, _Runner):
        set_default_agent_runner(_Runner(runner))


class _Runner(AgentRunner):
    """The runner that was there, for runs in which governed agents keep their models."""

    def __init__(self, inner: AgentRunner) -> None:
        self._inner = inner

    async def run(self, starting_agent: Any, input: Any, **options: Any) -> Any:
        _check(starting_agent, options)
        return await self._inner.run(starting_agent, input, **options)

    def run_sync(self, starting_agent: Any, input: Any, **options: Any) -> Any:
        _check(starting_agent, options)
        return self._inner.run_sync(starting_agent, input, **options)

    def run_streamed(self, starting_agent: Any, input: Any, **options: Any) -> Any:
        _check(starting_agent, options)
        return self._inner.run_streamed(starting_agent, input, **options)


def _check(agent: Any, options: dict[str, Any]) -> None:
    config = options.get("run_config")
    model = config.get("model") if isinstance(config, dict) else getattr(config, "model", None)
    if model is None or _is_governed(model):
        return
    if any(_is_governed(reached.model) for reached in _reached(agent, set())):
        message = "a model of the run configuration would replace governed ones: put it into the agent"
        raise ungoverned(message, "pre_model_call")


def _is_governed(model: Any) -> bool:
    return getattr(model, "is_governed", False)


def _reached(agent: Any, seen: set[int]) -> Iterator[Any]:
    """Yield an agent and those that it can hand over to."""
    if id(agent) in seen or not isinstance(agent, Agent):
        return
    seen.add(id(agent))
    yield agent
    for held in agent.handoffs:
        reference = held._agent_ref if isinstance(held, Handoff) else None
        yield from _reached(reference() if reference is not None else held, seen)
