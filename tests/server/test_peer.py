"""Section 2.4: who connects to the Unix socket."""

import asyncio
import http.client
import json
import os
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.server.peer import peer_of
from tests.conftest import COMMAND, environment
from tests.described import checked_reply
from tests.server.test_tls import MANIFEST

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Ask]]:
    """A factory for a service on a Unix socket; gives a function that asks it."""
    processes: list[subprocess.Popen[bytes]] = []

    def serving(**settings: str) -> Ask:
        (tmp_path / "m.json").write_text(json.dumps(MANIFEST))
        path = tmp_path / f"acs{len(processes)}.sock"
        command = [str(COMMAND), "serve", "--uds", str(path), "--manifests", "m.json"]
        processes.append(
            subprocess.Popen(command, cwd=tmp_path, env=environment(**settings), stderr=subprocess.DEVNULL)
        )

        def ask(method: str, route: str, body: Any = None) -> tuple[int, Any]:
            headers = {"content-type": "application/json"}
            with socket.socket(socket.AF_UNIX) as opened:
                opened.connect(str(path))
                connection = http.client.HTTPConnection("localhost", timeout=10)
                connection.sock = opened
                connection.request(method, route, None if body is None else json.dumps(body), headers)
                status, _, reply = checked_reply(method, route, connection)
                return status, json.loads(reply)

        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                ask("GET", "/healthz")
            except OSError:
                time.sleep(0.05)
            else:
                return ask
        raise AssertionError("nobody answers on the socket")

    yield serving
    for process in processes:
        process.terminate()
        process.wait()


def test_only_the_users_that_are_listed_may_connect(serve: Callable[..., Ask]) -> None:
    """Another user is 403 and deny on every route."""
    assert (
        serve(ACS_UDS_ALLOWED_UIDS=f"1,{os.geteuid()}")("POST", "/v1/evaluate/input", {"snapshot": {}})[0]
        == 200
    )
    ask = serve(ACS_UDS_ALLOWED_UIDS=str(os.geteuid() + 1))
    status, body = ask("POST", "/v1/evaluate/input", {"snapshot": {}})
    assert (status, body["detail"]) == (403, "this user is not in ACS_UDS_ALLOWED_UIDS")
    assert body["verdict"]["decision"] == "deny"
    assert ask("GET", "/healthz")[0] == 403


def test_a_user_is_a_caller(serve: Callable[..., Ask], tmp_path: Path) -> None:
    """A user of the machine can be bound to scopes and agents, as others are by their tokens."""
    entry = {"uid": os.geteuid(), "scopes": ["evaluate"], "agents": ["support-*"]}
    (tmp_path / "callers.json").write_text(json.dumps({"callers": {"host": entry}}))
    ask = serve(ACS_AUTH_TOKENS_FILE="callers.json")
    snapshot = {"envelope": {"agent": {"id": "support-1"}}}
    assert ask("POST", "/v1/evaluate/input", {"snapshot": snapshot})[0] == 200
    assert ask("POST", "/v1/evaluate/input", {"snapshot": {}})[0] == 403
    assert ask("GET", "/v1/manifests")[0] == 403
    assert ask("GET", "/healthz")[0] == 200


def test_another_user_is_not_that_caller(serve: Callable[..., Ask], tmp_path: Path) -> None:
    """Who is not listed is asked for a credential."""
    entry = {"uid": os.geteuid() + 1, "scopes": ["evaluate"]}
    (tmp_path / "callers.json").write_text(json.dumps({"callers": {"host": entry}}))
    status, body = serve(ACS_AUTH_TOKENS_FILE="callers.json")("POST", "/v1/evaluate/input", {"snapshot": {}})
    assert (status, body["detail"]) == (
        401,
        "the connection's certificate or user does not identify a known caller",
    )


def test_users_have_numbers_without_a_sign() -> None:
    """A user from the upper half of the numbers is the one that an entry names, too."""

    class Connection:
        family = socket.AF_UNIX

        def getsockopt(self, *_: int) -> bytes:
            return struct.pack("iII", 7, 3_000_000_000, 0)

    class Transport(asyncio.Transport):
        def get_extra_info(self, name: str, default: Any = None) -> Any:
            return Connection() if name == "socket" else default

    peer = peer_of(Transport())
    assert peer is not None
    assert peer.names == ("uid:3000000000",)
