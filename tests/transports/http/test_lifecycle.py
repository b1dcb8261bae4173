"""Sections 2.2, 2.6 and 3.1: starting, serving from an operator's manifests, stopping."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.command import start_refused
from tests.conftest import COMMAND, Start, environment
from tests.waiting import wait_for


def _manifest(output: Any, **policy: Any) -> str:
    return json.dumps(
        {
            "agent_control_specification_version": "0.3.1-beta",
            "policies": {"p": {"type": "test", "output": output} | policy},
            "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
        }
    )


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """A directory with two manifests, and a file that is not one."""
    folder = tmp_path / "manifests"
    (folder / "nested").mkdir(parents=True)
    (folder / "flat.json").write_text(_manifest({"decision": "allow"}))
    (folder / "nested" / "manifest.yaml").write_text(_manifest({"decision": "deny", "reason": "nested"}))
    (folder / "_base.yaml").write_text("not a manifest")
    (folder / "notes.txt").write_text("not a manifest")
    return folder


def test_loads_a_directory_by_name_and_digest(start: Start, manifests: Path) -> None:
    """Folders and files are loaded under their names, and a digest names a manifest too (3.1, 2.1)."""
    service = start("--manifests", str(manifests))
    listed = service.get("/v1/manifests")[1]["manifests"]
    assert [(item["name"], item["valid"], item["default"]) for item in listed] == [
        ("flat", True, False),
        ("nested", True, False),
    ]
    for reference in ("nested", listed[1]["digest"]):
        _, body = service.post("/v1/evaluate/input", {"snapshot": {}, "manifest_ref": reference})
        assert (body["verdict"]["reason"], body["manifest_digest"]) == ("nested", listed[1]["digest"])
    status, body = service.post("/v1/evaluate/input", {"snapshot": {}})
    assert (status, body["detail"]) == (
        400,
        "no default manifest is configured: set `manifest_ref` or `manifest`, "
        "or `?manifest_ref=<name>` at `/v1/intercept`",
    )


def test_shows_one_manifest_without_credentials(start: Start, manifests: Path) -> None:
    """The merged manifest is shown with its provenance, credentials redacted (2.3)."""
    text = json.loads(_manifest({"decision": "allow"}))
    text["annotators"] = {
        "a": {"type": "endpoint", "url": "http://127.0.0.1:1/", "headers": {"X-Key": "s3cret"}}
    }
    (manifests / "keyed.json").write_text(json.dumps(text))
    service = start("--manifests", str(manifests))
    status, shown = service.get("/v1/manifests/keyed")
    assert (status, shown["source"], shown["valid"], shown["points"]) == (200, "operator", True, ["input"])
    assert shown["manifest"]["annotators"]["a"]["headers"] == "[redacted]"
    assert "s3cret" not in json.dumps(shown)


def test_members_that_nothing_declares_are_not_shown(start: Start, manifests: Path) -> None:
    """Credentials by any other name, and the path of a webhook, do not leave the service (2.3)."""
    unknown = {"apiKey": "s3cret1", "accessToken": "s3cret2", "passwd": "s3cret3"}
    text = json.loads(_manifest({"decision": "allow"}))
    text["annotators"] = {"a": {"type": "endpoint", "url": "http://127.0.0.1:1/", **unknown}}
    text["approval"] = {
        "default_resolver": "w",
        "resolvers": {
            "w": {"type": "webhook", "url": "https://hooks.example/services/s3cret4?s3cret5", **unknown},
            "h": {"type": "host", **unknown},
        },
    }
    text["tools"] = {"t": {"clearance": "public", **unknown}}
    text["metadata"] = {"owner": "team", **unknown}
    (manifests / "keyed.json").write_text(json.dumps(text))
    service = start("--manifests", str(manifests))
    status, shown = service.get("/v1/manifests/keyed")
    assert (status, shown["valid"]) == (200, True)
    hidden = dict.fromkeys(unknown, "[redacted]")
    manifest = shown["manifest"]
    assert manifest["annotators"]["a"] == {"type": "endpoint", "url": "http://127.0.0.1:1/", **hidden}
    webhook = {"type": "webhook", "url": "https://hooks.example/[redacted]", **hidden}
    assert manifest["approval"]["resolvers"] == {"w": webhook, "h": {"type": "host", **hidden}}
    assert manifest["tools"]["t"] == {"clearance": "public", **hidden}
    assert manifest["metadata"] == {"owner": "team", **hidden}
    assert "s3cret" not in json.dumps(shown) + service.log()


def test_inline_is_refused_beside_an_operators_manifest(start: Start, manifests: Path) -> None:
    """The default is deny as soon as the operator has a manifest (2.5)."""
    service = start("--manifests", str(manifests))
    request = {"snapshot": {}, "manifest": json.loads(_manifest({"decision": "allow"}))}
    status, body = service.post("/v1/evaluate/input", request)
    assert (status, body["verdict"]["decision"]) == (403, "deny")
    status, body = service.post("/v1/manifests:validate", {"manifest": request["manifest"]})
    assert (status, "verdict" in body) == (403, False)


def test_the_default_manifest_serves_requests_that_name_none(start: Start, manifests: Path) -> None:
    """ACS_DEFAULT_MANIFEST names it."""
    service = start("--manifests", str(manifests), ACS_DEFAULT_MANIFEST="flat")
    assert service.post("/v1/evaluate/input", {"snapshot": {}})[1]["verdict"]["decision"] == "allow"


def test_a_digest_that_two_manifests_share_is_ambiguous(start: Start, manifests: Path) -> None:
    """A digest names a manifest only when one alone has it (2.1)."""
    (manifests / "copy.json").write_text((manifests / "flat.json").read_text())
    service = start("--manifests", str(manifests))
    digest = service.get("/v1/manifests/flat")[1]["digest"]
    status, body = service.post("/v1/evaluate/input", {"snapshot": {}, "manifest_ref": digest})
    assert (status, body["detail"]) == (
        404,
        "`manifest_ref` is the digest of several manifests: use a manifest name",
    )


def test_an_invalid_manifest_stops_the_start(tmp_path: Path, manifests: Path) -> None:
    """Its finding is printed with file, line, column and member (3.1)."""
    (manifests / "broken.yaml").write_text("agent_control_specification_version: 7\n")
    errors = start_refused(tmp_path, "--manifests", str(manifests))
    assert "broken.yaml:1:1: agent_control_specification_version: must be one of `0.3.0-alpha`, " in errors


def test_an_invalid_manifest_denies_when_the_start_is_not_strict(start: Start, manifests: Path) -> None:
    """The others serve, the bad one denies everything, and readiness warns (3.1)."""
    (manifests / "broken.yaml").write_text("agent_control_specification_version: 7\n")
    service = start("--manifests", str(manifests), ACS_MANIFESTS_STRICT="false")
    _, body = service.post("/v1/evaluate/input", {"snapshot": {}, "manifest_ref": "broken"})
    assert body["verdict"]["reason"] == "runtime_error:manifest_invalid"
    assert service.post("/v1/evaluate/input", {"snapshot": {}, "manifest_ref": "flat"})[0] == 200
    status, ready = service.get("/readyz")
    check = ready["checks"][0]
    assert (status, check["state"], check["detail"]) == (
        200,
        "warning",
        "invalid, requests are denied: broken",
    )


def test_nothing_valid_is_not_ready(start: Start, manifests: Path) -> None:
    """A service that can only deny says that it is not ready (2.3)."""
    for path in (manifests / "flat.json", manifests / "nested" / "manifest.yaml"):
        path.write_text("agent_control_specification_version: 7\n")
    service = start("--manifests", str(manifests), ACS_MANIFESTS_STRICT="false")
    assert service.get("/readyz")[0] == 503


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"ACS_DEFAULT_MANIFEST": "x"},
            "ACS_DEFAULT_MANIFEST `x` is not loaded: must be one of `flat`, `nested`",
        ),
        ({"ACS_HOST": "0.0.0.0"}, "ACS_HOST: `0.0.0.0` is not loopback and no authentication is configured"),
        ({"ACS_BOGUS": "1"}, "ACS_BOGUS: unknown setting; run `acs-sidecar config` to list all settings"),
        (
            {"ACS_INLINE_ADAPTERS": "x"},
            "adapter `x` is unknown; must be one of `agt_rules`, `combine`, `oags`, `rate_card`, `soul`, `workspace_policy`",
        ),
    ],
)
def test_settings_that_cannot_be_meant_stop_the_start(
    tmp_path: Path, manifests: Path, settings: dict[str, str], message: str
) -> None:
    """The service refuses to start and says why."""
    assert message in start_refused(tmp_path, "--manifests", str(manifests), **settings)


def test_two_manifests_of_one_name_stop_the_start(tmp_path: Path, manifests: Path) -> None:
    """A name that occurs twice is an error (3.1)."""
    (manifests / "nested.yaml").write_text(_manifest({"decision": "allow"}))
    assert "two manifests have the name `nested`: rename one" in start_refused(
        tmp_path, "--manifests", str(manifests)
    )


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """The start fails with the address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        errors = start_refused(tmp_path, "--port", str(port))
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use; stop what listens there" in errors


def test_sigterm_lets_requests_in_flight_finish(start: Start, tmp_path: Path) -> None:
    """What has begun is answered, and the exit is clean (2.6)."""
    file = tmp_path / "slow.json"
    file.write_text(_manifest({"decision": "allow"}, delay_ms=1_000))
    service = start("--manifests", str(file))
    with service.begun("/v1/evaluate/input", {"snapshot": {}}) as begun:
        assert service.stop() == 0
        assert begun.getresponse().status == 200


def test_a_second_sigterm_ends_at_once(start: Start, manifests: Path) -> None:
    """A connection that never ends its request does not hold the service up twice (2.6)."""
    service = start("--manifests", str(manifests))
    with service.unfinished():
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert service.process.poll() is None
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(timeout=10)


def test_a_dead_worker_is_replaced(start: Start, manifests: Path) -> None:
    """Several workers share the socket; a killed one comes back, and all stop together (2.6)."""
    service = start("--manifests", str(manifests), "--workers", "2")
    before = service.workers()
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    wait_for(lambda: len(set(service.workers()) - {before[0]}) == 2)
    for _ in range(20):
        status, _ = service.post("/v1/evaluate/input", {"snapshot": {}, "manifest_ref": "flat"})
        assert status == 200
    assert service.stop() == 0


def test_a_unix_socket_is_served_with_its_mode(tmp_path: Path, manifests: Path) -> None:
    """Bound by the service, mode 0600, and a stale one is replaced (2)."""
    path = tmp_path / "acs.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    command = [str(COMMAND), "serve", "--uds", str(path), "--manifests", str(manifests)]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            reply = _over(path, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert reply.startswith(b"HTTP/1.1 200 ")
            assert path.stat().st_mode & 0o777 == 0o600
        finally:
            process.terminate()


def _over(path: Path, request: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        wait_for(lambda: connection.connect_ex(str(path)) == 0)
        connection.sendall(request)
        reply = b""
        while chunk := connection.recv(65_536):
            reply += chunk
        return reply


def test_decisions_are_logged_without_content(start: Start, tmp_path: Path) -> None:
    """A decision event has codes and identities, and nothing of the snapshot or the message (5)."""
    file = tmp_path / "m.json"
    output = {"decision": "deny", "reason": "free text CANARY1", "message": "CANARY2"}
    file.write_text(_manifest(output))
    service = start("--manifests", str(file))
    service.post("/v1/evaluate/input", {"snapshot": {"CANARY3": "CANARY4"}, "request_id": "CANARY5"})
    service.post("/v1/evaluate/CANARY6", {"snapshot": {"a": "CANARY7"}})
    service.post("/v1/evaluate/input", {"snapshot": "CANARY8", "CANARY9": 1})
    service.stop()
    events = [json.loads(line) for line in service.log().splitlines() if '"decision"' in line]
    assert [(event["intervention_point"], event["reason_code"], event["decision"]) for event in events] == [
        ("input", "policy_reason", "deny"),
        ("unknown", "runtime_error:intervention_point_unknown", "deny"),
    ]
    assert "CANARY" not in service.log()
