"""`acs-sidecar oags conformance --manifest`: levels, with evidence or what is missing (section 9.6)."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner, Result

from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.audit.log.directory import find_logs
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.cli.policies.manifest import manifest_files
from acs_sidecar.cli.policies.oags.commands import oags
from acs_sidecar.cli.policies.oags.level_rows import Level, LevelRow, reached
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.manifests.discovery import read_manifests
from acs_sidecar.manifests.loading import build_compiler, compile_manifest
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.points import InterventionPoint
from tests.audit.log.logs import KEY, OTHER_KEY, Work, decisions, settings, with_log
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example agent, and an audit key without a log."""
    for name in [name for name in os.environ if name.startswith("ACS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    key = tmp_path / "key.pem"
    key.write_bytes(KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    monkeypatch.setenv("ACS_AUDIT_DIR", str(tmp_path / "audit"))
    monkeypatch.setenv("ACS_AUDIT_KEY_FILE", str(key))
    shutil.copytree(ROOT / "manifests" / "oags-agent", tmp_path / "agent")
    return tmp_path / "agent"


def judged(*arguments: str) -> tuple[str | None, dict[str, tuple[bool, str]], Result]:
    """The level, the rows by what they ask for, and the result of the command."""
    done = CliRunner().invoke(oags, ["conformance", "--manifest", "agent", *arguments])
    report = json.loads(done.stdout)
    return report["level"], {row["asks"]: (row["met"], row["detail"]) for row in report["rows"]}, done


def changed(file: Path, old: str, new: str) -> None:
    """Replace a text that is there."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def digests_of(manifest: Path) -> tuple[str | None, str]:
    """The digests of a manifest, and of the policy that it binds to tool calls."""
    configured = settings_from(None).settings
    (read,) = read_manifests(configured, manifest_files([manifest]))
    compiled = compile_manifest(read, build_compiler(configured, HttpClient(), None))
    assert isinstance(compiled, CompiledManifest)
    return compiled.digest, compiled.points[InterventionPoint.PRE_TOOL_CALL].policy_digest


def calls(digests: tuple[str | None, str], mode: str = "enforce", point: str = "pre_tool_call") -> Work:
    """Append two decisions by the manifest and the policy with these digests."""
    manifest, policy = digests

    async def work(log: FileAuditLog) -> None:
        for number in range(2):
            entry = AuditEntry("allow", point, mode=mode, manifest_digest=manifest, policy_digest=policy)
            await log.append(replace(entry, agent_id=f"agent-{number}"))

    return work


SIGNED, RECEIPT = "signed records that verify locally", "a receipt that verifies offline"
IDENTITY = "the declared id is that of model, prompt and tools"
CONTRACTS = "every allowed tool has `actions`, and an entry with a schema in the file of tools"
RECORD = "a record of each decision"
EXPECTED = "    expected_id: 1ea3197c54c7fbc4a3ada6187112e773843edd64a123752233b768c996d9954e\n"


def test_without_a_log_the_example_has_level_2(tmp_path: Path) -> None:
    """What is missing of level 3 is named; L2 is asked for by default, and L3 is not reached."""
    level, rows, done = judged()
    assert (level, done.exit_code) == ("L2", 0)
    missing = f"no audit log exists at {tmp_path / 'audit'}: run the service, or set ACS_AUDIT_DIR"
    assert rows[SIGNED] == rows[RECEIPT] == (False, missing)
    assert judged("--level", "L3")[2].exit_code == 1


def test_with_a_log_of_its_decisions_it_has_level_3(tmp_path: Path) -> None:
    """The evidence is named: how many records verify and are its own, and the record of the receipt."""
    with_log(calls(digests_of(tmp_path / "agent")), settings(tmp_path / "audit"))
    level, rows, done = judged("--level", "L3")
    assert (level, done.exit_code) == ("L3", 0)
    origin = find_logs(tmp_path / "audit")[0].origin
    assert rows[SIGNED] == (True, "4 records of 1 logs verify, 2 of them decisions by this manifest")
    assert rows[RECEIPT] == (True, f"record 2 of {origin}")


@pytest.mark.parametrize(
    "kind", ["none", "another policy", "another manifest", "an older one", "another point", "not enforced"]
)
def test_a_log_of_anything_else_is_no_evidence(tmp_path: Path, kind: str) -> None:
    """It verifies, and shows nothing of this manifest: one of another agent, or of before its last change."""
    digests = digests_of(tmp_path / "agent")
    work = {
        "none": decisions(0),
        "another policy": decisions(2),
        "an older one": calls(digests),
        "another manifest": calls(("sha256:0", digests[1])),
        "another point": calls(digests, point="output"),
        "not enforced": calls(digests, mode="evaluate_only"),
    }[kind]
    with_log(work, settings(tmp_path / "audit"))
    if kind == "an older one":
        changed(tmp_path / "agent" / "manifest.yaml", "    root: /workspace", "    root: /elsewhere")
    level, rows, done = judged("--level", "L3")
    assert (level, done.exit_code) == ("L2", 1)
    count = 2 if kind == "none" else 4
    message = (
        f"{count} records of 1 logs verify, and none is a decision by this manifest: run the agent with it"
    )
    assert rows[SIGNED] == (False, message)
    assert rows[RECEIPT] == (False, "no decision by this manifest is recorded")


def test_an_invalid_manifest_has_no_evidence(tmp_path: Path) -> None:
    """No policy of it decides, whatever the log has."""
    with_log(calls(digests_of(tmp_path / "agent")), settings(tmp_path / "audit"))
    changed(
        tmp_path / "agent" / "manifest.yaml", "    root: /workspace", "    root: /workspace\n    mode: loud"
    )
    level, rows, _ = judged()
    assert level is None
    assert (rows[SIGNED][0], rows[RECEIPT][0]) == (False, False)


def test_a_log_that_does_not_verify_is_no_evidence(tmp_path: Path) -> None:
    """A changed record is named, and so is a log that another key signed."""
    with_log(calls(digests_of(tmp_path / "agent")), settings(tmp_path / "audit"))
    public = OTHER_KEY.verifier_key("acs")
    level, rows, _ = judged("--key", str(public))
    assert level == "L2"
    assert rows[RECEIPT] == (False, "the checkpoint is not signed by a trusted key")
    assert "checkpoint-signature" in rows[SIGNED][1]
    log = find_logs(tmp_path / "audit")[0]
    path = log.segments()[0][1]
    sound = path.read_bytes()
    path.write_bytes(sound.replace(b"agent-1", b"agent-9"))
    level, rows, _ = judged()
    assert level == "L2"
    assert rows[SIGNED][1].startswith(f"{log.origin}: checkpoint-root at index 2")
    assert not rows[RECEIPT][0]
    path.write_bytes(sound.replace(b"agent-0", b"agent-9"))
    level, rows, _ = judged()
    assert (level, rows[SIGNED][0], rows[RECEIPT][0]) == ("L2", False, False)
    path.write_bytes(sound[:-9])
    level, rows, _ = judged()
    assert (level, rows[SIGNED][0], rows[RECEIPT][0]) == ("L2", False, False)


def test_without_a_key_there_is_no_evidence(tmp_path: Path) -> None:
    """The file that is missing is named."""
    (tmp_path / "key.pem").unlink()
    level, rows, _ = judged()
    assert level == "L2"
    message = f"`{tmp_path / 'key.pem'}` cannot be read: No such file or directory: "
    message += "run the service, or set --key or ACS_AUDIT_KEY_FILE to the key of its log"
    assert rows[SIGNED] == rows[RECEIPT] == (False, message)


def test_without_a_record_there_is_no_level_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that keeps no log evaluates and proves nothing."""
    monkeypatch.setenv("ACS_AUDIT_DURABILITY", "none")
    level, rows, done = judged()
    assert (level, done.exit_code) == ("L1", 1)
    expected = (False, "set ACS_AUDIT_DURABILITY to `write` or `fsync`")
    assert rows[RECORD] == rows[SIGNED] == rows[RECEIPT] == expected
    assert judged("--level", "L1")[2].exit_code == 0


def test_the_settings_of_a_file_count(tmp_path: Path) -> None:
    """A service whose file of settings switches the log off records nothing."""
    (tmp_path / "acs.yaml").write_text("ACS_AUDIT_DURABILITY: none\n")
    level, rows, done = judged("--config", "acs.yaml")
    assert (level, done.exit_code) == ("L1", 1)
    assert rows[RECORD] == (False, "set ACS_AUDIT_DURABILITY to `write` or `fsync`")


@pytest.mark.parametrize(
    ("file", "old", "new", "member"),
    [
        ("sekuire.yml", "  sekuire_id: 1ea3", "  sekuire_id: 0ea3", "project.sekuire_id"),
        ("sekuire.yml", "  model: gpt-4o\n", f"  model: gpt-4o\n  system_prompt_hash: 0{'a' * 63}\n", "identity.system_prompt_hash"),
        ("sekuire.yml", "  model: gpt-4o\n", f"  model: gpt-4o\n  tools_hash: 0{'a' * 63}\n", "identity.tools_hash"),
        ("manifest.yaml", EXPECTED, f"    expected_id: 0{'a' * 63}\n", "expected_id"),
    ],
)  # fmt: skip
def test_nothing_that_is_declared_may_be_stale(
    agent: Path, file: str, old: str, new: str, member: str
) -> None:
    """`declared_id: ignore` lets a stale declaration serve, and an id that is expected hides none."""
    changed(
        agent / "manifest.yaml",
        "    root: /workspace",
        f"    root: /workspace\n    declared_id: ignore\n{EXPECTED}",
    )
    changed(agent / file, old, new)
    level, rows, _ = judged()
    met, detail = rows[IDENTITY]
    assert (level, met) == (None, False)
    assert detail.startswith(f"`{member}` declares `0")


@pytest.mark.parametrize(
    ("old", "new", "asks", "detail"),
    [
        ("    root: /workspace", "    root: /workspace\n    mode: warn", "every action at `pre_tool_call` is enforced", "policy `oags` has `mode: warn`"),
        ("policy: {id: oags}", "policy: {id: answers}", "a valid manifest and document", "no checked point binds a policy of `adapter: oags`"),
        ("    policy_target: $snap.model\n    policy: {id: oags}", "    policy_target: $snap.model\n    policy: {id: answers}", "every action at `pre_model_call` is enforced", "bind a policy of `adapter: oags`, alone or in a combination"),
        ("    policy_target: $snap.model\n    policy: {id: oags}", "    policy_target: $snap.model\n    policy: {id: oags, mode: warn}", "every action at `pre_model_call` is enforced", "policy `oags` has `mode: warn`"),
        ("    on_drift: escalate", "    on_drift: warn", "every action at `agent_startup` is enforced", "policy `oags` has `on_drift: warn`"),
        ("      think: []\n", "", CONTRACTS, "`think` has no `actions`"),
        ("    root: /workspace", "    root: /workspace\n    mode: loud", "a valid manifest and document", "agent/manifest.yaml:15:5: policies.oags.mode: must be one of `enforce`, `warn`"),
    ],
)  # fmt: skip
def test_what_a_manifest_lacks(agent: Path, old: str, new: str, asks: str, detail: str) -> None:
    """Each row says what to do."""
    changed(agent / "manifest.yaml", old, new)
    _, rows, done = judged()
    met, shown = rows[asks]
    assert (met, shown, done.exit_code) == (False, detail, 1)


@pytest.mark.parametrize(
    ("file", "old", "new", "asks", "detail"),
    [
        ("sekuire.yml", "  sekuire_id: ", "  former_id: ", IDENTITY, "declare `"),
        ("sekuire.yml", "  tools_path: tools.json\n", "", IDENTITY, "`identity` must have `model`, `system_prompt_path` and `tools_path`"),
        ("sekuire.yml", "allowed_tools: [search,", "allowed_tools: [browse, search,", CONTRACTS, "`browse` has no `actions`; `browse` has no entry in the file of tools"),
        ("sekuire.yml", "require_confirmation: [publish]", "require_confirmation: [\"pub*\", \"x*\"]", CONTRACTS, "`x*` has no `actions`; `x*` has no entry in the file of tools"),
        ("prompts/system.md", "Cite", "Quote", "a valid manifest and document", "agent/sekuire.yml:6:3: policies.oags.file.project.sekuire_id: declares"),
    ],
)  # fmt: skip
def test_what_a_document_lacks(agent: Path, file: str, old: str, new: str, asks: str, detail: str) -> None:
    """Each row says what to do."""
    changed(agent / file, old, new)
    _, rows, _ = judged()
    met, shown = rows[asks]
    assert not met
    assert shown.startswith(detail)


def test_a_file_of_tools_that_is_no_json_is_named_once(agent: Path) -> None:
    """Not each tool is missing then: the file is."""
    (agent / "tools.json").write_text("- name: search\n")
    changed(agent / "manifest.yaml", "    root: /workspace", "    root: /workspace\n    declared_id: ignore")
    _, rows, _ = judged()
    detail = "the file of tools is no list of tools in JSON: none is found in it"
    assert rows[CONTRACTS] == (False, detail)


def test_tools_without_a_schema_are_named(agent: Path) -> None:
    """An entry of the file of tools needs a schema."""
    tools = json.loads((agent / "tools.json").read_text())
    del tools[3]["parameters"]
    (agent / "tools.json").write_text(json.dumps(tools))
    changed(agent / "sekuire.yml", "  sekuire_id: ", "  former_id: ")
    assert judged()[1][CONTRACTS] == (False, "`think` has no schema in the file of tools")


def test_each_tool_that_a_star_allows_needs_actions(agent: Path) -> None:
    """One tool with `actions` is no evidence for the others that the same entry allows."""
    changed(agent / "manifest.yaml", "      think: []\n", "")
    changed(agent / "sekuire.yml", "allowed_tools: [search, fetch, save_note, think]", 'allowed_tools: ["*"]')
    assert judged()[1][CONTRACTS] == (False, "`think` has no `actions`")


def test_a_combination_counts(agent: Path) -> None:
    """The policy may stand in a combination."""
    changed(agent / "manifest.yaml", "policy: {id: oags}", "policy: {id: both}")
    changed(
        agent / "manifest.yaml",
        "  # What the specification has no word for",
        "  both: {type: custom, adapter: combine, policies: [answers, oags]}\n  # What the specification has no word for",
    )
    level, rows, _ = judged()
    assert level == "L2"
    assert rows["every action at `agent_startup` is enforced"] == (True, "policy `oags`")


def test_several_manifests_are_not_one(tmp_path: Path) -> None:
    """The command names them, and exits 2."""
    shutil.copytree(tmp_path / "agent", tmp_path / "agents" / "a")
    shutil.copytree(tmp_path / "agent", tmp_path / "agents" / "b")
    done = CliRunner().invoke(oags, ["conformance", "--manifest", "agents"])
    assert (done.exit_code, done.stderr) == (
        2,
        "error: no manifest.yaml in agents, only a, b: write one, or name one of them\n",
    )


def test_a_table_for_people() -> None:
    """One line a row, and the level."""
    done = CliRunner().invoke(oags, ["conformance", "--manifest", "agent", "--format", "table"])
    lines = done.stdout.splitlines()
    assert lines[0] == "L1  met      a valid manifest and document: policy `oags`"
    assert lines[-1] == "level: L2"
    assert len(lines) == 10


def test_a_level_needs_those_before_it() -> None:
    """A missing row of a level keeps all that follow."""
    rows = [LevelRow(level, "", True, "") for level in Level]
    assert reached(rows) is Level.L3
    assert reached([*rows, LevelRow(Level.L2, "", False, "")]) is Level.L1
    assert reached([*rows, LevelRow(Level.L1, "", False, "")]) is None
