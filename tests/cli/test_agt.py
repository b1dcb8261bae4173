"""`acs-sidecar agt`: rule documents of the toolkit, checked and bound by a manifest (section 7.8)."""

import json
from pathlib import Path

import jsonschema
import pytest

from tests.command import run
from tests.conftest import ROOT

pytestmark = pytest.mark.server

SARIF = json.loads((ROOT / "tests" / "vectors" / "sarif-2.1.0-rtm.5.json").read_text())
TEAM = """apiVersion: governance.toolkit/v1
name: team
agents: ["*"]
rules:
  - {name: no-drop, condition: "tool == 'drop' AND environment == 'prod'", action: deny}
  - {name: ask, condition: tool == 'mail', action: require_approval, approvers: [security]}
"""
EARLIER = """name: earlier
rules:
  - {name: injected, condition: {field: user_input, operator: matches, value: "(?!a)b"}, action: deny}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of documents, with another file in it."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "team.yaml").write_text(TEAM)
    (tmp_path / "policies" / "values.yaml").write_text("replicas: 1\n")
    return tmp_path


@pytest.mark.parametrize("output", ["policies/team.yaml", "policies/../policies/team.yaml", "link.yaml"])
def test_a_document_is_never_replaced_by_its_manifest(folder: Path, output: str) -> None:
    """Not by another of its names either, and not with `--force`."""
    (folder / "link.yaml").symlink_to(folder / "policies" / "team.yaml")
    done = run(folder, "agt", "import", "policies", "--output", output, "--force")
    message = f"error: --output {output}: is a rule document that the manifest binds: choose another file\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)
    assert (folder / "policies" / "team.yaml").read_text() == TEAM


def test_a_folder_becomes_a_manifest(folder: Path) -> None:
    """The manifest is written where it is asked for, and is valid; the report has each rule."""
    done = run(folder, "agt", "import", "policies", "--output", "manifest.yaml")
    report = json.loads(done.stdout)
    assert (done.returncode, done.stderr, report["valid"]) == (0, "", True)
    assert report["manifest"] == (folder / "manifest.yaml").read_text()
    assert report["context"] == {"environment": "$snap.context.environment"}
    assert report["not_rule_documents"] == ["policies/values.yaml"]
    (document,) = report["documents"]
    assert (document["name"], document["path"], document["form"]) == ("team", "policies/team.yaml", "A")
    assert document["rules"][0] == {
        "name": "no-drop",
        "line": 5,
        "action": "deny",
        "intervention_point": "pre_tool_call",
        "enabled": True,
        "context": ["environment"],
        "differences": [
            {"kind": "misread_condition", "about": "`tool == 'drop'`"},
            {
                "kind": "undecided",
                "about": "`tool` (of another type only), `environment` (of another type only)",
            },
            {"kind": "unbound_name", "about": "`environment`"},
        ],
    }
    assert run(folder, "validate", "manifest.yaml", "--strict").returncode == 0
    again = run(folder, "agt", "import", "policies", "--output", "manifest.yaml")
    assert (again.returncode, again.stdout) == (2, "")
    assert "exists: choose another file, or replace it with --force" in again.stderr


def test_a_rule_about_the_tool_looks_it_up(tmp_path: Path) -> None:
    """The manifest names the tool, has a place for the tools, and is valid as it stands."""
    text = (
        "apiVersion: governance.toolkit/v1\nname: d\nrules:\n  - {name: r, condition: tool.risk == 'high'}\n"
    )
    (tmp_path / "d.yaml").write_text(text)
    done = run(tmp_path, "agt", "import", "d.yaml", "--output", "manifest.yaml")
    assert (done.returncode, json.loads(done.stdout)["valid"]) == (0, True)
    written = (tmp_path / "manifest.yaml").read_text()
    assert "    tool_name_from: $snap.tool_call.name\n" in written
    assert run(tmp_path, "validate", "manifest.yaml").returncode == 0


def test_a_manifest_says_what_the_action_is(tmp_path: Path) -> None:
    """A comment has the entry for hosts whose functions take the action as an argument, and it holds."""
    rule = "{name: no-drop, condition: action.type == 'drop', action: deny}"
    text = f"apiVersion: governance.toolkit/v1\nname: d\ndefault_action: allow\nrules:\n  - {rule}\n"
    (tmp_path / "d.yaml").write_text(text)
    assert run(tmp_path, "agt", "import", "d.yaml", "--output", "manifest.yaml").returncode == 0
    written = (tmp_path / "manifest.yaml").read_text()
    entry = "    # context: {action.type: $snap.tool_call.args.action}\n"
    assert entry in written
    (tmp_path / "bound.yaml").write_text(written.replace(entry, entry.replace("# ", "")))
    (tmp_path / "call.json").write_text('{"tool_call": {"name": "run", "args": {"action": "drop"}}}')
    for manifest, decision in (("manifest.yaml", "allow"), ("bound.yaml", "deny")):
        arguments = ("--manifest", manifest, "--point", "pre_tool_call", "--snapshot", "call.json")
        assert json.loads(run(tmp_path, "evaluate", *arguments).stdout)["verdict"]["decision"] == decision


def test_a_manifest_is_valid_whatever_its_names_are(tmp_path: Path) -> None:
    """Names and files that YAML reads as other values stand in quotes."""
    names = ("null", "NULL", "yes", "off", "e1", "_1")
    condition = " and ".join(f"{name} == 'x'" for name in names)
    text = f'apiVersion: governance.toolkit/v1\nname: d\nrules:\n  - {{name: r, condition: "{condition}"}}\n'
    (tmp_path / "null").write_text(text)
    done = run(tmp_path, "agt", "import", "null", "--output", "manifest.yaml")
    assert (done.returncode, list(json.loads(done.stdout)["context"])) == (0, list(names))
    assert run(tmp_path, "validate", "manifest.yaml").returncode == 0


def test_the_report_for_people_is_safe(folder: Path) -> None:
    """Without a file the manifest is printed and the report goes beside it, without control characters."""
    hostile = (
        TEAM.replace("no-drop", "no\\u202edrop")
        .replace("name: no", 'name: "no')
        .replace("drop, c", 'drop", c')
    )
    (folder / "policies" / "team.yaml").write_text(hostile)
    done = run(folder, "agt", "import", "policies", "--format", "table")
    assert done.returncode == 0
    assert done.stdout.startswith("agent_control_specification_version: 0.3.1-beta\n")
    assert "  no\\u202edrop: deny at pre_tool_call\n" in done.stderr
    assert "    misread_condition: the toolkit reads another condition: `tool == 'drop'`\n" in done.stderr
    assert "policies/values.yaml: no rule document, left out\n" in done.stderr
    assert "documents: 1, rules: 2, with differences: 2, errors: 0\n" in done.stderr


def test_what_has_no_name_is_shown_without_one(folder: Path) -> None:
    """A rule of another product, which has no condition either, is refused and no difference to the toolkit."""
    (folder / "policies" / "team.yaml").write_text("rules:\n  - {tool: run_shell, action: deny}\n")
    done = run(folder, "agt", "import", "policies/team.yaml", "--format", "table")
    assert done.returncode == 1
    assert done.stderr.splitlines()[:3] == [
        "(no name) (policies/team.yaml): 1 rules, conditions as text",
        "  (no name): deny at pre_tool_call",
        "documents: 1, rules: 1, with differences: 0, errors: 4",
    ]


def test_a_rule_that_must_be_corrected_is_named(folder: Path) -> None:
    """The manifest is written all the same, and the exit code says that it is not valid yet."""
    (folder / "policies" / "earlier.yaml").write_text(EARLIER)
    done = run(folder, "agt", "import", "policies", "--output", "manifest.yaml")
    errors = [
        (one["code"], one["source"], one["line"], one["message"])
        for one in json.loads(done.stdout)["diagnostics"]
        if one["severity"] == "error"
    ]
    assert done.returncode == 1
    assert errors == [
        (
            "agt-regex",
            "policies/earlier.yaml",
            3,
            "negative look-ahead `(?!…)` cannot be matched in linear time: write the rule without it",
        )
    ]
    assert (folder / "manifest.yaml").exists()


def test_lint_without_a_manifest(folder: Path) -> None:
    """A name that only a manifest can bind is a warning; SARIF places it."""
    done = run(folder, "agt", "lint", "policies", "--format", "sarif")
    log = json.loads(done.stdout)
    jsonschema.validate(log, SARIF)
    found = [
        (result["ruleId"], result["level"], result["locations"][0]["physicalLocation"]["region"]["startLine"])
        for result in log["runs"][0]["results"]
    ]
    assert (done.returncode, found) == (0, [("agt-name-unknown", "warning", 5)])


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (b"a: [", ["lint", "policies"], "document-syntax"),
        (b"\xff", ["import", "policies"], "is not UTF-8"),
        (b"a: 1", ["lint", "nowhere"], "nowhere: does not exist"),
    ],
)
def test_what_cannot_be_read(folder: Path, content: bytes, arguments: list[str], words: str) -> None:
    """The file is named, and the exit code says that nothing was checked."""
    (folder / "policies" / "values.yaml").write_bytes(content)
    done = run(folder, "agt", *arguments)
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr + done.stdout


@pytest.mark.parametrize("place", ["policies/values.yaml", "policies"])
@pytest.mark.parametrize("command", ["import", "lint"])
def test_a_manifest_is_told_from_a_rule_document(folder: Path, command: str, place: str) -> None:
    """Also where a folder has nothing else: the toolkit's examples are manifests by now."""
    (folder / "policies" / "team.yaml").unlink()
    (folder / "policies" / "values.yaml").write_text("agent_control_specification_version: 0.3.1-beta\n")
    done = run(folder, "agt", command, place)
    served = "is a manifest, which is served as it is: check it with `acs-sidecar validate`"
    message = f"error: policies/values.yaml: {served}\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


def test_no_document_of_a_folder_is_passed_over_in_silence(folder: Path) -> None:
    """A suffix in capitals is read, and a link to a folder is named; a link to nothing ends the command."""
    policies = folder / "policies"
    (policies / "OTHER.YAML").write_text(TEAM.replace("name: team", "name: other"))
    (folder / "shared").mkdir()
    (policies / "shared").symlink_to(folder / "shared")
    done = run(folder, "agt", "import", "policies")
    report = json.loads(done.stdout)
    assert [each["name"] for each in report["documents"]] == ["other", "team"]
    assert report["not_rule_documents"] == ["policies/shared", "policies/values.yaml"]
    shown = run(folder, "agt", "import", "policies", "--format", "table").stderr
    assert "policies/shared: a link to a folder, left out\n" in shown
    (policies / "z.yml").symlink_to("nowhere")
    done = run(folder, "agt", "import", "policies")
    message = "error: policies/z.yml: is no file that can be read: remove it, or name the documents\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)
