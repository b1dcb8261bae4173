"""OpenAI Agents (section 12.8): `govern(agent)` returns a copy whose every step is evaluated.

Its tools, its model, its hand-overs and the agents that it hands over to are governed in one session; the
original agent is not changed, and must not be run. A blocked tool call gives the model one error result, and
the run goes on; blocks elsewhere raise. Tracing sees what the model itself said.
"""

from acs_client.integrations.openai_agents.agents import govern

__all__ = ["govern"]
