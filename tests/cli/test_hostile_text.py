"""No command shows text of a manifest, a snapshot, a record, a setting or an argument raw."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.core import TyperGroup

from acs_sidecar.approval.challenge import inspect_challenge
from acs_sidecar.audit.log.keys import generate_key
from acs_sidecar.cli import cli
from acs_sidecar.cli.verbs import VERBS, Verbs
from acs_sidecar.spec.printable import printable, printable_json
from tests.approval.desk import SNAPSHOT, Desk
from tests.audit.log.logs import KEY
from tests.cli.hostile_files import FORGED, HOSTILE, MANIFESTS, write_all
from tests.command import run
from tests.conftest import ROOT, environment

pytestmark = pytest.mark.server

CHALLENGE = "(the challenge)"
TRUSTED = str(KEY.verifier_key("acs"))
SARIF = json.loads((ROOT / "tests" / "vectors" / "sarif-2.1.0-rtm.5.json").read_text())
TABLE, JSON = ("--format", "table"), ("--format", "json")
EVALUATE = ("evaluate", "--point", "input", "--snapshot", "snapshot.json", "--manifest")
COMPLIANCE = (
    "compliance",
    "report",
    "--from",
    "2020-01-01",
    "--to",
    "2090-01-01",
    "--audit",
    "audit",
    "--key",
    TRUSTED,
)
COMMANDS: list[tuple[str, ...]] = [
    (HOSTILE,),
    (f"--{HOSTILE}",),
    ("config", HOSTILE),
    ("config", f"--{HOSTILE}"),
    ("audit", HOSTILE),
    ("audit", "show", "--last", HOSTILE),
    ("serve", "--port", HOSTILE),
    ("serve", "--port", "0", "--manifests", "test", "--config", HOSTILE),
    ("serve", "--port", "0", "--manifests", "test", "--config", "settings.yaml"),
    ("console", "--no-open", "--port", HOSTILE),
    ("console", "--no-open", "--port", "0", "--config", HOSTILE),
    ("console", "--no-open", "--service", HOSTILE),
    ("console", "--no-open", "--port", "0", "--config", "settings.yaml"),
    ("mcp", HOSTILE),
    ("mcp", "scan", HOSTILE),
    ("mcp", "scan", "mcp.json"),
    *(("mcp", "scan", "mcp.json", "--format", form) for form in ("json", "sarif")),
    ("mcp", "pin", "mcp.json"),
    ("mcp", "pin", "mcp.json", "--server", HOSTILE),
    ("mcp", "diff", "mcp.json", HOSTILE),
    ("mcp", "diff", "mcp.json", "mcp.json", "--fail-on", HOSTILE),
    ("init", HOSTILE.replace("/", "")),
    ("init", "--example", HOSTILE, "new"),
    ("init", "mcp.json"),
    ("validate", HOSTILE),
    ("validate", "yaml", "--format", "text"),
    ("validate", "--explain-refusals", "policies"),
    (*EVALUATE, HOSTILE),
    (*EVALUATE[:3], "--manifest", "test", "--snapshot", HOSTILE),
    (*EVALUATE[:3], "--manifest", "test", "--snapshot", HOSTILE.replace("/", "")),
    ("evaluate", "--point", HOSTILE, "--snapshot", "snapshot.json", "--manifest", "test"),
    (*EVALUATE, "test", "--include", HOSTILE),
    ("test", HOSTILE),
    ("test", "test", "--filter", HOSTILE),
    ("test", "test", "--junit", f"{HOSTILE}/x"),
    ("digest", HOSTILE),
    ("migrate", HOSTILE),
    ("migrate", "test"),
    ("migrate", "test", "--output", f"{HOSTILE}/x"),
    ("migrate", "test", "--to", HOSTILE),
    ("schema",),
    ("openapi",),
    ("sign", "test", "--key", HOSTILE),
    ("sign", "test", "--key", "key.pem", "--key-id", HOSTILE),
    ("sign", "test", "--key", "key.pem", "--name", HOSTILE),
    ("sign", "test", "--key", "key.pem", "--name", "other" + HOSTILE),
    ("sign", "test", "--key", "key.pem", "--expires", HOSTILE),
    ("sign", "--key", "key.pem", "--key-id", HOSTILE),
    ("sign", "--generate", "--key", f"{HOSTILE}/x"),
    ("verify", "test", "--trust", HOSTILE, "--signature", HOSTILE),
    ("verify", "test", "--trust", "trust.yaml", "--signature", "snapshot.json"),
    ("config", *TABLE),
    ("config",),
    ("config", "--config", "settings.yaml"),
    ("doctor", "--config", HOSTILE),
    ("doctor", "--config", "settings.yaml", *TABLE),
    ("token", HOSTILE),
    ("token", "name", "--agent", HOSTILE, "--manifest", HOSTILE),
    ("token", "name", "--scope", HOSTILE),
    ("token", "name", "--secret-file", f"{HOSTILE}/x"),
    ("approvals", "approver", HOSTILE, "--key", "key.pem"),
    ("approvals", "approver", "name", "--key", HOSTILE),
    ("approve", "--key", HOSTILE, "--challenge", HOSTILE),
    ("approve", "--key", "key.pem", "--challenge", json.dumps({HOSTILE: HOSTILE})),
    ("approve", "--key", "key.pem", "--challenge", CHALLENGE),
    ("approve", "--key", "key.pem", "--challenge", CHALLENGE, "--service-key", HOSTILE),
    ("approve", "--key", "key.pem", "--challenge", CHALLENGE, "--policy-input", "snapshot.json"),
    ("approve", "--key", "key.pem", "--challenge", CHALLENGE, "--policy-input", HOSTILE),
    ("detect", "--provider", HOSTILE, HOSTILE),
    ("detect", "--provider", "prompt_injection", "--options", HOSTILE, "snapshot.json"),
    ("detect", "--provider", "prompt_injection", "--options", json.dumps({HOSTILE: HOSTILE}), "snapshot.json"),
    ("detect", "--provider", "prompt_injection", HOSTILE.replace("/", "")),
    ("detect", "--provider", "prompt_injection", "--json", HOSTILE.replace("/", "")),
    ("detectors", HOSTILE),
    ("detectors", "corpus", *TABLE, "--errors"),
    ("detectors", "corpus", "--errors"),
    ("agt", "lint", HOSTILE),
    ("agt", "import", HOSTILE),
    ("approvals", "key"),
    *(("agt", "lint", "rules", "--format", form) for form in ("text", "json", "sarif")),
    *(("agt", "import", "rules", *form) for form in (TABLE, JSON)),
    *(("agt", "import", f"rules/{HOSTILE.replace('/', '')}.json", *form) for form in (TABLE, JSON)),
    ("agt", "import", "rules", "--output", f"rules/{HOSTILE}/x"),
    ("oags", "harness", HOSTILE),
    ("oags", "id", HOSTILE),
    ("oags", "id", "sekuire.json", "--check", HOSTILE),
    ("oags", "id", "--model", HOSTILE, "--prompt", HOSTILE, "--tools", HOSTILE),
    ("oags", "id", "--model", HOSTILE, "--prompt", "snapshot.json", "--tools", "snapshot.json", *TABLE),
    ("oags", "validate", HOSTILE),
    *(
        ("oags", "validate", file, *form)
        for file in ("sekuire.json", "sekuire-invalid.json", "snapshot.json")
        for form in (("--normal",), ("--format", "text"), ("--format", "json"), ("--format", "sarif"))
    ),
    ("oags", "conformance", "--adapter", HOSTILE),
    *(("oags", "conformance", "--profile", "signing", "--adapter", r"printf 'a\033[2J\n'", *form) for form in (TABLE, JSON)),
    ("oags", "conformance", "--manifest", HOSTILE),
    *(("oags", "conformance", "--manifest", name, *form) for name in ("test", "oags") for form in (TABLE, JSON)),
    ("oags", "conformance", "--manifest", "test", "--key", HOSTILE, *TABLE),
    ("policy", "create", "--workspace", HOSTILE, "--policy-id", HOSTILE, "--version", HOSTILE),
    ("policy", "create", "--workspace", "w", "--policy-id", "p", "--out", f"{HOSTILE}/x"),
    *(("policy", step, file, "--key", key) for step in ("sign", "activate", "revoke") for file, key in ((HOSTILE, "key.pem"), ("workspace.json", "key.pem"), ("workspace.json", HOSTILE))),
    ("policy", "activate", "workspace.json", "--key", "key.pem", "--supersedes", HOSTILE),
    *(("policy", "validate", file, "--trust", trust, "--format", form) for file in (HOSTILE, "workspace.json", "snapshot.json") for trust in ("workspace-keys.json", "trust.yaml") for form in ("text", "json", "sarif")),
    ("policy", "validate", "workspace.json", "--trust", "workspace-keys.json", "--workspace", HOSTILE, "--agent", HOSTILE),
    ("policy", "validate", "workspace.json", "--trust", "workspace-keys.json", "--hash", HOSTILE),
    *(("policy", "show", file, *form) for file in (HOSTILE, "workspace.json", "snapshot.json") for form in (TABLE, JSON)),
    ("policy", "pull", HOSTILE, "--out", HOSTILE, "--trust", "workspace-keys.json", "--workspace", HOSTILE),
    ("policy", "pull", "http://127.0.0.1:9/", "--out", HOSTILE, "--trust", "workspace-keys.json", "--workspace", HOSTILE, "--token-env", HOSTILE),
    *(("soul", "scan", file, "--format", form) for file in (HOSTILE, "SOUL.md", "snapshot.json") for form in ("table", "json", "sarif", "badge")),
    ("soul", "scan", "SOUL.md", "--tier", HOSTILE),
    *(("soul", "explain", control, *form) for control in (HOSTILE, "SOUL-HB-003") for form in (TABLE, JSON)),
    ("soul", "init", "--out", f"{HOSTILE}/x"),
    ("soul", "hash", HOSTILE),
    *(("soul", "lint", file, "--manifest", manifest, "--format", form) for form in ("json", "sarif") for file in (HOSTILE, "SOUL.md") for manifest in (HOSTILE, "test", "invalid")),
    *(("redteam", "prompt", file, "--format", form) for file in (HOSTILE, "SOUL.md", "snapshot.json", "prompt.md") for form in ("text", "json", "junit", "sarif")),
    ("redteam", "prompt", "SOUL.md", "--min-grade", HOSTILE),
    *(("redteam", "run", "attacked", "--corpus", "attacks", "--no-built-in", "--format", form) for form in ("text", "json", "junit", "sarif")),
    *(("redteam", "run", name, "--corpus", "attacks", "--no-built-in") for name in (HOSTILE, "invalid", "rego-invalid", "test")),
    *(("redteam", "run", "attacked", *arguments) for arguments in (("--corpus", HOSTILE), ("--corpus", "bad-attacks"), ("--mutations", HOSTILE), ("--point", HOSTILE), ("--baseline", HOSTILE), ("--baseline", "snapshot.json"))),
    ("audit", "verify", HOSTILE, "--key", HOSTILE),
    ("audit", "verify", "audit", "--key", f"{TRUSTED}@{HOSTILE}"),
    *(
        ("audit", "verify", *what, "--key", TRUSTED, *form)
        for what in (("audit",), ("audit", "--anchor", "anchor.txt"), (f"audit/{HOSTILE.replace('/', '')}",))
        for form in (TABLE, JSON)
    ),
    *(
        ("audit", "verify", "--receipt", file, "--key", TRUSTED, *TABLE)
        for file in ("receipt.json", "receipt2.json", HOSTILE.replace("/", ""), HOSTILE)
    ),
    ("audit", "bom", HOSTILE, "--audit", "audit", "--key", TRUSTED),
    ("audit", "bom", "--agent", "agent", "--since", HOSTILE, "--audit", "audit", "--key", TRUSTED),
    *(("audit", "bom", "--agent", HOSTILE, "--since", "2020-01-01", "--audit", "audit", "--key", TRUSTED, "--format", form) for form in ("json", "intoto", "markdown")),
    *(("audit", "bom", "x", "--audit", "audit", "--key", TRUSTED, option, HOSTILE) for option in ("--snapshot", "--manifests", "--callers", "--sign")),
    *(("audit", "agents", "--audit", "audit", *more, *form) for more in ((), ("--key", TRUSTED), ("--registry", "registry.json")) for form in (TABLE, JSON)),
    ("audit", "agents", "--audit", HOSTILE, "--registry", HOSTILE),
    ("audit", "agents", "--audit", "audit", "--registry", "snapshot.json"),
    *((*COMPLIANCE, "--framework", "soc2", "--framework", "framework.json", "--registry", "registry.json", "--manifests", name, "--format", form) for name in ("test", "invalid") for form in ("text", "json", "markdown", "oscal")),
    *((*COMPLIANCE, "--framework", "soc2", option, HOSTILE) for option in ("--framework", "--registry", "--doctor", "--sbom", "--redteam", "--manifests", "--anchor", "--sign", "--tenant")),
    ("compliance", "report", "--framework", "soc2", "--from", HOSTILE, "--to", HOSTILE, "--key", TRUSTED),
    *(("compliance", "catalog", name, *form) for name in (HOSTILE, "framework.json", "snapshot.json") for form in (TABLE, JSON)),
    ("audit", "show", "audit", *TABLE),
    ("audit", "show", "audit"),
    ("audit", "show", HOSTILE),
    ("audit", "show", "audit", "--agent", HOSTILE, "--since", HOSTILE),
    *(("audit", "export", "audit", "--to", form) for form in ("jsonl", "csv", "cloudevents", "ocsf", "oags")),
    ("audit", "export", "audit", "--to", HOSTILE),
    ("audit", "prune", HOSTILE, "--older-than", "1"),
    ("audit", "prune", "audit", "--older-than", HOSTILE),
    ("audit", "key",),
    ("audit", "ship", HOSTILE),
    *(
        (*command[:1], name, *command[1:])
        for name in MANIFESTS
        for command in (
            ("validate", "--format", "text"),
            ("validate", "--format", "json"),
            ("validate", "--format", "sarif"),
            ("evaluate", *EVALUATE[1:-1], *TABLE, "--include", "trace", "--include", "policy_input"),
            ("evaluate", *EVALUATE[1:-1], *JSON),
            ("test", "--coverage"),
            ("test", *JSON),
            ("test", "--format", "junit"),
            ("digest",),
            ("sign", "--key", "key.pem"),
        )
    ),
]  # fmt: skip


def _arguments(command: tuple[str, ...], challenge: str) -> list[str]:
    """Complete a row of the table."""
    verb, *rest = (challenge if part == CHALLENGE else part for part in command)
    if verb == "evaluate" and rest[:1] and rest[0] in MANIFESTS:
        rest[:1] = ["--manifest", rest[0]]
    return [verb, *rest]


def _run_all(
    folder: Path, commands: dict[str, list[str]], **variables: str
) -> dict[str, tuple[int, str, str]]:
    """Run commands in one process; return the exit code, the output and the error output of each."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.many_commands"],
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT), **variables),
        input=json.dumps(commands),
        stdout=subprocess.PIPE,
        text=True,
        timeout=240,
        check=True,
    )
    return {name: (code, output, errors) for name, (code, output, errors) in json.loads(done.stdout).items()}


def _problems(text: str) -> set[str]:
    """Return the lines that move something on a terminal or that only hostile text can have begun."""
    return {
        line
        for line in text.split("\n")
        if not line.isprintable() or line.strip().startswith((FORGED, f"error: {FORGED}"))
    }


def test_no_command_shows_it_raw(tmp_path: Path) -> None:
    """Control characters, line ends, bidirectional marks and markup are written out, whatever the command reads.

    What is SARIF is so by its published schema.
    """
    challenge = write_all(tmp_path)
    commands = {str(number): _arguments(command, challenge) for number, command in enumerate(COMMANDS)}
    results = _run_all(
        tmp_path,
        commands,
        ACS_AUDIT_KEY_FILE="audit-key.pem",
        ACS_APPROVAL_KEY_FILE=HOSTILE,
        ACS_AUDIT_NATS_URL="",
    )
    for number, (code, output, errors) in results.items():
        assert output + errors, commands[number]
        assert "Traceback" not in errors, (commands[number], errors)
        assert code in {0, 1, 2}
        assert not (_problems(output) | _problems(errors)), commands[number]
        if commands[number][-1] == "sarif" and output:
            jsonschema.validate(json.loads(output), SARIF)
    evaluated = {
        arguments[2]
        for number, arguments in commands.items()
        if arguments[0] == "evaluate" and results[number][0] == 0
    }
    assert evaluated == {"test", "cedar", "rego"}


def test_the_table_has_every_command() -> None:
    """A verb that is added is tried with such text, too."""
    assert {command[0] for command in COMMANDS} >= set(VERBS)
    for name in VERBS:
        verb = _command(name)
        if isinstance(verb, TyperGroup):
            group = set(verb.list_commands(typer.Context(verb)))
            assert group
            assert {command[1] for command in COMMANDS if command[0] == name} >= group, name


def _command(name: str) -> object:
    verbs = typer.main.get_command(cli)
    assert isinstance(verbs, Verbs)
    return verbs.get_command(typer.Context(verbs), name)


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_start_that_fails_shows_it_written_out(tmp_path: Path, style: str) -> None:
    """The diagnostics of a manifest that stops the start, in both forms of the log."""
    write_all(tmp_path)
    done = run(tmp_path, "serve", "--port", "0", "--manifests", "invalid", ACS_LOG_FORMAT=style)
    assert done.returncode != 0
    assert not _problems(done.stderr)


def test_settings_are_shown_written_out(tmp_path: Path) -> None:
    """A value with markup or control characters ends no command and moves no cursor."""
    commands = {
        f"{verb} {form}": [verb, "--format", form]
        for verb in ("config", "doctor")
        for form in ("table", "json")
    }
    results = _run_all(
        tmp_path,
        commands,
        ACS_DEFAULT_MANIFEST=HOSTILE,
        ACS_ALLOWED_HOSTS=f"[/bold],{HOSTILE}",
        ACS_AUDIT_DIR=HOSTILE,
        ACS_MANIFESTS=HOSTILE,
        COLUMNS="400",
    )
    assert results.keys() == commands.keys()
    for command, (code, output, errors) in results.items():
        assert code in {0, 1}, command
        assert output, command
        assert "Traceback" not in errors, command
        assert not _problems(output + errors), command


def test_an_approver_sees_every_term_whole(tmp_path: Path) -> None:
    """A line end in an identifier draws no line of its own, and no identity is cut off at 80 columns."""
    generate_key(tmp_path / "alice.pem")
    snapshot = SNAPSHOT | {"envelope": SNAPSHOT["envelope"] | {"session": {"id": f"s\nreason  {FORGED}\n"}}}
    challenge = Desk().challenge(snapshot=snapshot)
    done = run(tmp_path, "approve", "--key", "alice.pem", "--challenge", challenge, COLUMNS="80")
    assert not _problems(done.stderr)
    shown = dict(line.split(maxsplit=1) for line in done.stderr.splitlines() if "  " in line)
    assert shown["session_id"] == f"s\\nreason  {FORGED}\\n"
    assert shown["enforced_identity"] == inspect_challenge(challenge).action["enforced_identity"]
    assert len([line for line in done.stderr.splitlines() if line.startswith("reason")]) == 1


def test_a_table_of_80_columns_shows_every_identity_whole(tmp_path: Path) -> None:
    """What is wider than its column goes on in the next line."""
    write_all(tmp_path)
    command = ["evaluate", "--manifest", "test", "--point", "input", "--snapshot", "snapshot.json"]
    results = _run_all(tmp_path, {"table": [*command, "--format", "table"], "json": command}, COLUMNS="80")
    table, shown = results["table"][1], json.loads(results["json"][1])
    for member in ("input_identity", "enforced_identity", "manifest_digest"):
        assert shown[member] in "".join(table.split()), member
    assert max(map(len, table.splitlines())) <= 80


@given(st.text())
def test_printable_text_has_one_line_and_no_marks(text: str) -> None:
    """Whatever is shown prints, and what prints already stays as it is."""
    assert printable(text).isprintable()
    assert not text.isprintable() or printable(text) == text


@given(st.recursive(st.text(st.characters(exclude_categories=["Cs"])), lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)))  # fmt: skip
def test_printable_json_is_the_same_json(value: object) -> None:
    """JSON that is safe to show is read as the value that it was written from."""
    shown = printable_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert json.loads(shown) == value
    assert all(character.isprintable() or character == "\n" for character in shown)
