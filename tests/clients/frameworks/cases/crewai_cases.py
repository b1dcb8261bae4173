"""CrewAI with a scripted model, for the cases that every framework is put through."""

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
from crewai.tools import tool
from pydantic import PrivateAttr
from scripted import TOOLS, Outcome, Says, main

from acs_client import Session
from acs_client.integrations.crewai import governed_crew


class ScriptedModel(BaseLLM):
    """A model that says what the script says."""

    _script: Any = PrivateAttr()
    _outcome: Any = PrivateAttr()

    def __init__(self, script: list[Says], outcome: Outcome) -> None:
        super().__init__(model="scripted")
        self._script, self._outcome = script, outcome

    def call(self, messages: Any, *_: Any, from_agent: Any = None, **__: Any) -> Any:
        """The next answer, letter by letter to whoever listens in a stream."""
        self._outcome.seen.append([str(message.get("content") or "") for message in messages])
        says = self._script.pop(0)
        says.prepare()
        if not says.calls:
            for letter in says.text if self.stream else ():
                self._emit_stream_chunk_event(chunk=letter, from_agent=from_agent)
            return says.text
        return [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.args}}
            for call in says.calls
        ]

    def supports_function_calling(self) -> bool:
        """It calls tools by itself."""
        return True


def run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    """Run a crew to its end."""
    model = ScriptedModel(script, outcome)
    agent = Agent(
        role="a", goal="g", backstory="b", llm=model, tools=[tool(one) for one in TOOLS], verbose=False
    )
    task = Task(description="{prompt}", expected_output="an answer", agent=agent)
    with governed_crew(session):
        crew = Crew(agents=[agent], tasks=[task], verbose=False, stream=way == "stream")
        result = crew.kickoff(inputs={"prompt": prompt})
        if way == "stream":
            outcome.got += [chunk.content for chunk in result]
            result = result.result
    outcome.got.append(result.raw)
    outcome.history = [
        ["", text]
        for text in [*outcome.seen[-1], *(text for task in result.tasks_output for text in _kept(task))]
    ]


def _kept(task: Any) -> list[str]:
    """What a task remembers."""
    return [task.raw, *(str(message.get("content")) for message in task.messages)]


if __name__ == "__main__":
    with redirect_stdout(sys.stderr):  # the framework shows boxes
        main(run, asks=True)
