"""Section 10.9: a running service with two workers, through the life of a policy, under load."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.command import run, start_refused
from tests.conftest import Service, Start, start_service
from tests.engines.adapters.reloading import Operator, Question
from tests.engines.adapters.workspace_policy import independent
from tests.engines.adapters.workspace_policy.keys import A, B, public_hex
from tests.engines.adapters.workspace_policy.vectors import DECISIONS, content, document

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


def shown(answer: Any) -> str:
    """The version that answered, its decision, and its reason where it has one."""
    verdict = answer["verdict"]
    number = verdict["evidence"]["artefact"].split(":")[2]
    return " ".join(filter(None, (number, verdict["decision"], verdict.get("reason"))))


def operator_of(service: Service, folder: Path) -> Operator:
    """Whoever changes the policy and its trust file."""
    names = {"policy": "policy.json", "trust": "policy-keys.yaml"}
    return Operator(service, folder, names, Question("pre_tool_call", CALL, shown))


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
    yield operator_of(service, place / "manifests")
    service.stop()


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
    with running.load(last="6 allow") as agents:
        _rollback(running)
        _rotation(running)
        _revocation(running)
    expected = ["2 allow", "3 allow", "4 allow", "5 deny policy_revoked", "6 allow"]
    for agent in agents:
        assert agent.faults == []
        assert agent.answers == [each for each in expected if each in agent.answers]
        assert agent.count >= len(agent.answers) >= 2
    assert running.refusals() == {
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
    operator = operator_of(service, tmp_path / "manifests")

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
