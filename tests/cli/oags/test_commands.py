"""`acs-sidecar oags`: ids, documents, the harness and conformance (sections 9.1, 9.2, 9.6, 9.7)."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from acs_sidecar.cli.policies.oags.commands import oags
from acs_sidecar.cli.policies.oags.harness import MAX_LINE, answer_line
from acs_sidecar.cli.policies.oags.vectors import load_vectors
from tests.command import run
from tests.engines.adapters.oags.policies import ID

PROMPT = "You are a helpful assistant.\n"
DOCUMENT = """\
project: {sekuire_id: SEKUIRE_ID}
identity: {model: gpt-4o, system_prompt_path: prompt.md, tools_path: tools.json}
permissions:
  network: {allowed_hosts: [api.example.com]}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a document and its files, in which commands run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompt.md").write_text(PROMPT)
    (tmp_path / "tools.json").write_text("[]")
    (tmp_path / "sekuire.yml").write_text(DOCUMENT.replace("SEKUIRE_ID", ID))
    return tmp_path


def invoke(*arguments: str) -> Result:
    """Run a command of the group in this process."""
    return CliRunner().invoke(oags, arguments)


FILES = ("--model", "gpt-4o", "--prompt", "prompt.md", "--tools", "tools.json")


def test_an_id_of_files_and_of_a_document() -> None:
    """Both print the same three hashes."""
    hashes = json.loads(invoke("id", *FILES).stdout)
    assert hashes == json.loads(invoke("id", "sekuire.yml").stdout)
    assert (hashes["id"], hashes["prompt_hash"][:8], hashes["tools_hash"][:8]) == (ID, "b8c5de4f", "d53d18c2")
    table = invoke("id", "sekuire.yml", "--format", "table").stdout
    assert table.splitlines()[0] == f"id           {ID}"


def test_an_id_is_checked() -> None:
    """The right one exits 0, another 1, and what is none 2."""
    assert invoke("id", *FILES, "--check", ID).exit_code == 0
    assert invoke("id", *FILES, "--check", f"sekuire://blake3:{ID}").exit_code == 0
    other = invoke("id", *FILES, "--check", "0" * 64)
    assert (other.exit_code, other.stderr) == (1, f"error: the id is `{ID}`, not `{'0' * 64}`\n")
    none = invoke("id", *FILES, "--check", "abc")
    assert (none.exit_code, none.stderr) == (
        2,
        "error: --check: `abc` is not an id: 64 lower-case hex digits\n",
    )


def test_an_id_that_implementations_disagree_about_is_doubted(folder: Path) -> None:
    """The file is named on the error stream."""
    (folder / "prompt.md").write_text("\x85Be brief.")
    (folder / "tools.json").write_text("[1.5]")
    done = invoke("id", *FILES)
    assert done.exit_code == 0
    assert done.stderr.splitlines() == [
        "warning: prompt.md: the file begins or ends with U+0085, which not everyone trims [identity-ambiguous]",
        "warning: tools.json: the file holds a number that is not an integer, which not everyone writes alike "
        "[identity-ambiguous]",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a document, or all of --model, --prompt and --tools"),
        (("--model", "m"), "name a document, or all of --model, --prompt and --tools"),
        (
            ("sekuire.yml", "--model", "m"),
            "a document and --model, --prompt, --tools were given: give either",
        ),
        ((*FILES[:-1], "gone.json"), "gone.json: No such file or directory"),
        ((*FILES[:-1], "latin.json"), "latin.json: not UTF-8"),
        ((*FILES[:-1], "deep.json"), "deep.json: the tools nest deeper than 64 levels"),
        ((*FILES[:-1], "large.json"), "large.json: exceeds 1048576 bytes"),
        (
            ("bare.yml",),
            "bare.yml: has no id: `identity` must have `model`, `system_prompt_path` and `tools_path`",
        ),
        (("gone.yml",), "gone.yml cannot be read"),
    ],
)
def test_an_id_that_cannot_be_told(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    """The command exits 2 and says what is missing."""
    (folder / "latin.json").write_bytes(b"\xff")
    (folder / "deep.json").write_text("[" * 70 + "]" * 70)
    (folder / "large.json").write_text(" " * (1024 * 1024 + 1))
    (folder / "bare.yml").write_text("project: {name: x}\n")
    done = invoke("id", *arguments)
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (2, f"error: {message}")


def test_a_valid_document() -> None:
    """Text, JSON and SARIF say so, and the normal form is printed."""
    assert invoke("validate", "sekuire.yml", "--format", "text").stdout == "valid  sekuire.yml\n"
    assert json.loads(invoke("validate", "sekuire.yml").stdout) == []
    sarif = json.loads(invoke("validate", "sekuire.yml", "--format", "sarif").stdout)
    assert sarif["runs"][0]["results"] == []
    form = json.loads(invoke("validate", "sekuire.yml", "--normal").stdout)
    assert form == {
        "network": {
            "enabled": True,
            "require_tls": False,
            "allowed": ["api.example.com"],
            "blocked": [],
        },
        "models": {"allowed": ["gpt-4o"], "blocked": []},
        "identity": {
            "model": "gpt-4o",
            "system_prompt_path": "prompt.md",
            "tools_path": "tools.json",
            "sekuire_id": ID,
        },
    }


def test_an_invalid_document(folder: Path) -> None:
    """A misspelt member and a stale id have line and column in every format: exit 1."""
    text = DOCUMENT.replace("SEKUIRE_ID", "ab" * 32)
    (folder / "sekuire.yml").write_text(text)
    done = invoke("validate", "sekuire.yml", "--format", "text")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: sekuire.yml:1:11: project.sekuire_id: declares `abab")
    assert done.stderr.endswith("[identity-stale]\n")
    assert done.stdout == "invalid  sekuire.yml\n"
    (folder / "sekuire.yml").write_text(text.replace("allowed_hosts", "alowed_hosts"))
    [finding] = json.loads(invoke("validate", "sekuire.yml").stdout)
    assert (finding["code"], finding["line"], finding["column"]) == ("member-unknown", 4, 13)
    [result] = json.loads(invoke("validate", "sekuire.yml", "--format", "sarif").stdout)["runs"][0]["results"]
    assert result["ruleId"] == "member-unknown"
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 4, "startColumn": 13}
    shown = invoke("validate", "sekuire.yml", "--normal")
    assert (shown.exit_code, shown.stdout) == (1, "")


def test_a_document_that_is_not_yaml_or_not_there(folder: Path) -> None:
    """A text that does not parse is invalid, with its place; one that is not there exits 2."""
    (folder / "sekuire.yml").write_text("a: [\n")
    done = invoke("validate", "sekuire.yml")
    [finding] = json.loads(done.stdout)
    assert (done.exit_code, finding["code"], finding["line"]) == (1, "document-syntax", 2)
    gone = invoke("validate", "gone.yml")
    assert (gone.exit_code, gone.stderr.splitlines()[-1]) == (2, "error: gone.yml cannot be read")


@pytest.mark.server
def test_the_harness_answers_line_by_line(folder: Path) -> None:
    """All vectors and every faulty line are answered in order, one line each, and nothing else is printed."""
    vectors = load_vectors()
    faulty = ["", "x", "[]", "{}", '{"operation": "hash"}', '{"operation": "hash", "params": {}}', "1e999", "x" * (MAX_LINE + 1), '{"operation": "enforce_policy", "params": {"policy": [], "action": {"type": "tool_execution"}}}']  # fmt: skip
    lines = [*faulty, *(json.dumps(vector.request) for vector in vectors)]
    done = run(folder, "oags", "harness", given="\n".join(lines))
    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(lines)
    assert [one["error"] for one in answers[: len(faulty)]] == [
        "not JSON",
        "not JSON",
        "must be an object with `operation` and `params`",
        "`operation` must be one of `calculate_sekuire_id`, `hash`, `sign`, `verify`, `enforce_policy`",
        "`params` must be an object",
        "`input` must be a text",
        "not JSON",
        f"a line has at most {MAX_LINE} bytes",
        "policy: must be one mapping",
    ]
    for vector, answered in zip(vectors, answers[len(faulty) :], strict=True):
        if vector.expect.get("error"):
            assert answered.keys() == {"error"}
        else:
            assert (vector.id, answered) == (vector.id, vector.expect)


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"operation": "calculate_sekuire_id", "params": {"model": "m", "systemPrompt": "p"}}, "`tools` is missing"),
        ({"operation": "calculate_sekuire_id", "params": {"model": 5, "tools": []}}, "`model` must be a text"),
        ({"operation": "sign", "params": {"message": "m"}}, "`secretKey` must be a text"),
        ({"operation": "verify", "params": {"message": "m", "signature": "", "publicKey": None}}, "`publicKey` must be a text"),
        ({"operation": "enforce_policy", "params": {"policy": {}}}, "`action` must be an object whose `type` is one of"),
        ({"operation": "enforce_policy", "params": {"policy": {}, "action": {"type": ["api_call"]}}}, "`action` must be an object whose `type` is one of"),
        ({"operation": "enforce_policy", "params": {"policy": {}, "action": {"type": "filesystem_access", "path": "a", "resolved": "a", "resolved_path": "/etc"}}}, "`action` names both `resolved_path` and `resolved`: name one of them"),
        ({"operation": "enforce_policy", "params": {"policy": {}, "action": {"type": "filesystem_access", "path": "a", "resolvd_path": "/etc"}}}, "`action` has `resolvd_path`: unknown member, did you mean `resolved_path`?; must be one of `operation`, `path`, `resolved`, `resolved_path`, `type`"),
        ({"operation": "enforce_policy", "params": {"policy": {}, "action": {"type": "api_call", "service": "a", "domain": "b"}}}, "`action` has `domain`: unknown member; must be one of `service`, `type`"),
        ({"operation": ["hash"], "params": {}}, "`operation` must be one of"),
    ],
)  # fmt: skip
def test_a_request_without_a_result(params: Any, error: str) -> None:
    """The answer says what is missing."""
    assert json.loads(answer_line(json.dumps(params).encode()))["error"].startswith(error)


def test_deep_and_odd_requests_are_answered() -> None:
    """Depth, lone surrogates and types of any kind end nothing."""
    deep = b'{"operation": "enforce_policy", "params": {"action": {"type": "api_call"}, "policy": ' + b"[" * 900 + b"]" * 900 + b"}}"  # fmt: skip
    assert json.loads(answer_line(deep)) == {"error": "nested deeper than 64 levels"}
    assert json.loads(answer_line(b"[" * 3000)) == {"error": "not JSON"}
    assert json.loads(answer_line(b'"\xff"')) == {"error": "not JSON"}
    assert json.loads(answer_line(b'{"operation": "hash", "params": {"input": "\\ud800"}}')) == {
        "error": "not JSON"
    }


def test_conformance_of_this_implementation() -> None:
    """All vectors pass, in every profile and both formats."""
    done = invoke("conformance")
    counts = {"identity": (13, 0), "policy": (84, 0), "signing": (7, 0)}
    profiles = json.loads(done.stdout)["profiles"]
    assert {name: (one["passed"], one["failed"]) for name, one in profiles.items()} == counts
    assert done.exit_code == 0
    one = invoke("conformance", "--profile", "signing", "--format", "table")
    assert [line.split() for line in one.stdout.splitlines()] == [
        ["profile", "passed", "failed"],
        ["signing", "7", "0"],
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--level", "L1"), "--level, --key and --config need --manifest"),
        (("--manifest", "m.yaml", "--profile", "all"), "--manifest cannot be combined with --adapter or --profile: run them one after the other"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(arguments: tuple[str, ...], message: str) -> None:
    """The command exits 2."""
    done = invoke("conformance", *arguments)
    assert (done.exit_code, done.stderr) == (2, f"error: {message}\n")


@pytest.mark.server
def test_the_schema_is_checked_in(folder: Path) -> None:
    """`make schema` writes what the command prints."""
    from tests.conftest import ROOT

    assert (
        run(folder, "schema", "--kind", "oags").stdout == (ROOT / "openapi" / "oags.schema.json").read_text()
    )


def test_a_member_that_a_line_names_twice_is_an_error() -> None:
    """Of two block lists the harness would enforce the last alone."""
    line = b'{"operation": "hash", "params": {"input": "a"}, "params": {"input": "b"}}'
    assert answer_line(line) == b'{"error":"names a member twice"}'
