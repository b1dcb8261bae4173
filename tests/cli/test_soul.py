"""`acs-sidecar soul`: scans, controls, templates, lint and digests (sections 11.6, 11.8)."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from acs_sidecar.cli.policies.soul.commands import soul
from acs_sidecar.engines.adapters.soul.controls import Tier
from acs_sidecar.engines.adapters.soul.detection.rules import rule_book
from acs_sidecar.engines.adapters.soul.files import GOVERNANCE_FILES
from acs_sidecar.engines.adapters.soul.report import NOTE, report_schema
from acs_sidecar.engines.adapters.soul.texts import insufficiency_text
from tests.command import run
from tests.conftest import ROOT
from tests.engines.adapters.soul.policies import STANDARD, digest_of
from tests.engines.adapters.soul.vectors import EXPECTED, FOLDER, declared_by, text_of

MANIFEST = """\
agent_control_specification_version: 0.3.1-beta
policies:
  p: {type: rego, bundle: policies, query: data.p.verdict}
intervention_points:
  POINT:
    policy_target: $snap
    policy: {id: p}
TOOLS
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments: str) -> Result:
    """Run a command of the group in this process."""
    return CliRunner().invoke(soul, arguments)


def scan(*arguments: str) -> dict[str, Any]:
    """The report of a scan, which keeps to its schema."""
    report: dict[str, Any] = json.loads(invoke("scan", *arguments).stdout)
    jsonschema.validate(report, report_schema())
    return report


@pytest.mark.parametrize("vector", EXPECTED["files"], ids=lambda vector: f"{vector['file']}:{vector['tier']}")
def test_a_scan_reports_what_the_vector_says(vector: dict[str, Any]) -> None:
    """The command prints the members of the vector, and exits 1 below `essential`."""
    arguments = (str(FOLDER / vector["file"]), "--tier", vector["tier"])
    report = scan(*arguments)
    report["detected"] = {control: found["line"] for control, found in report["detected"].items()}
    report["findings"] = sorted({found["code"] for found in report["findings"]})
    assert {name: report[name] for name in vector if name != "file"} == {
        name: value for name, value in vector.items() if name != "file"
    }
    assert report["sha256"] == digest_of(text_of(vector["file"]))
    assert invoke("scan", *arguments).exit_code == (0 if vector["level"] != "none" else 1)
    assert next(iter(report)) == "note"


def test_a_scan_says_what_the_next_level_lacks() -> None:
    """The next level is named with its missing controls; at the highest there is none."""
    report = scan(str(FOLDER / "standard.md"), "--tier", "agentic")
    assert report["next"] == {"level": "standard", "missing": ["SOUL-HB-008", "SOUL-HO-008"]}
    assert scan(str(FOLDER / "hardened.md"), "--tier", "basic")["next"] is None


def test_the_first_file_of_a_folder_is_scanned(folder: Path) -> None:
    """Names come in their order, and others that are there are reported."""
    for name in reversed(GOVERNANCE_FILES):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(STANDARD)
        if name == ".cursorrules":
            assert scan()["file"] == ".cursorrules"
    report = scan(str(folder))
    assert (report["file"], report["others"]) == ("SOUL.md", [*GOVERNANCE_FILES[1:]])
    assert "not read: CLAUDE.md" in invoke("scan", "--format", "table").stdout


def test_the_first_name_may_lead_nowhere(folder: Path) -> None:
    """It is what the agent was meant to be given: no other file is scanned in its place."""
    (folder / "CLAUDE.md").write_text(STANDARD)
    (folder / "constitution.md").symlink_to("gone.md")
    assert scan(str(folder))["others"] == []
    (folder / "SOUL.md").symlink_to("gone.md")
    dangling = invoke("scan", str(folder))
    assert (dangling.exit_code, dangling.stderr) == (
        2,
        f"error: {folder / 'SOUL.md'}: No such file or directory\n",
    )


def test_nothing_to_scan() -> None:
    """An empty folder and a missing file exit 2."""
    empty = invoke("scan")
    assert (empty.exit_code, empty.stderr) == (
        2,
        "error: . has no governance file: write one, as `acs-sidecar soul init` does\n",
    )
    missing = invoke("scan", "gone.md")
    assert (missing.exit_code, missing.stderr) == (2, "error: gone.md: No such file or directory\n")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"# Bot\n", ["too_short", "too_few_headings", "no_behaviour_section"]),
        (b"\xff\xfe", ["not_utf8"]),
        (b"a" * (256 * 1024 + 1), ["too_large"]),
        (b"a\n" * 9_000, ["too_complex"]),
        (b"*" * 20_000, ["too_complex"]),
        (b"|a|b\n|-|-\n" + b"|c\n" * 8_000, ["too_complex"]),
    ],
)
def test_a_file_that_is_not_measured(folder: Path, content: bytes, reason: list[str]) -> None:
    """It has no controls, and the reason is told; that is below every level, `none` too."""
    (folder / "SOUL.md").write_bytes(content)
    report = scan()
    assert (report["measured"], report["insufficient"]) == (False, reason)
    assert (report["detected"], report["missing"], report["applicable"]) == ({}, [], 57)
    assert invoke("scan", "--min-level", "none").exit_code == 1
    table = invoke("scan", "--format", "table").stdout.splitlines()
    mended = [f"  {each}: {insufficiency_text(each)}" for each in reason]
    assert table == [NOTE, f"SOUL.md: not measured: {', '.join(reason)}", *mended]


def test_a_file_without_sections_is_told_which_headings_count(folder: Path) -> None:
    """The scan, the lint and the report for a pull request say what to write."""
    (folder / "SOUL.md").write_text(f"Bot\n===\n\n# One\n\n{'Words of a bot. ' * 50}\n")
    table = invoke("scan", "--format", "table").stdout.splitlines()
    headings = "fewer than 3 headings that begin with `#` and differ; underlined ones do not count"
    assert table[2] == f"  too_few_headings: {headings}"
    assert table[3].startswith(
        "  no_behaviour_section: no heading that begins with `#` has one of `behavio*`, "
    )
    assert table[3].endswith("; `## Safety rules` would do")
    log = json.loads(invoke("scan", "--format", "sarif").stdout)
    messages = [result["message"]["text"] for result in log["runs"][0]["results"]]
    assert f"{NOTE} The file is not measured: {headings}." in messages


@pytest.mark.parametrize(("level", "code"), [("none", 0), ("essential", 0), ("standard", 0), ("hardened", 1)])
def test_a_scan_compares_with_a_level(level: str, code: int) -> None:
    """The exit code says whether the level is reached."""
    assert invoke("scan", str(FOLDER / "standard.md"), "--min-level", level).exit_code == code


def test_a_table_begins_with_what_it_says() -> None:
    """The first line says that a scan is about declarations; score, level and what is next follow."""
    lines = invoke(
        "scan", str(FOLDER / "floor.md"), "--tier", "basic", "--format", "table"
    ).stdout.splitlines()
    assert lines[0] == NOTE
    assert "score 82, grade C, capped because a critical control is missing, level none" in lines
    assert "for essential: SOUL-HB-001" in lines
    marked = invoke("scan", str(FOLDER / "markers.md"), "--format", "table").stdout
    assert "the statement does not say what its marker claims [marker-unsupported]" in marked


def test_a_badge_has_the_level_and_its_colour() -> None:
    """The endpoint document of a badge."""
    badges = {
        name: json.loads(invoke("scan", str(FOLDER / name), "--tier", "basic", "--format", "badge").stdout)
        for name in ("turned.md", "essential.md", "hardened.md")
    }
    assert badges["essential.md"] == {
        "schemaVersion": 1,
        "label": "OASB-2",
        "message": "essential",
        "color": "blue",
    }
    assert (badges["turned.md"]["color"], badges["hardened.md"]["color"]) == ("red", "purple")
    standard = json.loads(invoke("scan", str(FOLDER / "standard.md"), "--format", "badge").stdout)
    assert standard["color"] == "green"


def test_sarif_has_each_missing_control_and_each_finding() -> None:
    """Severities are levels, findings have lines, and the document keeps to its schema."""
    log = json.loads(invoke("scan", str(FOLDER / "markers.md"), "--format", "sarif").stdout)
    jsonschema.validate(log, json.loads((ROOT / "tests" / "vectors" / "sarif-2.1.0-rtm.5.json").read_text()))
    results = log["runs"][0]["results"]
    described = {
        rule["id"]: rule["shortDescription"]["text"] for rule in log["runs"][0]["tool"]["driver"]["rules"]
    }
    assert described["SOUL-HB-003"] == "Kill switch"
    levels = {result["ruleId"]: result["level"] for result in results}
    assert sum(name.startswith("SOUL-") for name in levels) == 57
    assert [levels[f"SOUL-{each}"] for each in ("HB-001", "TH-001", "TH-002", "TH-005")] == [
        "error",
        "error",
        "warning",
        "note",
    ]
    lines = {
        result["locations"][0]["physicalLocation"].get("region", {}).get("startLine") for result in results
    }
    assert {None, 3, 4, 8} <= lines
    short = json.loads(invoke("scan", str(FOLDER / "short.md"), "--format", "sarif").stdout)
    assert [result["ruleId"] for result in short["runs"][0]["results"]] == ["too_short"]


@pytest.mark.parametrize("rule", rule_book().rules, ids=lambda rule: rule.control)
def test_a_control_is_explained(rule: Any) -> None:
    """The statement that counts declares the control, the other does not."""
    shown = json.loads(invoke("explain", rule.control.lower()).stdout)
    assert (shown["control"], shown["name"]) == (rule.control, rule.name)
    assert rule.control in declared_by(shown["counts"])
    assert rule.control not in declared_by(shown["counts_not"])
    assert shown["tiers"] == [tier.value for tier in Tier if tier.includes(rule.tier)]


def test_an_explanation_for_people() -> None:
    """Each member is a line; a control that is none exits 2."""
    lines = invoke("explain", "SOUL-IH-003", "--format", "table").stdout.splitlines()
    assert lines[:4] == [
        "control     SOUL-IH-003",
        "name        role-play refused",
        "domain      Injection hardening",
        "severity    critical",
    ]
    assert invoke("explain", "ih-003", "--format", "table").stdout.splitlines() == lines
    none = invoke("explain", "SOUL-XX-001")
    assert (none.exit_code, none.stderr) == (
        2,
        "error: `SOUL-XX-001` is no control: `SOUL-TH-001` to `SOUL-HV-004`\n",
    )


@pytest.mark.parametrize("tier", Tier)
def test_a_template_declares_nothing(tier: Tier) -> None:
    """It asks a question for each control of the tier, is too short, and is not written over a file."""
    assert invoke("init", "--tier", tier.value, "--out", "SOUL.md").exit_code == 0
    report = scan("--tier", tier.value)
    assert report["insufficient"] == ["too_short"]
    text = Path("SOUL.md").read_text()
    assert text == invoke("init", "--tier", tier.value).stdout
    assert text.count("<!--") == report["applicable"]
    again = invoke("init", "--out", "SOUL.md")
    assert (again.exit_code, again.stderr) == (2, "error: SOUL.md exists: remove it, or name another file\n")
    nowhere = invoke("init", "--out", "gone/SOUL.md")
    assert (nowhere.exit_code, nowhere.stderr) == (2, "error: gone/SOUL.md: No such file or directory\n")


def test_a_digest_is_of_the_bytes(folder: Path) -> None:
    """Line ends count."""
    (folder / "SOUL.md").write_bytes(b"a\r\n")
    assert invoke("hash", "SOUL.md").stdout == f"sha256:{digest_of('a' + chr(13) + chr(10))}\n"
    assert invoke("hash", "gone.md").exit_code == 2


def lint(
    folder: Path,
    *options: str,
    text: str = STANDARD,
    point: str = "input",
    tools: str = "",
    policy: str = "verdict := {}",
) -> list[tuple[str, str, int | None]]:
    """Code, severity and line of each finding about a manifest."""
    (folder / "agent" / "policies").mkdir(parents=True, exist_ok=True)
    (folder / "agent" / "policies" / "p.rego").write_text(f"package p\nimport rego.v1\n{policy}\n")
    (folder / "agent" / "manifest.yaml").write_text(MANIFEST.replace("POINT", point).replace("TOOLS", tools))
    (folder / "SOUL.md").write_text(text)
    done = invoke("lint", "SOUL.md", "--manifest", "agent", *options)
    assert done.exit_code == 0, done.output
    return [(found["code"], found["severity"], found["line"]) for found in json.loads(done.stdout)]


LIMITED = STANDARD + "\n## More limits\nA task takes at most 20 steps.\n"


def test_what_is_declared_and_not_enforced(folder: Path) -> None:
    """Approval, scope and limits that nothing enforces are findings at the lines that declare them."""
    assert lint(folder, "--tier", "agentic", text=LIMITED) == [
        ("soul-approval-unenforced", "warning", 44),
        ("soul-scope-unenforced", "note", 15),
        ("soul-limits-unenforced", "note", 63),
    ]


def test_what_is_declared_and_enforced(folder: Path) -> None:
    """A resolver, a policy at tool calls and one that reads budgets answer them."""
    tools = "approval: {default_resolver: r, resolvers: {r: {type: token}}}"
    policy = "verdict := {} if input.snapshot.envelope.budgets.steps < 20"
    assert (
        lint(folder, "--tier", "agentic", text=LIMITED, point="pre_tool_call", tools=tools, policy=policy)
        == []
    )


def test_only_files_of_the_manifest_are_read(folder: Path) -> None:
    """A text of a policy that is the name of a folder elsewhere leads nowhere, however much is in it."""
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "notes.md").write_text("budgets")
    lint(folder)
    manifest = (folder / "agent" / "manifest.yaml").read_text()
    (folder / "SOUL.md").write_text(LIMITED)
    for outside in (folder / "elsewhere", "../elsewhere"):
        other = f"policies:\n  q: {{type: test, output: {{decision: warn, message: {outside}}}}}\n"
        (folder / "agent" / "manifest.yaml").write_text(manifest.replace("policies:\n", other))
        done = invoke("lint", "SOUL.md", "--tier", "agentic", "--manifest", "agent")
        assert "soul-limits-unenforced" in [found["code"] for found in json.loads(done.stdout)]


def test_logging_that_the_settings_switch_off(folder: Path) -> None:
    """The settings of the service are read too."""
    (folder / "off.yaml").write_text("ACS_AUDIT_DURABILITY: none\n")
    assert lint(folder, "--config", "off.yaml")[-1] == ("soul-logging-unenforced", "note", 20)


def test_tools_that_are_declared_otherwise(folder: Path) -> None:
    """A tool that nothing allows, and one that a statement denies."""
    text = STANDARD.replace("search carriers,", "use search_carriers,").replace(
        "delete bookings", "use delete_bookings"
    )
    tools = "tools: {search_carriers: {}, delete_bookings: {}, fly: {}}"
    found = lint(folder, text=text, tools=tools)
    assert found[:3] == [
        ("soul-tool-undeclared", "note", None),
        ("soul-tool-contradiction", "warning", 14),
        ("soul-tool-undeclared", "note", None),
    ]
    (folder / "SOUL.md").write_text(text)
    shown = invoke("lint", "SOUL.md", "--manifest", "agent", "--format", "text").stderr
    assert (
        "warning: SOUL.md:14: tools.delete_bookings: the statement denies the tool `delete_bookings`" in shown
    )
    log = json.loads(invoke("lint", "SOUL.md", "--manifest", "agent", "--format", "sarif").stdout)
    assert {result["level"] for result in log["runs"][0]["results"]} == {"note", "warning"}


def test_a_lint_that_cannot_run(folder: Path) -> None:
    """A file that is not measured and a manifest that is invalid exit 2."""
    (folder / "SOUL.md").write_text("# Bot\n")
    (folder / "m.yaml").write_text("policies: {}\n")
    short = invoke("lint", "SOUL.md", "--manifest", "m.yaml")
    assert short.exit_code == 2
    assert short.stderr.startswith(
        "error: SOUL.md cannot be measured: fewer than 500 characters of sentences"
    )
    (folder / "SOUL.md").write_text(STANDARD)
    invalid = invoke("lint", "SOUL.md", "--manifest", "m.yaml")
    assert invalid.exit_code == 2
    assert invalid.stderr.splitlines()[-1] == "error: m.yaml is invalid"


@pytest.mark.server
def test_the_group_is_a_verb(folder: Path) -> None:
    """The command line leads to the group, and to the schema of its reports."""
    (folder / "SOUL.md").write_text(STANDARD)
    assert run(folder, "soul", "hash", "SOUL.md").stdout == f"sha256:{digest_of(STANDARD)}\n"
    assert json.loads(run(folder, "schema", "--kind", "soul").stdout) == report_schema()
