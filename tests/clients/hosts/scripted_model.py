"""A model on loopback for coding agents: it asks for one tool, a shell unless told, and then says that it is done.

It speaks the APIs that the agents speak: messages (Claude Code, Copilot CLI), responses (Codex) and contents (Gemini CLI).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.clients.frameworks.cases.messages_server import ModelHandler, event_stream, served

__all__ = ["scripted_model"]

_SHELLS = ("Bash", "bash", "exec_command", "shell", "shell_command", "run_shell_command")
_EVENTS = "text/event-stream"
_ARGUMENT = {"exec_command": "cmd"}


@contextmanager
def scripted_model(
    command: str, other: tuple[str, dict[str, Any]] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """The URL of the model, and the bodies that were sent after the command or the `other` call was asked for."""
    answered: list[str] = []

    class Handler(ModelHandler):
        def do_POST(self) -> None:  # noqa: N802  # the name that the class looks for
            text = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            path, body = self.path.partition("?")[0], json.loads(text or "{}")
            shell = _shell_of(body)
            asks = shell is not None and not any(
                word in text for word in ('"tool_result"', '"function_call_output"', '"functionResponse"')
            )
            if shell is not None and not asks:
                answered.append(text)
            args = {_ARGUMENT.get(shell or "", "command"): command, "description": "Work"}
            if shell == "exec_command":
                del args["description"]
            call = (other or (shell, args)) if asks else None
            if path.endswith("/messages"):
                self.send_text(_messages(call), _EVENTS)
            elif path.endswith("/responses"):
                self.send_text(_responses(call), _EVENTS)
            elif "enerateContent" in path:
                self.send_text(
                    _contents(call, streams="stream" in path),
                    _EVENTS if "stream" in path else "application/json",
                )
            else:
                self.send_text('{"input_tokens": 1, "totalTokens": 1}', "application/json")

        def do_GET(self) -> None:  # noqa: N802  # likewise
            self.send_text('{"data": [], "models": []}', "application/json")

    with served(Handler) as url:
        yield url, answered


def _shell_of(body: Any) -> str | None:
    """The name of the tool that runs a command, among those that the agent offers."""
    tools = body.get("tools") or ()
    declared = [tool for group in tools for tool in group.get("functionDeclarations", [group])]
    names = {tool.get("name") for tool in declared}
    return next((name for name in _SHELLS if name in names), None)


def _messages(call: Any) -> str:
    if call is None:
        return event_stream([{"type": "text", "text": "done"}])
    return event_stream([{"type": "tool_use", "id": "call-1", "name": call[0], "input": call[1]}])


def _responses(call: Any) -> str:
    said = [{"type": "output_text", "text": "done", "annotations": []}]
    item: dict[str, Any] = {
        "type": "message",
        "id": "m",
        "role": "assistant",
        "status": "completed",
        "content": said,
    }
    if call is not None:
        item = {
            "type": "function_call",
            "id": "f",
            "call_id": "call-1",
            "name": call[0],
            "arguments": json.dumps(call[1]),
        }
    usage = {
        "input_tokens": 1,
        "output_tokens": 1,
        "total_tokens": 2,
        "input_tokens_details": None,
        "output_tokens_details": None,
    }
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"id": "r", "usage": usage}},
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


def _contents(call: Any, *, streams: bool) -> str:
    part = {"text": "done"} if call is None else {"functionCall": {"name": call[0], "args": call[1]}}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    answer = json.dumps(
        {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 2}}
    )
    return f"data: {answer}\n\n" if streams else answer
