"""Section 10.9: a running service with two workers, through the life of a policy, under load."""

import contextlib
import http.client
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.command import run, start_refused
from tests.conftest import Service, Start, start_service
from tests.described import checked_reply
from tests.engines.adapters.workspace_policy import independent
from tests.engines.adapters.workspace_policy.keys import A, B, public_hex
from tests.engines.adapters.workspace_policy.vectors import DECISIONS, content, document
from tests.waiting import wait_for

pytestmark = pytest.mark.server

POINTS = ("agent_startup", "pre_model_call", "pre_tool_call", "output")
CALL = {"tool_call": {"name": "calculator", "args": {}}}


def manifest(**members: Any) -> str:
    """A manifest that binds the policy at each point."""
    policy = {
        "type": "custom",
        "adapter": "workspace_policy",
        "file": "policy.json",
        "trust_file": "policy-keys.yaml",
        "workspace": "ws_xyz789",
        **members,
    }
    bound = {"policy_target": "$snap", "policy": {"id": "workspace"}}
    return json.dumps(
        {
            "agent_control_specification_version": "0.3.1-beta",
            "policies": {"workspace": policy},
            "intervention_points": dict.fromkeys(POINTS, bound),
        }
    )


def trusting(**keys: Ed25519PrivateKey) -> bytes:
    """A file of trust."""
    return json.dumps(
        {"keys": {name: {"public_key": public_hex(key)} for name, key in keys.items()}}
    ).encode()


def version(number: int, key: Ed25519PrivateKey, name: str, status: str = "active", **more: Any) -> bytes:
    """A version of the second document, signed."""
    stated = document("active-2.json") | {"version": str(number), "status": status, **more}
    return json.dumps(independent.signed(stated, key, name)).encode()


class Agent(threading.Thread):
    """Calls a tool over one connection until it is stopped; keeps each answer that differs from the last."""

    def __init__(self, service: Service, stop: threading.Event) -> None:
        super().__init__()
        parts = urlsplit(service.url)
        assert parts.hostname
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        self._stopped = stop
        self.answers: list[str] = []
        self.count = 0
        self.faults: list[str] = []

    def run(self) -> None:
        """Ask until stopped; an error of any kind is a fault."""
        path, body = "/v1/evaluate/pre_tool_call", json.dumps({"snapshot": CALL, "manifest_ref": "agent"})
        with contextlib.closing(self._connection):
            while not self._stopped.is_set():
                try:
                    self._connection.request("POST", path, body, {"content-type": "application/json"})
                    _, _, reply = checked_reply("POST", path, self._connection)
                    answer = shown(json.loads(reply))
                except Exception as error:  # noqa: BLE001  # whatever it was, a request was lost
                    self.faults.append(repr(error))
                    return
                self.count += 1
                if not self.answers or self.answers[-1] != answer:
                    self.answers.append(answer)
                time.sleep(0.002)


def shown(answer: Any) -> str:
    """The version that answered, its decision, and its reason where it has one."""
    verdict = answer["verdict"]
    number = verdict["evidence"]["artefact"].split(":")[2]
    return " ".join(filter(None, (number, verdict["decision"], verdict.get("reason"))))


class Operator:
    """Whoever changes the files of a service, and reloads it."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service = service
        self.folder = folder

    def put(self, name: str, text: bytes) -> None:
        """Replace a file by rename."""
        new = self.folder / "agent" / f"{name}.new"
        new.write_bytes(text)
        new.rename(new.with_name(name))

    def reload(self, **files: bytes) -> str:
        """Replace files, reload, and return what became of it as readiness shows it."""
        for name, text in files.items():
            self.put({"policy": "policy.json", "trust": "policy-keys.yaml"}[name], text)
        before = self._ended()
        self.service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self._ended() > before)
        status, ready = self.service.get("/readyz")
        check = next(check for check in ready["checks"] if check["name"] == "manifests")
        assert status == 200
        return f"{check['state']}: {check['detail']}"

    def answers(self) -> set[str]:
        """What new connections are answered with; each worker is met, almost surely."""
        body = {"snapshot": CALL, "manifest_ref": "agent"}
        return {shown(self.service.post("/v1/evaluate/pre_tool_call", body)[1]) for _ in range(12)}

    def _ended(self) -> int:
        log = self.service.log()
        return log.count('"event":"manifests_reloaded"') + log.count('"event":"manifests_kept"')


def _write(folder: Path, **members: Any) -> None:
    (folder / "agent").mkdir(parents=True)
    (folder / "agent" / "manifest.json").write_text(manifest(**members))
    (folder / "agent" / "policy.json").write_bytes(content("active-2.json"))
    (folder / "agent" / "policy-keys.yaml").write_bytes(trusting(a=A))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """A service of two workers, which enforces version 2."""
    place = tmp_path_factory.mktemp("workspace")
    _write(place / "manifests")
    service = start_service(place, "--manifests", str(place / "manifests"), "--workers", "2")
    yield Operator(service, place / "manifests")
    service.stop()


def _records(place: Path) -> list[dict[str, Any]]:
    lines = [
        line
        for path in (place / "var" / "audit").rglob("records-*.jsonl")
        for line in path.read_text().splitlines()
    ]
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("case", DECISIONS, ids=lambda case: f"{case['point']} {case.get('reason', 'allow')}")
def test_a_decision_over_http(running: Operator, case: dict[str, Any]) -> None:
    """The seventeen decisions of the vectors, with the artefact as evidence."""
    body = {"snapshot": case["snapshot"], "manifest_ref": "agent"}
    _, answer = running.service.post(f"/v1/evaluate/{case['point']}", body)
    verdict = answer["verdict"]
    assert (verdict["decision"], verdict.get("reason")) == (case["decision"], case.get("reason"))
    assert verdict["evidence"] == {"artefact": "workspace-policy:policy_abc123:2:f4a6054c6d4f1d83"}


def test_a_policy_lives_and_ends_under_load(running: Operator) -> None:
    """Rollback, rotation, withdrawal of a key, revocation: no request is lost, none meets an older policy."""
    stop = threading.Event()
    agents = [Agent(running.service, stop) for _ in range(3)]
    for agent in agents:
        agent.start()
    try:
        _rollback(running)
        _rotation(running)
        _revocation(running)
        wait_for(lambda: all(agent.faults or agent.answers[-1:] == ["6 allow"] for agent in agents))
    finally:
        stop.set()
        for agent in agents:
            agent.join()
    expected = ["2 allow", "3 allow", "4 allow", "5 deny policy_revoked", "6 allow"]
    for agent in agents:
        assert agent.faults == []
        assert agent.answers == [each for each in expected if each in agent.answers]
        assert agent.count >= len(agent.answers) >= 2
    reloads = [
        record["details"]
        for record in _records(running.folder.parent)
        if record["event"] == "manifests_reloaded"
    ]
    reasons = {
        details["detail"].partition(" in ")[0] for details in reloads if details["outcome"] == "failed"
    }
    assert reasons == {
        *("policy-rollback", "policy-signature-invalid", "policy-key-untrusted", "policy-hash-mismatch"),
    }


def _rollback(running: Operator) -> None:
    """An older version, an edited one, and another content of the same version: version 2 serves on."""
    shown = running.reload(policy=content("active-1.json"))
    assert shown.startswith("warning: 1 loaded; ")
    assert shown.endswith(" failed: policy-rollback in agent; see the service log")
    assert "`ws_xyz789`: version 1 is older than version 2 that serves" in running.service.log()
    for policy, code in (
        (content("version-raised.json"), "policy-signature-invalid"),
        (content("content-changed.json"), "policy-hash-mismatch"),
        (version(2, A, "a", content={}), "policy-rollback"),
    ):
        assert code in running.reload(policy=policy)
        assert running.answers() == {"2 allow"}


def _rotation(running: Operator) -> None:
    """The next version by a new key; then the old key is withdrawn, and signs nothing more."""
    assert running.reload(policy=version(3, A, "a")) == "ok: 1 loaded"
    assert running.answers() == {"3 allow"}
    by_b = version(4, B, "b")
    assert "policy-key-untrusted" in running.reload(policy=by_b)
    assert running.reload(policy=by_b, trust=trusting(a=A, b=B)) == "ok: 1 loaded"
    assert running.reload(trust=trusting(b=B)) == "ok: 1 loaded"
    assert "policy-key-untrusted" in running.reload(policy=version(5, A, "a"))
    assert running.answers() == {"4 allow"}


def _revocation(running: Operator) -> None:
    """A revoked document denies everything, and nothing but a newer version ends that."""
    assert running.reload(policy=version(5, B, "b", "revoked")) == "ok: 1 loaded"
    assert running.answers() == {"5 deny policy_revoked"}
    for point in POINTS:
        _, answer = running.service.post(f"/v1/evaluate/{point}", {"snapshot": {}, "manifest_ref": "agent"})
        assert answer["verdict"]["reason"] == "policy_revoked"
    for policy in (version(4, B, "b"), version(5, B, "b")):
        assert "policy-rollback" in running.reload(policy=policy)
    assert running.answers() == {"5 deny policy_revoked"}
    assert running.reload(policy=version(6, B, "b")) == "ok: 1 loaded"
    assert running.answers() == {"6 allow"}


def test_the_signed_log_is_required(tmp_path: Path) -> None:
    """A service that keeps none does not start with such a policy; `validate` warns."""
    _write(tmp_path / "manifests")
    message = "policies.workspace: requires the signed audit log: set ACS_AUDIT_DURABILITY"
    assert message in start_refused(tmp_path, "--manifests", "manifests", ACS_AUDIT_DURABILITY="none")
    warned = run(tmp_path, "validate", "manifests", "--format", "json", ACS_AUDIT_DURABILITY="none")
    found = {finding["code"]: finding["severity"] for finding in json.loads(warned.stdout)[0]["diagnostics"]}
    assert found == dict.fromkeys(
        ("audit-required", "policy-point-idle", "policy-approval-unresolvable"), "warning"
    )
    assert warned.returncode == 0


def test_a_file_of_trust_stays_in_its_directory(start: Start, tmp_path: Path) -> None:
    """A link that leads out of the manifests' root is refused; one inside is followed."""
    _write(tmp_path / "manifests")
    keys = tmp_path / "manifests" / "agent" / "policy-keys.yaml"
    outside = tmp_path / "outside.yaml"
    outside.write_bytes(trusting(a=A, b=B))
    service = start("--manifests", str(tmp_path / "manifests"))
    operator = Operator(service, tmp_path / "manifests")

    keys.unlink()
    keys.symlink_to(outside)
    assert "source-unreadable" in operator.reload(policy=version(3, B, "b"))
    assert operator.answers() == {"2 allow"}

    inside = keys.with_name("generation-2.yaml")
    inside.write_bytes(trusting(a=A, b=B))
    keys.unlink()
    keys.symlink_to(inside)
    assert operator.reload() == "ok: 1 loaded"
    assert operator.answers() == {"3 allow"}
