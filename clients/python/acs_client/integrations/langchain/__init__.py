"""LangChain 1 and LangGraph 1 (section 12.8): `create_agent(middleware=[AcsMiddleware(session)])`.

Put it first. Blocks at `input`, at the model points and at `output` raise; a blocked tool call gives the
model one error message, and the run goes on. Model output is held until it is permitted, and a model's
reasoning is withheld. What LangChain's callbacks and tracers see of a model or a tool is raw: nothing can be
held back there.
"""

from acs_client.integrations.langchain.middleware import AcsMiddleware

__all__ = ["AcsMiddleware"]
