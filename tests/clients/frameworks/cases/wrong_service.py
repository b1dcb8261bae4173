"""A service that permits everything, but for one point, where it does something that no service should do."""

import json
import socket
import threading
from types import TracebackType
from typing import Any, NamedTuple, Self

__all__ = ["FAILURES", "WrongService"]

FAILURES = (
    "stopped", "hangs", "an empty object", "a list", "a decision in capitals", "half a body", "too much",
    "another point", "another request", "another mode", "redirected", "an error with an allow", "garbage",
    "a transform without a value", "a transform of a wrong kind",
)  # fmt: skip
_TARGETS = {
    "input": ("input", "body"),
    "pre_model_call": ("messages",),
    "post_model_call": ("response",),
    "pre_tool_call": ("tool_call", "args"),
    "post_tool_call": ("tool_result", "value"),
    "output": ("response", "content"),
}


class WrongService:
    """Serves until it is left; use it as a context manager."""

    def __init__(self, point: str, failure: str) -> None:
        self._point, self._failure = point, failure
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._peers: list[socket.socket] = []
        self.bodies: list[dict[str, Any]] = []
        self.url = "http://{}:{}".format(*self._listener.getsockname())

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.close()
        for peer in self._peers:
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._peers.append(peer)
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as reader:
            try:
                while (head := _head(reader)).length:
                    body = json.loads(reader.read(head.length))
                    body = {"request_id": None, "intervention_point": head.path.rpartition("/")[2]} | body
                    self.bodies.append(body)
                    if not self._answer(peer, body) or head.closes:
                        return
            except OSError:
                return

    def _answer(self, peer: socket.socket, body: dict[str, Any]) -> bool:
        verdict = {
            "verdict": {"decision": "allow"},
            "intervention_point": body["intervention_point"],
            "mode": "enforce",
            "request_id": body["request_id"],
        }
        if body["intervention_point"] != self._point:
            peer.sendall(_response(verdict))
            return True
        if self._failure == "stopped":
            return False
        if self._failure == "hangs":
            threading.Event().wait(1)
            return False
        content = self._wrong(verdict, body)
        peer.sendall(content)
        return self._failure != "half a body"

    def _wrong(self, verdict: dict[str, Any], body: dict[str, Any]) -> bytes:
        target: Any = body["snapshot"]
        for name in _TARGETS[self._point]:
            target = target[name]
        transform = verdict | {"verdict": {"decision": "transform"}}
        answers: dict[str, Any] = {
            "an empty object": {},
            "a list": [],
            "a decision in capitals": verdict | {"verdict": {"decision": "ALLOW"}},
            "another point": verdict | {"intervention_point": "agent_shutdown"},
            "another request": verdict | {"request_id": "another"},
            "another mode": verdict | {"mode": "evaluate_only"},
            "a transform without a value": transform | {"transformed_policy_target_applied": True},
            "a transform of a wrong kind": transform
            | {
                "transformed_policy_target_applied": True,
                "transformed_policy_target": {"not": ["asked for"]},
            },
        }
        if self._failure in answers:
            return _response(answers[self._failure])
        raw = {
            "half a body": _response(verdict)[:-9],
            "redirected": _response(verdict, "302 Found\r\nlocation: /elsewhere"),
            "an error with an allow": _response(verdict, "500 Internal Server Error"),
            "garbage": b"allow\r\n\r\n",
        }
        return raw.get(self._failure, _TOO_MUCH)


def _response(body: Any, status: str = "200 OK") -> bytes:
    content = json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(content)}\r\n\r\n".encode() + content


_TOO_MUCH = _response(" " * (17 << 20))


class _Head(NamedTuple):
    path: str
    length: int
    closes: bool


def _head(reader: Any) -> _Head:
    path = [*reader.readline().decode().split(" "), ""][1]
    length, closes = 0, False
    while (line := reader.readline()) not in {b"", b"\r\n"}:
        name, _, value = line.lower().partition(b":")
        length = int(value) if name == b"content-length" else length
        closes = closes or (name == b"connection" and value.strip() == b"close")
    return _Head(path, length, closes)
