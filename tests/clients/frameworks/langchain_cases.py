"""LangChain agents with a scripted model against a real service; run in an environment that has LangChain.

`python langchain_cases.py CASE…` reads from the environment `ACSCLIENT_URL`, `SIGNER` (a command that signs the
approval on stdin) and `SERVICE_PIDS`, and prints what came of the cases as JSON, sync and async.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from acs_client import Blocked, Client
from acs_client.integrations.langchain import AcsMiddleware

RAN: list[Any] = []
SEEN: list[list[Any]] = []


class ScriptedModel(BaseChatModel):
    """Answers with what it was given, in turn; streams it letter by letter."""

    script: list[Any]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **options: Any) -> "ScriptedModel":
        """The script names its tools."""
        return self

    def _next(self, messages: Any) -> AIMessage:
        SEEN.append([message.content for message in messages])
        message = self.script.pop(0)
        return message() if callable(message) else message

    def _generate(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next(messages))])

    def _stream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any
    ) -> Iterator[ChatGenerationChunk]:
        message = self._next(messages)
        calls = [
            {"name": call["name"], "args": json.dumps(call["args"]), "id": call["id"], "index": index}
            for index, call in enumerate(message.tool_calls)
        ]
        for index, letter in enumerate(str(message.content) or [""]):
            part = AIMessageChunk(content=letter, tool_call_chunks=[] if index else calls)
            yield ChatGenerationChunk(message=part)


@tool
def search(q: str) -> str:
    """Search."""
    RAN.append(["search", q])
    return f"found secret-123 for {q}"


@tool
def send_email(to: str) -> str:
    """Send."""
    RAN.append(["send_email", to])
    return f"sent to {to}"


@tool
def delete_file(path: str) -> str:
    """Delete."""
    RAN.append(["delete_file", path])
    return "gone"


@tool
def pay(amount: int) -> str:
    """Pay."""
    RAN.append(["pay", amount])
    return "paid"


@tool
def odd() -> str:
    """Do something odd."""
    RAN.append(["odd"])
    return "done"


def calls(name: str, arguments: dict[str, Any]) -> AIMessage:
    """A message of the model that calls a tool."""
    return AIMessage(content="", tool_calls=[{"name": name, "args": arguments, "id": "c-1"}])


def killing(message: AIMessage) -> Callable[[], AIMessage]:
    """A message that comes after the service was killed."""

    def kill() -> AIMessage:
        for pid in json.loads(os.environ["SERVICE_PIDS"]):
            os.kill(pid, signal.SIGKILL)
        return message

    return kill


def signed(ticket: dict[str, Any]) -> str:
    """What the approver signs."""
    command = json.loads(os.environ["SIGNER"])
    text = json.dumps(ticket["approval"])
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout.strip()


SCRIPTS: dict[str, list[Any]] = {
    "allow": [calls("search", {"q": "x"}), AIMessage(content="fine")],
    "warn": [calls("odd", {}), AIMessage(content="fine")],
    "deny": [calls("delete_file", {"path": "x"}), AIMessage(content="fine")],
    "escalate": [calls("pay", {"amount": 7}), AIMessage(content="fine")],
    "arguments": [calls("send_email", {"to": "x@example.org"}), AIMessage(content="fine")],
    "result": [calls("search", {"q": "y"}), AIMessage(content="fine")],
    "stream": [AIMessage(content="it is secret-123")],
    "killed": [killing(calls("search", {"q": "x"})), AIMessage(content="fine")],
    "input": [AIMessage(content="fine")],
    "model": [AIMessage(content="a bomb")],
}
PROMPTS = {"input": "a bomb"}


def run(case: str, *, is_async: bool) -> dict[str, Any]:
    """Run one case; return what ran, what the model saw, what the caller got, and what was raised."""
    RAN.clear()
    SEEN.clear()
    got: list[Any] = []
    raised = None
    with Client(manifest="governed", timeout=20) as client, client.session("a", points=POINTS) as session:
        agent = create_agent(
            ScriptedModel(script=list(SCRIPTS[case])),
            [search, send_email, delete_file, pay, odd],
            middleware=[AcsMiddleware(session)],
            checkpointer=InMemorySaver(),
        )
        config = {"configurable": {"thread_id": "t"}}
        given: Any = {"messages": [{"role": "user", "content": PROMPTS.get(case, "hello")}]}
        try:
            for _ in range(2):
                stream = (
                    asyncio.run(_collect(agent, given, config)) if is_async else _stream(agent, given, config)
                )
                tickets = [entry for entry in stream if entry[0] == "ticket"]
                got += [entry for entry in stream if entry[0] != "ticket"]
                if not tickets:
                    break
                ticket = json.loads(json.dumps(tickets[0][1]))
                given = Command(resume={"ticket": ticket, "approval": signed(ticket)})
            history = [
                [message.type, message.content] for message in agent.get_state(config).values["messages"]
            ]
        except Blocked as blocked:
            raised, history = f"{type(blocked).__name__} {blocked.point} {blocked.cause}", []
    return {"ran": list(RAN), "seen": list(SEEN), "got": got, "raised": raised, "history": history}


POINTS = {"input", "pre_model_call", "post_model_call", "pre_tool_call", "post_tool_call", "output"}


def _entry(mode: str, value: Any) -> list[Any]:
    if mode == "messages":
        return ["message", value[0].content]
    found = value.get("__interrupt__") if isinstance(value, dict) else None
    return ["ticket", found[0].value] if found else ["update", None]


def _stream(agent: Any, given: Any, config: Any) -> list[list[Any]]:
    return [_entry(*entry) for entry in agent.stream(given, config, stream_mode=["messages", "updates"])]


async def _collect(agent: Any, given: Any, config: Any) -> list[list[Any]]:
    stream = agent.astream(given, config, stream_mode=["messages", "updates"])
    return [_entry(*entry) async for entry in stream]


if __name__ == "__main__":
    came = {
        way: {case: run(case, is_async=way == "async") for case in sys.argv[2:]}
        for way in sys.argv[1].split(",")
    }
    sys.stdout.write(json.dumps(came))
