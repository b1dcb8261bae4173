"""A model on loopback that speaks the API of messages: what it says is decided by a function of the request."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["ModelHandler", "event_stream", "messages_server", "served"]

Block = dict[str, Any]


class ModelHandler(BaseHTTPRequestHandler):
    """Answers with texts, and writes no log."""

    protocol_version = "HTTP/1.1"

    def send_text(self, text: str, kind: str) -> None:
        """Answer with a text of this media type."""
        content = text.encode()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def served(handler: type[ModelHandler]) -> Iterator[str]:
    """The URL on loopback at which a handler answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def messages_server(answer: Callable[[dict[str, Any]], list[Block]]) -> Iterator[str]:
    """The URL of a model that answers a request with blocks of text and tool calls."""

    class Handler(ModelHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
            if "count_tokens" in self.path:
                self.send_text(json.dumps({"input_tokens": 1}), "application/json")
                return
            blocks = answer(body)
            if body.get("stream"):
                self.send_text(event_stream(blocks), "text/event-stream")
            else:
                self.send_text(
                    json.dumps({**_message(), "content": blocks, "stop_reason": _reason(blocks)}),
                    "application/json",
                )

        def do_GET(self) -> None:
            self.send_text("{}", "application/json")

        do_HEAD = do_GET  # noqa: N815  # the name that the class looks for

    with served(Handler) as url:
        yield url


def event_stream(blocks: list[Block]) -> str:
    """What the API streams of an answer."""
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in _events(blocks))


def _message() -> dict[str, Any]:
    usage = {"input_tokens": 1, "output_tokens": 1}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "stop_sequence": None,
        "usage": usage,
    }


def _reason(blocks: list[Block]) -> str:
    return "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"


def _events(blocks: list[Block]) -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": {**_message(), "content": [], "stop_reason": None}}
    for index, block in enumerate(blocks):
        if block["type"] == "tool_use":
            begun, delta = (
                {**block, "input": {}},
                {"type": "input_json_delta", "partial_json": json.dumps(block["input"])},
            )
        else:
            begun, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
        yield {"type": "content_block_start", "index": index, "content_block": begun}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    end = {"stop_reason": _reason(blocks), "stop_sequence": None}
    yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": 1}}
    yield {"type": "message_stop"}
