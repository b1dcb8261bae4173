"""A model on loopback, for programs that name one of OpenAI: it asks for a refund, and then says that it is done."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["model_server"]

CALL = {"name": "issue_refund", "arguments": '{"order_id": "1042", "amount": 5000, "currency": "EUR"}'}


def _completion(body: dict[str, Any]) -> dict[str, Any]:
    """What the API of chat completions answers."""
    asked = not any(message["role"] == "tool" for message in body["messages"])
    called = {"id": "call-1", "type": "function", "function": CALL}
    message = {"role": "assistant", "content": None if asked else "done"} | (
        {"tool_calls": [called]} if asked else {}
    )
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if asked else "stop"}
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


def _response(body: dict[str, Any]) -> dict[str, Any]:
    """What the API of responses answers."""
    asked = not any(
        item.get("type") == "function_call_output" for item in body["input"] if isinstance(item, dict)
    )
    text = {"type": "output_text", "text": "done", "annotations": []}
    said = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [text]}
    item = (
        {"type": "function_call", "id": "f", "call_id": "call-1", "status": "completed", **CALL}
        if asked
        else said
    )
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    usage = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7, **details}
    return {
        "id": "r", "object": "response", "created_at": 0, "model": "m", "status": "completed", "output": [item],
        "usage": usage, "tools": [], "tool_choice": "auto", "parallel_tool_calls": True,
    }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = _response(body) if self.path.endswith("/responses") else _completion(body)
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def model_server() -> Iterator[str]:
    """The URL of the model, while it runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
