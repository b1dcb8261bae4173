"""Requests to a service, and what a refusal looks like."""

import socket
from typing import Any
from urllib.parse import urlsplit

from tests.conftest import Service
from tests.described import check_replies

__all__ = ["MANIFEST", "REQUEST", "denies", "raw"]

MANIFEST: dict[str, Any] = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
    "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
}
REQUEST = {"manifest": MANIFEST, "snapshot": {}}


def denies(body: Any, reason: str = "request_invalid") -> bool:
    verdict = body["verdict"]
    return bool((verdict["decision"], verdict["reason"]) == ("deny", f"runtime_error:{reason}"))


def raw(service: Service, request: bytes) -> bytes:
    parts = urlsplit(service.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(request)
        reply = b""
        while chunk := connection.recv(65_536):
            reply += chunk
    method, target, _ = (
        request.split(b"\r\n")[0].decode().split(" ") if b"HTTP" in request else ("-", "-", "")
    )
    assert check_replies(method, target, reply)
    return reply
