"""LangChain: structured answers, commands and artifacts of tools, reasoning, and what streams show of the inside."""

import asyncio
from typing import Annotated, Any

from langchain.agents import create_agent
from langchain.agents.middleware import wrap_model_call
from langchain.agents.structured_output import ToolStrategy
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.types import Command
from pydantic import BaseModel
from trying import main
from trying import search as found

from acs_client import Session, govern
from acs_client.integrations.langchain import AcsMiddleware

HELLO = {"messages": "hello"}
LEAKS = "it is secret-123 now"


class Scripted(BaseChatModel):
    """A model that says these in turn."""

    answers: list[Any]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        """Nothing to do."""
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.answers.pop(0))])


class Talking(Scripted):
    """A model that says them word by word."""

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> Any:
        for word in self.answers.pop(0).content.split():
            yield ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))


class Asking(Scripted):
    """A model that another one answers for."""

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        said = Talking(answers=[AIMessage(LEAKS)]).invoke(messages)
        return ChatResult(generations=[ChatGeneration(message=said)])


class Structured(BaseModel):
    """A structured answer."""

    text: str


def ran(session: Session, answers: list[Any], messages: Any = "hello", **options: Any) -> Any:
    """The state after a run."""
    middleware = [AcsMiddleware(session)]
    return create_agent(Scripted(answers=answers), middleware=middleware, **options).invoke(
        {"messages": messages}
    )


def call(name: str, args: Any) -> AIMessage:
    """A call of the model."""
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": "1"}])


def structured(session: Session) -> Any:
    """An answer that a tool stands for, and that no tool node runs."""
    answers = [call("Structured", {"text": "it is secret-123"})]
    return ran(session, answers, tools=[], response_format=ToolStrategy(Structured))


def direct(session: Session) -> Any:
    """A result that is the answer."""
    return ran(session, [call("search", {"q": "x"})], tools=[tool(return_direct=True)(found)])


def commanding(update: Any) -> Any:
    """A tool that changes the state itself."""

    @tool
    def search(q: str, call_id: Annotated[str, InjectedToolCallId]) -> Any:
        """Search."""
        return update(call_id)

    return lambda session: ran(session, [call("search", {"q": "x"}), AIMessage("fine")], tools=[search])


def message(call_id: str, text: str = "has secret-123") -> ToolMessage:
    """The message of a tool."""
    return ToolMessage(text, tool_call_id=call_id)


def artifact(session: Session) -> Any:
    """What a tool returns beside the text of its message."""

    @tool(response_format="content_and_artifact")
    def search(q: str) -> Any:
        """Search."""
        return "fine", {"raw": LEAKS}

    return ran(session, [call("search", {"q": "x"}), AIMessage("fine")], tools=[search])["messages"][2]


def answered(*content: Any, **others: Any) -> Any:
    """What is left of an answer."""

    def way(session: Session) -> Any:
        answer = AIMessage(list(content) or "fine", **others)
        return ran(session, [answer], tools=[])["messages"][1]

    return way


def inside(asks: Any) -> Any:
    """All that streams show of a tool that asks a model or another agent."""

    @tool
    def search(q: str) -> str:
        """Search."""
        return str(asks(q))

    def run(session: Session) -> Any:
        answers = [call("search", {"q": "x"}), AIMessage("fine")]
        agent = create_agent(Scripted(answers=answers), middleware=[AcsMiddleware(session)], tools=[search])
        modes: Any = ["messages", "updates", "values", "debug", "tools"]
        return [str(part) for part in agent.stream(HELLO, stream_mode=modes, subgraphs=True)]

    return run


def shown(model: Any, **options: Any) -> Any:
    """All that streams and events show of a model."""

    async def run(session: Session) -> Any:
        seen: list[Any] = []
        for mode in ("messages", "events"):
            middleware = [AcsMiddleware(session), *options.get("behind", ())]
            agent = create_agent(model(), middleware=middleware, tools=[])
            listening: Any = (
                agent.astream_events(HELLO)
                if mode == "events"
                else agent.astream(HELLO, stream_mode="messages")
            )
            seen += [str(part) async for part in listening]
        return seen

    return lambda session: asyncio.run(run(session))


@wrap_model_call
async def another_model(request: Any, handler: Any) -> Any:
    """Choose another model, in another middleware."""
    return await handler(request.override(model=Talking(answers=[AIMessage(LEAKS)])))


def prompts(session: Session) -> Any:
    """What the user said stands before another message."""
    return ran(session, [AIMessage("fine")], [HumanMessage("a bomb"), SystemMessage("be nice")], tools=[])


def listened(stream: str, listen: Any) -> Any:
    """A run that somebody listens to."""

    async def run(session: Session) -> Any:
        model = Scripted(answers=[AIMessage("fine")])
        agent = create_agent(model, middleware=[AcsMiddleware(session, stream=stream)], tools=[])
        return [str(part) async for part in listen(agent)][-1]

    return lambda session: asyncio.run(run(session))


if __name__ == "__main__":
    main(
        {
            "structured": structured,
            "direct": direct,
            "command": commanding(lambda at: Command(update={"messages": [message(at)]})),
            "command of mappings": commanding(
                lambda at: Command(
                    update={"messages": [{"role": "tool", "content": "has secret-123", "tool_call_id": at}]}
                )
            ),
            "command beside messages": commanding(
                lambda at: Command(
                    update={"messages": [message(at, "fine")], "structured_response": "secret-123"}
                )
            ),
            "list of commands": commanding(lambda at: [Command(update={"messages": [message(at)]})]),
            "harmless command": commanding(lambda at: Command(update={"messages": [message(at, "fine")]})),
            "command with an artifact": commanding(
                lambda at: Command(
                    update={"messages": [ToolMessage("fine", tool_call_id=at, artifact=[LEAKS])]}
                )
            ),
            "artifact": artifact,
            "reasoning": answered(additional_kwargs={"reasoning_content": LEAKS}),
            "thinking": answered(
                {"type": "thinking", "thinking": LEAKS, "signature": "s1"}, {"type": "text", "text": "fine"}
            ),
            "said beside thinking": answered(
                {"type": "reasoning", "summary": [{"text": LEAKS}], "id": "r1"},
                {"type": "text", "text": LEAKS},
            ),
            "model in a tool": inside(lambda q: Talking(answers=[AIMessage(LEAKS)]).invoke(q).content),
            "agent in a tool": inside(
                lambda q: create_agent(Talking(answers=[AIMessage(LEAKS)])).invoke({"messages": q})
            ),
            "tool": inside(lambda _: LEAKS),
            "model in a model": shown(lambda: Asking(answers=[])),
            "talking model": shown(lambda: Talking(answers=[AIMessage(LEAKS)])),
            "model of another middleware": shown(lambda: Scripted(answers=[]), behind=[another_model]),
            "prompts": prompts,
            "streamed": listened("refuse", lambda agent: agent.astream(HELLO, stream_mode="messages")),
            "events": listened("refuse", lambda agent: agent.astream_events(HELLO, version="v2")),
            "steps": listened("refuse", lambda agent: agent.astream(HELLO, stream_mode="values")),
            "by one import": lambda session: govern(tool(found), session=session),
        }
    )
