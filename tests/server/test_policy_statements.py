"""What policies state besides verdicts, as a running service acts on it (sections 2.3, 3.1, 4.1)."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.command import run, start_refused
from tests.conftest import ROOT, Start
from tests.sandbox.sandboxes import install
from tests.waiting import wait_for

MESSAGE = "policies.main: requires the signed audit log: set ACS_AUDIT_DURABILITY to `write` or `fsync`"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The PYTHONPATH of a process that has the adapter `stating`."""
    folder = tmp_path / "installed"
    folder.mkdir()
    install(folder, monkeypatch, "stating", {"stating": "tests.engines.adapters.stating:STATING"})
    return f"{folder}:{ROOT}"


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """The folder of the operator's manifests."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    return folder


def manifest(**members: Any) -> dict[str, Any]:
    """A manifest with a policy that states what `members` say."""
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"main": {"type": "custom", "adapter": "stating", **members}},
        "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "main"}}},
    }


def test_a_policy_that_requires_the_audit_log_is_refused_where_none_is_kept(
    tmp_path: Path, manifests: Path, path: str
) -> None:
    """The service does not start, and its message names the policy and the setting; `validate` warns."""
    file = manifests / "agent.json"
    file.write_text(json.dumps(manifest(requires=["signed_audit"])))
    without = {"PYTHONPATH": path, "ACS_AUDIT_DURABILITY": "none"}

    assert MESSAGE in start_refused(tmp_path, "--manifests", str(manifests), **without)

    warned = run(tmp_path, "validate", str(file), "--format", "json", **without)
    (finding,) = json.loads(warned.stdout)[0]["diagnostics"]
    assert (warned.returncode, finding["code"], finding["severity"]) == (0, "audit-required", "warning")
    assert (
        json.loads(run(tmp_path, "validate", str(file), "--format", "json", PYTHONPATH=path).stdout)[0][
            "diagnostics"
        ]
        == []
    )


@pytest.mark.parametrize("trust", ["trusted", "sandboxed"])
def test_an_inline_manifest_that_requires_the_audit_log_is_denied_where_none_is_kept(
    start: Start, path: str, trust: str
) -> None:
    """A caller's manifest is held to the same requirement, in a child too."""
    given = {"ACS_INLINE_MANIFESTS": trust, "ACS_INLINE_ADAPTERS": "stating", "PYTHONPATH": path}
    service = start(ACS_AUDIT_DURABILITY="none", **given)
    body = {"snapshot": {}, "manifest": manifest(requires=["signed_audit"])}

    _, reply = service.post("/v1/evaluate/input", body)

    assert reply["verdict"]["reason"] == "runtime_error:manifest_invalid"
    assert "at `policies.main`: audit-required" in reply["detail"]
    assert service.post("/v1/evaluate/input", {**body, "manifest": manifest()})[1]["verdict"]["decision"] == (
        "allow"
    )


def test_counters_are_listed_with_their_windows(start: Start, manifests: Path, path: str) -> None:
    """A client learns from the service what to count."""
    counters = [["agt", "team/mail", "hour"], ["requests", "minute", "minute"]]
    (manifests / "agent.json").write_text(json.dumps(manifest(counters=counters)))
    service = start("--manifests", str(manifests), PYTHONPATH=path)

    assert service.get("/v1/manifests/agent")[1]["counters"] == [
        {"group": group, "name": name, "window": window} for group, name, window in counters
    ]


@pytest.mark.parametrize("trust", ["operator", "sandboxed"])
def test_notes_go_into_the_record_bounded(start: Start, manifests: Path, path: str, trust: str) -> None:
    """The record has who decided and which rules logged: at most 16, and no free text."""
    content = manifest(decided_by="house", logged=["rule-1", "a sentence of content", *["x"] * 20])
    body: dict[str, Any] = {"snapshot": {}}
    if trust == "operator":
        (manifests / "agent.json").write_text(json.dumps(content))
        service = start("--manifests", str(manifests), PYTHONPATH=path)
    else:
        given = {"ACS_INLINE_MANIFESTS": trust, "ACS_INLINE_ADAPTERS": "stating", "PYTHONPATH": path}
        service = start(**given)
        body["manifest"] = content
    _, reply = service.post("/v1/evaluate/input", body)
    assert reply["verdict"]["decision"] == "allow"
    _, kept = service.get(f"/v1/audit/records/{reply['audit']['index']}")
    record = json.loads(kept["record"])

    assert record["decided_by"] == "house"
    assert (record["logged"][0], record["logged"][1][:7], len(record["logged"])) == ("rule-1", "sha256:", 16)


def test_a_reload_to_an_older_revision_is_refused(start: Start, manifests: Path, path: str) -> None:
    """Version 2 goes on serving when version 1 is put back; the finding names the document."""
    file = manifests / "agent.json"
    file.write_text(json.dumps(manifest(revision=["ws", 2, "two"])))
    service = start("--manifests", str(manifests), PYTHONPATH=path)
    digest = service.get("/v1/manifests/agent")[1]["digest"]

    file.write_text(json.dumps(manifest(revision=["ws", 1, "one"])))
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "manifests_refused" in service.log())

    assert "`ws`: version 1 is older than version 2 that serves" in service.log()
    assert service.get("/v1/manifests/agent")[1]["digest"] == digest

    file.write_text(json.dumps(manifest(revision=["ws", 3, "three"])))
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "manifests_reloaded" in service.log())
    assert service.get("/v1/manifests/agent")[1]["digest"] != digest
