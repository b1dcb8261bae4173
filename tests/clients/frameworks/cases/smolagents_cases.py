"""smolagents with a scripted model, for the cases that every framework is put through."""

from typing import Any

from scripted import TOOLS, Outcome, Says, main
from smolagents import ChatMessage, LogLevel, MessageRole, Model, Tool, ToolCallingAgent
from smolagents.models import ChatMessageToolCall, ChatMessageToolCallFunction

from acs_client import Session
from acs_client.integrations.smolagents import govern_tool

KINDS = {"int": "integer", "str": "string"}


class Plain(Tool):
    """A function as a tool."""

    output_type = "string"
    skip_forward_signature_validation = True

    def __init__(self, function: Any) -> None:
        self.name, self.description = function.__name__, function.__doc__
        self.inputs = {
            name: {"type": KINDS[kind.__name__], "description": name}
            for name, kind in function.__annotations__.items()
            if name != "return"
        }
        self.forward = function
        super().__init__()


class ScriptedModel(Model):
    """A model that says what the script says; its last word is the call of `final_answer`."""

    def __init__(self, script: list[Says], outcome: Outcome) -> None:
        super().__init__()
        self.script, self.outcome = script, outcome

    def generate(self, messages: Any, **_: Any) -> ChatMessage:
        """The next answer."""
        self.outcome.seen.append([text for message in messages for text in _texts(message)])
        says = self.script.pop(0)
        says.prepare()
        called = [(call.id, call.name, call.args) for call in says.calls]
        calls = [
            ChatMessageToolCall(
                function=ChatMessageToolCallFunction(name=name, arguments=args), id=id, type="function"
            )
            for id, name, args in called or [("c-9", "final_answer", {"answer": says.text})]
        ]
        return ChatMessage(role=MessageRole.ASSISTANT, content=None, tool_calls=calls)


def run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    """Run an agent to its end."""
    tools = [govern_tool(Plain(tool), session) for tool in TOOLS]
    agent = ToolCallingAgent(tools, ScriptedModel(script, outcome), verbosity_level=LogLevel.OFF, max_steps=4)
    try:
        outcome.got.append(agent.run(prompt))
    finally:
        outcome.history = [
            [message.role.value, text]
            for message in agent.write_memory_to_messages()
            for text in _texts(message)
        ]


def _texts(message: Any) -> list[str]:
    """The texts of a message; a result's without what the agent writes before it."""
    parts = message.content if isinstance(message.content, list) else [{"text": message.content or ""}]
    texts = [part.get("text", "") for part in parts]
    return [line for text in texts for line in [text, *text.removeprefix("Observation:\n").split("\n")]]


if __name__ == "__main__":
    main(run, asks=True)
