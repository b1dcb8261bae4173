"""Section 2.2: decisions answered directly and by ASGI treat a peer that is gone, does not read or ended its side alike."""

import json
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import Service, has_read, start_service
from tests.waiting import wait_for

TIMEOUT_S = 2
POINT = {"policy_target": "$", "policy": {"id": "p"}}
OPERATOR = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
    "intervention_points": {"input": POINT},
}
SLOW = {**OPERATOR, "policies": {"p": {"type": "test", "output": {"decision": "allow"}, "delay_ms": 400}}}
WAYS = {"directly": b"input", "by ASGI": b"%69nput"}
pytestmark = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with short deadlines that keeps a child for whoever brings a slow policy."""
    folder: Path = tmp_path_factory.mktemp("direct")
    (folder / "m.json").write_text(json.dumps(OPERATOR))
    service = start_service(
        folder, ACS_MANIFESTS="m.json", ACS_REQUEST_TIMEOUT_S=str(TIMEOUT_S), ACS_INLINE_MANIFESTS="sandboxed"
    )
    yield service
    service.stop()


def _connect(service: Service, receive_bytes: int = 0) -> socket.socket:
    parts = urlsplit(service.url)
    connection = socket.socket()
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(60)
    connection.connect((parts.hostname, parts.port))
    return connection


def _request(way: str, **members: object) -> bytes:
    body = json.dumps({"snapshot": {}, **members}).encode()
    head = b"POST /v1/evaluate/%b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return head % WAYS[way] + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _in_flight(service: Service) -> float:
    metrics = service.request("GET", "/metrics")[2].decode()
    (line,) = [line for line in metrics.splitlines() if line.startswith("acs_http_requests_in_flight ")]
    return float(line.split()[1])


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_decision_whose_peer_is_gone_ends_and_is_recorded(service: Service, way: str, reset: bool) -> None:
    """Nothing of it stays in flight, and the service answers the next one."""
    before = len(_allowed(service))
    request = _request(way, manifest=SLOW)
    connections = [_connect(service) for _ in range(3)]
    for connection in connections:
        connection.sendall(request)
        wait_for(lambda: has_read(connection))  # noqa: B023  # called before the next one
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    wait_for(lambda: len(_allowed(service)) == before + 3)
    wait_for(lambda: _in_flight(service) == 0)
    assert service.post("/v1/evaluate/input", {"snapshot": {}})[1]["verdict"]["decision"] == "allow"
    assert "error" not in {json.loads(line)["level"] for line in service.log().splitlines()}


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize("manifest", [OPERATOR, SLOW], ids=["at-once", "waits"])
def test_a_peer_that_ends_its_side_has_its_answers(
    service: Service, way: str, manifest: dict[str, object], others: int
) -> None:
    """Who sends requests and then ends its side reads every answer; the last one ends the connection."""
    request = _request(way, manifest=manifest)
    idle = [_connect(service) for _ in range(others)]
    with _connect(service) as connection:
        connection.sendall(request * 3)
        connection.shutdown(socket.SHUT_WR)
        answers = _rest(connection)
    for one in idle:
        one.close()
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == answers.count(b'"decision":"allow"') == 3


def test_a_body_that_ends_early_is_not_answered(service: Service, way: str) -> None:
    """A message of which the end is missing is no request: its connection ends without an answer."""
    before = _records(service)
    with _connect(service) as connection:
        connection.sendall(_request(way)[:-1])
        connection.shutdown(socket.SHUT_WR)
        assert _rest(connection) == b""
    wait_for(lambda: _in_flight(service) == 0)
    assert _records(service) == before > 0


def test_a_peer_that_does_not_read_is_closed(service: Service, way: str) -> None:
    """Answers that nobody takes are not made without end, and nothing of them stays in flight."""
    request = _request(way, include=["policy_input"], snapshot={"text": "x" * 200_000})
    begun = time.monotonic()
    with _connect(service, 4_096) as connection:
        connection.settimeout(1)
        sent = 0
        with suppress(ConnectionError, TimeoutError):
            for _ in range(200):
                connection.sendall(request)
                sent += 1
        assert sent < 200
        connection.settimeout(60)
        time.sleep(TIMEOUT_S + 2)
        received = 0
        with suppress(ConnectionError):
            while chunk := connection.recv(65_536):
                received += len(chunk)
    assert received < 200 * 200_000
    assert time.monotonic() - begun < 60
    wait_for(lambda: _in_flight(service) == 0)
    assert service.post("/v1/evaluate/input", {"snapshot": {}})[1]["verdict"]["decision"] == "allow"


def _rest(connection: socket.socket) -> bytes:
    received = b""
    while chunk := connection.recv(65_536):
        received += chunk
    return received


def _records(service: Service) -> float:
    metrics = service.request("GET", "/metrics")[2].decode()
    (line,) = [line for line in metrics.splitlines() if line.startswith("acs_audit_records_total ")]
    return float(line.split()[1])


def _allowed(service: Service) -> list[str]:
    records: list[str] = []
    while page := service.get(f"/v1/audit/records?limit=1000&start={len(records)}")[1]["records"]:
        records += page
    return [line for line in records if '"manifest_source":"inline"' in line and '"allow"' in line]
