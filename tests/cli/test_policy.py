"""`acs-sidecar policy`: the life of a document (sections 10.5, 10.7)."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from acs_sidecar.cli.policies.workspace.commands import policy
from tests.engines.adapters.workspace_policy import independent
from tests.engines.adapters.workspace_policy.keys import A_ID, TRUST_FILE, A, B, M, pem, public_hex
from tests.engines.adapters.workspace_policy.vectors import VERIFICATIONS, Verified, content, document

AGENT = {
    "agent_init": {
        "tools_registered": ["calculator"],
        "model": {"name": "gpt-4o", "vendor": "openai"},
        "compliance": {"frameworks": ["soc2"]},
        "region": "eu-west-1",
    }
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with keys, a file of trust and the second document, in which commands run."""
    monkeypatch.chdir(tmp_path)
    for name, key in (("a", A), ("b", B), ("m", M)):
        (tmp_path / f"{name}.pem").write_bytes(pem(key))
    (tmp_path / "keys.yaml").write_text(TRUST_FILE)
    (tmp_path / "policy.json").write_bytes(content("active-2.json"))
    (tmp_path / "agent.json").write_text(json.dumps(AGENT))
    return tmp_path


def invoke(*arguments: str) -> Result:
    """Run a command of the group in this process."""
    return CliRunner().invoke(policy, arguments)


def read(name: str) -> dict[str, Any]:
    """A document that a command has written; another program verifies it by key A."""
    found: dict[str, Any] = json.loads(Path(name).read_text())
    if "signature" in found:
        independent.verify(found, bytes.fromhex(public_hex(A)))
    return found


def test_a_policy_from_draft_to_revocation(folder: Path) -> None:
    """Each step of a life, as documents that another program verifies."""
    create = ("create", "--workspace", "ws_1", "--policy-id", "p")
    assert invoke(*create, "--out", "one.json").stdout.startswith("created  one.json  version 1  ")
    draft = read("one.json")
    assert (draft["status"], draft["version"], draft["content"]["agent"]["capabilities"]) == (
        "draft",
        "1",
        {"allowed_tools": [], "denied_tools": [], "require_tool_approval": False},
    )
    assert json.loads(invoke(*create).stdout) == draft
    draft["content"]["agent"]["capabilities"]["denied_tools"] = ["rm"]
    (folder / "one.json").write_text(json.dumps(draft))
    assert invoke("sign", "one.json", "--key", "a.pem").exit_code == 0
    signed = read("one.json")
    assert (signed["status"], signed["signing_key_id"]) == ("draft", A_ID)

    assert invoke("activate", "one.json", "--key", "a.pem").exit_code == 0
    first = read("one.json")
    assert (first["status"], first["hash"]) == ("active", signed["hash"])
    assert MOMENT.fullmatch(first["activated_at"])

    invoke(*create, "--version", "2", "--out", "two.json")
    done = invoke("activate", "two.json", "--key", "a.pem", "--supersedes", "one.json")
    assert [line.split("  ")[:2] for line in done.stdout.splitlines()] == [
        ["superseded", "one.json"],
        ["activated", "two.json"],
    ]
    old, second = read("one.json"), read("two.json")
    assert (old["status"], old["version"], second["supersedes"]) == ("superseded", "1", old["hash"])
    assert MOMENT.fullmatch(old["updated_at"])

    assert invoke("revoke", "two.json", "--key", "a.pem").exit_code == 0
    last = read("two.json")
    assert (last["status"], last["version"], last["hash"]) == ("revoked", "3", second["hash"])
    invoke(*create, "--version", "4", "--out", "four.json")
    assert invoke("activate", "four.json", "--key", "a.pem", "--supersedes", "two.json").exit_code == 0
    assert read("two.json") == last
    assert sorted(path.name for path in folder.glob(".*")) == []


@pytest.mark.parametrize("file", ["active-1.json", "active-2.json", "draft.json", "revoked-3.json"])
def test_signing_gives_the_signatures_of_the_vectors(folder: Path, file: str) -> None:
    """Byte for byte, by the same key, whatever the hash and the signature were."""
    (folder / file).write_text(json.dumps(document(file) | {"hash": "0" * 64, "signature": "0" * 128}))
    assert invoke("sign", file, "--key", "a.pem").exit_code == 0
    assert read(file) == document(file)


def test_a_document_of_the_original_is_signed(folder: Path) -> None:
    """It becomes one whose every member is bound; the key that travelled with it goes."""
    (folder / "policy.json").write_bytes(content("legacy.json"))
    assert invoke("validate", "policy.json", "--trust", "keys.yaml").exit_code == 1
    invoke("sign", "policy.json", "--key", "a.pem")
    assert "signing_public_key" not in read("policy.json")
    assert invoke("validate", "policy.json", "--trust", "keys.yaml").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("create", "--workspace", "a b", "--policy-id", "p"), 2, "--workspace: must be 1 to 128 characters"),
        (("create", "--workspace", "a", "--policy-id", "p", "--version", "01"), 2, "--version: must be a text of a decimal"),
        (("create", "--workspace", "a", "--policy-id", "p", "--out", "policy.json"), 2, "policy.json: exists and is never overwritten"),
        (("create", "--workspace", "a", "--policy-id", "p", "--out", "no/x.json"), 2, "no/x.json: No such file or directory"),
        (("sign", "none.json", "--key", "a.pem"), 2, "none.json: No such file or directory"),
        (("sign", ".", "--key", "a.pem"), 2, ".: is a directory: name a file"),
        (("sign", "keys.yaml", "--key", "a.pem"), 1, "keys.yaml: is not a workspace policy"),
        (("sign", "policy.json", "--key", "keys.yaml"), 2, "`keys.yaml` is not an unencrypted PKCS#8 PEM private key"),
        (("activate", "policy.json", "--key", "a.pem"), 1, "is `active`, and only a draft is activated: `acs-sidecar policy sign` signs it anew"),
        (("activate", "revoked.json", "--key", "a.pem"), 1, "is `revoked`, and only a draft is activated: create the next version"),
        (("activate", "draft.json", "--key", "a.pem", "--supersedes", "policy.json"), 1, "version 1 does not rise over version 2"),
        (("activate", "draft-3.json", "--key", "a.pem", "--supersedes", "draft.json"), 1, "the policy before is a draft, which nothing supersedes"),
        (("activate", "draft-3.json", "--key", "a.pem", "--supersedes", "other.json"), 1, "its `workspace_id` is not that of the policy before"),
        (("activate", "draft-3.json", "--key", "a.pem", "--supersedes", "changed.json"), 1, "the `hash` of the policy before is not that of its content"),
        (("revoke", "draft.json", "--key", "a.pem"), 1, "is `draft`: there is nothing to revoke"),
        (("revoke", "revoked.json", "--key", "a.pem"), 1, "is `revoked`: there is nothing to revoke"),
        (("revoke", "changed.json", "--key", "a.pem"), 1, "its `hash` is not that of its content"),
        (("revoke", "last.json", "--key", "a.pem"), 1, "has the highest version that there is"),
    ],
)  # fmt: skip
def test_a_step_that_cannot_be_taken(folder: Path, arguments: tuple[str, ...], code: int, error: str) -> None:
    """It says why, and every file stays as it was."""
    second = document("active-2.json")
    texts = {
        "draft.json": document("draft.json"),
        "draft-3.json": document("draft.json") | {"version": "3"},
        "revoked.json": document("revoked-3.json"),
        "other.json": second | {"workspace_id": "other"},
        "changed.json": document("content-changed.json"),
        "last.json": second | {"version": "9" * 18},
    }
    for name, value in texts.items():
        (folder / name).write_text(json.dumps(value))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = invoke(*arguments)
    assert (done.exit_code, error in done.stderr) == (code, True), done.stderr
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_file_is_replaced_whole_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its permissions stay, a link becomes the file, and a full disk leaves the old document."""
    policy_file = folder / "policy.json"
    policy_file.chmod(0o600)
    invoke("sign", "policy.json", "--key", "a.pem")
    assert policy_file.stat().st_mode & 0o777 == 0o600
    target = folder / "target.json"
    policy_file.rename(target)
    policy_file.symlink_to(target)
    kept = target.read_bytes()
    assert invoke("revoke", "policy.json", "--key", "a.pem").exit_code == 0
    assert (policy_file.is_symlink(), target.read_bytes()) == (False, kept)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = invoke("sign", "policy.json", "--key", "a.pem")
    assert (done.exit_code, done.stderr) == (2, "error: policy.json: No space left on device\n")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("vector", VERIFICATIONS, ids=lambda vector: f"{vector.file} {vector.result}")
def test_a_vector_is_validated(folder: Path, vector: Verified) -> None:
    """Each file of the vectors gives its result, and the steps up to it."""
    (folder / "policy.json").write_bytes(content(vector.file))
    options = {"workspace": "--workspace", "min_version": "--min-version", "content_hash": "--hash"}
    given = [part for name, value in vector.members.items() for part in (options[name], str(value))]
    done = invoke("validate", "policy.json", "--trust", "keys.yaml", *given, "--format", "json")
    found = json.loads(done.stdout)
    accepted = vector.result.startswith(("ok", "deny-all"))
    assert (done.exit_code, found["valid"]) == (0 if accepted else 1, accepted)
    if not accepted:
        assert [each["code"] for each in found["diagnostics"]] == [vector.result]
        assert all(each["line"] for each in found["diagnostics"])
        results = [*found["steps"].values()]
        failed = results.index("failed")
        assert set(results[:failed]) <= {"ok", "not checked"}
        assert set(results[failed + 1 :]) <= {"not reached"}


VALIDATE = ("validate", "policy.json", "--trust", "keys.yaml", "--workspace", "ws_xyz789", "--format", "text")


def test_each_step_is_a_line() -> None:
    """What was checked, and what was not checked for."""
    done = invoke(*VALIDATE)
    assert done.stdout.splitlines() == [
        *("form       ok", "hash       ok", "signed     ok", "scheme     ok", "key        ok"),
        *("signature  ok", "workspace  ok", "version    not checked", "status     ok"),
    ]
    assert done.stderr == ""


def test_a_withdrawn_policy_is_valid_and_says_what_it_does(folder: Path) -> None:
    """It verifies, and no agent starts under it."""
    (folder / "policy.json").write_bytes(content("revoked-3.json"))
    done = invoke(*VALIDATE, "--agent", "agent.json")
    assert done.stdout.splitlines()[-2:] == [
        "the policy is revoked: it denies everything",
        "agent      deny policy_revoked",
    ]
    assert done.exit_code == 1
    assert invoke(*VALIDATE).exit_code == 0


@pytest.mark.parametrize(
    ("members", "code", "line"),
    [
        ({}, 0, "agent      allow"),
        ({"region": "us"}, 0, "agent      warn data_residency_mismatch"),
        ({"tools_registered": ["shell_exec"]}, 1, "agent      deny tool_denied"),
        (
            {"tools_registered": 1},
            1,
            "agent      deny runtime_error:policy_invocation_failed: `$snap.agent_init.tools_registered` is not a list of texts",
        ),
    ],
)
def test_an_agent_is_held_against_a_policy(
    folder: Path, members: dict[str, Any], code: int, line: str
) -> None:
    """By the evaluator of the service."""
    (folder / "agent.json").write_text(json.dumps({"agent_init": AGENT["agent_init"] | members}))
    done = invoke(*VALIDATE, "--agent", "agent.json")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (code, line)


def test_findings_are_sarif(folder: Path) -> None:
    """With rule, file, line and column."""
    (folder / "policy.json").write_bytes(content("member-unknown.json"))
    done = invoke(*VALIDATE[:-1], "sarif")
    (result,) = json.loads(done.stdout)["runs"][0]["results"]
    assert result["ruleId"] == "member-unknown"
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "policy.json"},
        "region": {"startLine": 31, "startColumn": 5},
    }
    assert done.exit_code == 1


def test_the_name_of_a_file_need_not_be_utf8(folder: Path) -> None:
    """JSON and SARIF hold findings about it."""
    name = os.fsdecode(b"\xff.json")
    (folder / name).write_bytes(content("member-unknown.json"))
    options = ("validate", name, "--trust", "keys.yaml", "--format")
    (finding,) = json.loads(invoke(*options, "json").stdout)["diagnostics"]
    assert (finding["code"], finding["source"]) == ("member-unknown", name)
    (result,) = json.loads(invoke(*options, "sarif").stdout)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "%FF.json"}


@pytest.mark.parametrize(
    ("files", "more", "error"),
    [
        ({}, ("--trust", "none.yaml"), "error: none.yaml: No such file or directory"),
        ({"keys.yaml": "keys: {a: {}}"}, (), "error: keys.yaml: is not a file of trusted keys"),
        ({"agent.json": "[]"}, ("--agent", "agent.json"), "error: --agent agent.json: is not a JSON object without duplicate members"),
        ({"agent.json": '{"a": 1, "a": 2}'}, ("--agent", "agent.json"), "error: --agent agent.json: is not a JSON object without duplicate members"),
        ({"agent.json": "\udcff"}, ("--agent", "agent.json"), "error: --agent agent.json: is not a JSON object without duplicate members"),
        ({}, ("--hash", "0" * 63), f"error: --hash: `{'0' * 63}` is not 64 lower-case hex digits"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(folder: Path, files: dict[str, str], more: tuple[str, ...], error: str) -> None:
    """Exits 2 and names it."""
    for name, text in files.items():
        (folder / name).write_bytes(text.encode(errors="surrogateescape"))
    done = invoke(*VALIDATE, *more)
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (2, error)


def test_a_policy_is_shown() -> None:
    """All that it says, and that nobody has verified it."""
    done = invoke("show", "policy.json", "--format", "table")
    assert done.stdout.splitlines() == [
        "policy                 policy_abc123",
        "workspace              ws_xyz789",
        "version                2",
        "status                 active",
        "hash                   f4a6054c6d4f1d83dea92f2b7776a7231a73e8353b6a54999153ec4bba5a8d96",
        f"key                    {A_ID}",
        "verified               not verified",
        "allowed providers      openai, anthropic",
        "allowed models         gpt-4o, claude-*",
        "denied models          gpt-4o-mini",
        "allowed tools          calculator, web_search, send_mail",
        "denied tools           file_write, shell_*",
        "tools to approve       send_mail",
        "frameworks             soc2",
        "signed audit log       required",
        "data residency         eu",
    ]
    assert done.exit_code == 0


def test_a_policy_is_shown_with_who_signed(folder: Path) -> None:
    """With a file of trust, one that does not verify exits 1 and says so."""
    shown = json.loads(invoke("show", "policy.json", "--trust", "keys.yaml").stdout)
    assert shown["verified"] == f"by the trusted key {A_ID}"
    (folder / "policy.json").write_bytes(content("version-raised.json"))
    done = invoke("show", "policy.json", "--trust", "keys.yaml")
    assert (done.exit_code, json.loads(done.stdout)["verified"]) == (1, "not verified")
    assert "[policy-signature-invalid]" in done.stderr


def test_of_a_document_of_the_original_the_content_alone_is_verified(folder: Path) -> None:
    """Whoever edits its workspace, version or status leaves its signature valid: it is not verified as a whole."""
    edited = document("legacy.json") | {"workspace_id": "ws_other", "version": "99"}
    (folder / "policy.json").write_text(json.dumps(edited))
    done = invoke("show", "policy.json", "--trust", "keys.yaml")
    shown = json.loads(done.stdout)["verified"]
    assert (done.exit_code, shown) == (1, "the content alone, by the trusted key " + A_ID)
    assert "[policy-legacy]" in done.stderr
