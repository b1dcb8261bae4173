"""CrewAI: agents that run without a crew, answers that call tools in words, tools whose result is the answer."""

import os
import sys
import tempfile
from contextlib import redirect_stdout
from typing import Any

os.environ |= {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "OTEL_SDK_DISABLED": "true",
    "CREWAI_TRACING_ENABLED": "false",
}
os.environ |= {"HOME": tempfile.mkdtemp(), "CREWAI_STORAGE_DIR": tempfile.mkdtemp()}

from crewai import Agent, BaseLLM, Crew, Task
from crewai.flow.flow import Flow, start
from crewai.tools import tool
from pydantic import PrivateAttr
from trying import delete_file, main, search

from acs_client import Session
from acs_client.integrations.crewai import governed_crew

CALL = [{"id": "1", "type": "function", "function": {"name": "delete_file", "arguments": {"path": "x"}}}]
IN_WORDS = 'Thought: x\nAction: delete_file\nAction Input: {"path": "x"}'
ANSWER = "Thought: I know\nFinal Answer: it is secret-123"


class Scripted(BaseLLM):
    """A model that says these in turn."""

    _script: Any = PrivateAttr()

    def __init__(self, *script: Any) -> None:
        super().__init__(model="scripted")
        self._script = list(script)

    def call(self, *_: Any, **__: Any) -> Any:
        """The next answer."""
        return self._script.pop(0)

    def supports_function_calling(self) -> bool:
        """It calls tools by itself, unless it says so in words."""
        return not isinstance(self._script[0], str)


def agent(*script: Any) -> Agent:
    """An agent whose model says these in turn."""
    tools = [tool(delete_file), tool("search", result_as_answer=True)(search)]
    return Agent(role="a", goal="g", backstory="b", llm=Scripted(*script), tools=tools, verbose=False)


def crew(*script: Any) -> Any:
    """A crew with that agent."""

    def way(session: Session) -> Any:
        made = agent(*script)
        task = Task(description="do it", expected_output="an answer", agent=made)
        with governed_crew(session):
            result = Crew(agents=[made], tasks=[task], verbose=False).kickoff()
        return [result.raw, [[done.raw, done.messages] for done in result.tasks_output]]

    return way


def alone(*script: Any) -> Any:
    """The agent without a crew."""

    def way(session: Session) -> Any:
        with governed_crew(session):
            result = agent(*script).kickoff("do it")
        return [result.raw, result.messages]

    return way


class Said(Flow):
    """A flow that says something itself."""

    @start()
    def say(self) -> str:
        """Say it."""
        return "it is secret-123"


def flow(session: Session) -> Any:
    """A flow without a crew."""
    with governed_crew(session):
        return Said().kickoff()


if __name__ == "__main__":
    with redirect_stdout(sys.stderr):  # the framework shows boxes
        main(
            {
                "call": crew(CALL, "it is secret-123"),
                "call in words": crew(IN_WORDS, ANSWER),
                "alone": alone(CALL, "it is secret-123"),
                "alone in words": alone(IN_WORDS, ANSWER),
                "flow": flow,
                "result as answer": crew('Thought: x\nAction: search\nAction Input: {"q": "x"}', ANSWER),
            }
        )
