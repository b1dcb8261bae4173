"""Section 9.5: a running service with two workers, through the signers and versions of an agent, under load."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.engines.adapters.oags.identity.hashing import agent_identity
from acs_sidecar.engines.adapters.oags.identity.signing import sign
from tests.conftest import Service, start_service
from tests.engines.adapters.reloading import Operator, Question

pytestmark = [pytest.mark.server, pytest.mark.slow]

SECRETS = {"a": "01" * 32, "b": "02" * 32}
KEYS = {
    "a": "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
    "b": "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394",
}
PROMPT, NEXT_PROMPT = "Be brief.", "Be brief, and cite."
NAMES = {"manifest": "manifest.json", "document": "sekuire.json", "prompt": "prompt.md"}


def manifest(*signers: str, **members: Any) -> bytes:
    """A manifest that trusts these keys."""
    policy = {"type": "custom", "adapter": "oags", "file": "sekuire.json", "require_inputs": True}
    bound = {"policy_target": "$snap", "policy": {"id": "identity"}}
    return json.dumps(
        {
            "agent_control_specification_version": "0.3.1-beta",
            "policies": {
                "identity": {**policy, "signers": {name: KEYS[name] for name in signers}, **members}
            },
            "intervention_points": {"agent_startup": bound},
        }
    ).encode()


def document(prompt: str) -> bytes:
    """A document that declares the id of an agent with this prompt."""
    identity = {"model": "m-1", "system_prompt_path": "prompt.md", "tools_path": "tools.json"}
    project = {"sekuire_id": agent_identity("m-1", prompt, "[]").id}
    return json.dumps({"project": project, "identity": identity, "policy": {"tools": {}}}).encode()


def presented(prompt: str, signer: str) -> dict[str, Any]:
    """What an agent with this prompt presents at its start."""
    signature = sign(agent_identity("m-1", prompt, "[]").id, SECRETS[signer])
    identity = {"model": "m-1", "system_prompt": prompt, "tools": [], "signature": signature}
    return {"agent_init": {"identity": identity, "tools_registered": []}}


def shown(answer: Any) -> str:
    """The decision, and its reason where it has one."""
    verdict = answer["verdict"]
    return " ".join(filter(None, (verdict["decision"], verdict.get("reason"))))


def answer_to(service: Service, prompt: str, signer: str) -> str:
    """What an agent with this prompt is answered."""
    body = {"snapshot": presented(prompt, signer), "manifest_ref": "agent"}
    return shown(service.post("/v1/evaluate/agent_startup", body)[1])


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Operator]:
    """A service of two workers that expects the first prompt, signed by `a`, whom agents ask who present that."""
    folder = tmp_path / "manifests" / "agent"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(manifest("a"))
    (folder / "sekuire.json").write_bytes(document(PROMPT))
    (folder / "prompt.md").write_text(PROMPT)
    (folder / "tools.json").write_text("[]")
    service = start_service(tmp_path, "--manifests", str(folder.parent), "--workers", "2")
    yield Operator(service, folder.parent, NAMES, Question("agent_startup", presented(PROMPT, "a"), shown))
    service.stop()


def test_signers_and_versions_of_an_agent_change_under_load(running: Operator) -> None:
    """Rotation, withdrawal, a stale id, a new version and the old one again: each answer is that of one of them."""
    with running.load(last="allow") as agents:
        _rotation(running)
        _versions(running)
        assert running.reload(manifest=manifest("a", "b")) == "ok: 1 loaded"
    expected = ["allow", "deny identity.signature_invalid", "deny identity.drift"]
    for agent in agents:
        assert agent.faults == []
        assert agent.answers[0] == agent.answers[-1] == "allow"
        assert [each for each in expected if each in agent.answers] == agent.answers[:3]
        assert agent.count > len(agent.answers)
    assert running.refusals() == {"value-not-allowed", "identity-stale"}


def _rotation(running: Operator) -> None:
    """A key that is none is refused; with the second key both sign, and without the first it signs no more."""
    weak = manifest("a", signers={"a": "00" * 32})
    assert running.reload(manifest=weak).startswith("warning: 1 loaded; ")
    assert running.answers() == {"allow"}
    assert answer_to(running.service, PROMPT, "b") == "deny identity.signature_invalid"
    assert running.reload(manifest=manifest("a", "b")) == "ok: 1 loaded"
    assert running.answers() == {"allow"}
    assert answer_to(running.service, PROMPT, "b") == "allow"
    assert running.reload(manifest=manifest("b")) == "ok: 1 loaded"
    assert running.answers() == {"deny identity.signature_invalid"}
    assert answer_to(running.service, PROMPT, "b") == "allow"


def _versions(running: Operator) -> None:
    """A prompt that nobody declared is refused; once declared, the agent of before has drifted, until it is back."""
    assert "identity-stale" in running.reload(prompt=NEXT_PROMPT.encode())
    assert answer_to(running.service, PROMPT, "b") == "allow"
    assert running.reload(document=document(NEXT_PROMPT)) == "ok: 1 loaded"
    assert running.answers() == {"deny identity.drift"}
    assert answer_to(running.service, PROMPT, "b") == "deny identity.drift"
    assert answer_to(running.service, NEXT_PROMPT, "b") == "allow"
    assert "identity-stale" in running.reload(document=document(PROMPT))
    assert answer_to(running.service, NEXT_PROMPT, "b") == "allow"
    assert running.reload(prompt=PROMPT.encode()) == "ok: 1 loaded"
    assert running.answers() == {"deny identity.signature_invalid"}
