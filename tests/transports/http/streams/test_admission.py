"""Section 6.9: who may stream, against which manifest, and what of a connection a stream needs."""

import hashlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import Service, start_service
from tests.decision.streams.streaming import STREAMS, first_line
from tests.transports.http.streams.streaming import exchanging, first_of, posted, text, write_manifest

END = b'{"end": true}'
TOKENS: dict[str, dict[str, Any]] = {
    "host": {"scopes": ["evaluate"]},
    "reader": {"scopes": ["audit:read"]},
    "other": {"scopes": ["evaluate"], "manifests": ["elsewhere"]},
    "alice": {"scopes": ["evaluate"], "agents": ["alice"], "inline": False},
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with callers, one manifest, and room for one compiled inline manifest."""
    folder: Path = tmp_path_factory.mktemp("admission")
    write_manifest(folder / "m.json")
    callers = {
        name: {"token_sha256": hashlib.sha256(name.encode()).hexdigest(), **members}
        for name, members in TOKENS.items()
    }
    (folder / "tokens.yaml").write_text(json.dumps({"callers": callers}))
    service = start_service(
        folder,
        "--manifests",
        "m.json",
        ACS_AUTH_TOKENS_FILE="tokens.yaml",
        ACS_INLINE_MANIFESTS="sandboxed",
        ACS_INLINE_CACHE="1",
    )
    yield service
    service.stop()


def _as(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {name}"}


@pytest.mark.parametrize(
    ("headers", "first", "status", "detail"),
    [
        ({}, first_of(), 401, "a credential is required: send `Authorization: Bearer <token>`"),
        (_as("nobody"), first_of(), 401, "unknown token"),
        (_as("reader"), first_of(), 403, "this caller lacks the scope `evaluate` for this route"),
        (_as("other"), first_of(), 403, "this caller is not allowed to use this manifest, or it is not loaded"),
        (_as("alice"), first_of(), 403, "this caller is not allowed to act for this agent (`snapshot.envelope.agent.id`)"),
        (_as("host"), first_of(manifest_ref="none"), 404, None),
    ],
)  # fmt: skip
def test_who_may_not_evaluate_may_not_stream(
    headers: dict[str, str], first: bytes, status: int, detail: str | None, service: Service
) -> None:
    """Callers, scopes, manifests and agents hold for streams as for every evaluation."""
    replied, (problem,) = posted(service, [first, END], headers)
    assert (replied, problem["verdict"]["decision"]) == (status, "deny")
    assert detail is None or problem["detail"] == detail


def test_the_caller_of_a_stream_is_in_its_records(service: Service) -> None:
    """A stream of a caller is opened, and its agent may not change in its text."""
    snapshot = {"envelope": {"agent": {"id": "alice"}}, "response": {"text": ""}}
    first = first_of(response={"snapshot": snapshot, "text": "$.envelope.agent.id"})
    status, answer = posted(service, [first, text("alice"), text("'s boss"), END], _as("alice"))
    assert status == 200
    assert [line["span"]["verdict"]["decision"] for line in answer if "span" in line] == ["allow", "deny"]
    assert answer[-1]["settled"]["kind"] == "denied"


def test_a_stream_outlives_the_cache_of_its_inline_manifest(service: Service) -> None:
    """A compiled manifest that others displace serves the streams that it was compiled for."""
    other = STREAMS["manifest"] | {"metadata": {"name": "other"}}
    headers = "Authorization: Bearer host\r\n"
    with exchanging(service, first_line({}), headers) as stream:
        assert stream.line()
        for round_ in range(3):
            other["metadata"] = {"round": round_}
            opening = json.dumps({"open": STREAMS["open"] | {"manifest": other}}).encode()
            assert posted(service, [opening, text("a"), END], _as("host"))[1][-1]["settled"]["clean"]
            stream.send(text("hello"))
            span, watermark = stream.line(), stream.line()
            assert span and watermark
            assert watermark["watermark"]["offset"] == 5 * (round_ + 1)
        stream.send(text("bomb"), END)
        assert [list(line) for line in stream.rest()] == [["span"], ["settled"]]


def test_a_stream_needs_http_1_1(service: Service) -> None:
    """An older client could not tell where the answer ends."""
    parts = urlsplit(service.url)
    body = first_of() + b"\n" + END + b"\n"
    head = (
        b"POST /v1/evaluate:stream HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer host\r\n"
        b"Content-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(head + body)
        reply = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b"a stream requires HTTP/1.1" in reply


def test_requests_behind_a_stream_are_answered(service: Service) -> None:
    """On a connection that stays open, the next request comes when the stream is settled."""
    parts = urlsplit(service.url)
    body = first_of() + b"\n" + text("hello") + b"\n" + END + b"\n"
    one = (
        b"POST /v1/evaluate:stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer host\r\n"
        b"Content-Type: application/x-ndjson\r\nContent-Length: %d\r\n%b\r\n"
    )
    last = one % (len(body), b"Connection: close\r\n") + body
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall((one % (len(body), b"") + body) * 2 + last)
        reply: Any = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert reply.count(b'{"settled":{"kind":"complete"') == 3
