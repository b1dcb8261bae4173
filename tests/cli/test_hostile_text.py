"""No command shows text of a manifest, a snapshot, a record or a setting raw."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.approval.challenge import inspect_challenge
from acs_sidecar.audit.log.keys import generate_key
from acs_sidecar.spec.printable import printable, printable_json
from tests.approval.desk import SNAPSHOT, Desk
from tests.command import run

pytestmark = pytest.mark.server

FORGED = "error: all is well"
HOSTILE = f"a\x1b[2J\u202eb\x9b31m\u2028c\r\n{FORGED}\n[bold]d[/bold] [/] \x07"
MANIFEST = {
    "agent_control_specification_version": "0.3.1-beta",
    "metadata": {"name": HOSTILE, "description": HOSTILE},
    "policies": {HOSTILE: {"type": "test", "responses": {HOSTILE: {"decision": "deny", "reason": HOSTILE, "message": HOSTILE}}, HOSTILE: 1}},
    "intervention_points": {"input": {"policy": {"id": HOSTILE}, "policy_target": "$snapshot.input", HOSTILE: 1}},
    "tools": {HOSTILE: {HOSTILE: HOSTILE}},
    HOSTILE: HOSTILE,
}  # fmt: skip
CEDAR = {
    "agent_control_specification_version": "0.3.1-beta",
    "metadata": {"name": HOSTILE},
    "policies": {
        "p": {"type": "cedar", "policy": f'@message({json.dumps(HOSTILE)}) forbid(principal, action, resource) when {{ "{HOSTILE!a}" == "" }};'}
    },
    "intervention_points": {"input": {"policy": {"id": "p"}, "policy_target": "$snapshot.input"}},
}  # fmt: skip
CASES = {
    "cases": [
        {"name": HOSTILE, "intervention_point": "input", "snapshot": {"input": HOSTILE}, "expected": {"decision": "allow", "reason": HOSTILE}}
    ]
}  # fmt: skip


def _safe(text: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in text) and not any(
        line.strip().startswith(FORGED) for line in text.splitlines()
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Manifests, cases and a snapshot that hold such text wherever they can."""
    for name, manifest in (("hostile", MANIFEST), ("cedar", CEDAR)):
        place = tmp_path / name
        (place / "tests").mkdir(parents=True)
        (place / "manifest.json").write_text(json.dumps(manifest))
        (place / "tests" / "cases.yaml").write_text(json.dumps(CASES))
    (tmp_path / "snapshot.json").write_text(json.dumps({"input": HOSTILE, HOSTILE: {"a": HOSTILE}}))
    return tmp_path


@pytest.mark.parametrize("manifest", ["hostile", "cedar"])
@pytest.mark.parametrize(
    "command",
    [
        ("validate", "MANIFEST"),
        ("validate", "MANIFEST", "--format", "json"),
        ("validate", HOSTILE.replace("/", "")),
        ("evaluate", "--manifest", "MANIFEST", "--point", "input", "--snapshot", "snapshot.json", "--format", "table"),
        ("evaluate", "--manifest", "MANIFEST", "--point", "input", "--snapshot", "snapshot.json", "--include", "policy_input", "--include", "trace"),
        ("evaluate", "--manifest", "MANIFEST", "--point", "input", "--snapshot", HOSTILE),
        ("test", "MANIFEST", "--format", "table", "--coverage"),
        ("test", "MANIFEST", "--format", "json"),
        ("digest", "MANIFEST"),
        ("digest", HOSTILE),
        ("sign", "MANIFEST", "--key", HOSTILE),
        ("verify", "MANIFEST", "--trust", HOSTILE, "--signature", HOSTILE),
        ("serve", "--port", "0", "--manifests", "MANIFEST", "--config", HOSTILE),
        ("audit", "verify", HOSTILE, "--key", HOSTILE),
        ("audit", "show", "--agent", HOSTILE, "--since", HOSTILE),
        ("detect", "--provider", HOSTILE, HOSTILE),
        ("approve", "--key", HOSTILE, "--challenge", HOSTILE),
    ],
    ids=lambda command: " ".join(command[:3])[:30].encode("unicode_escape").decode(),
)  # fmt: skip
def test_no_command_shows_it_raw(folder: Path, manifest: str, command: tuple[str, ...]) -> None:
    """Control characters, line ends, bidirectional marks and markup are written out in every command."""
    done = run(folder, *(manifest if part == "MANIFEST" else part for part in command))
    assert done.stdout + done.stderr
    assert _safe(done.stdout), done.stdout
    assert _safe(done.stderr), done.stderr


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_start_that_fails_shows_it_written_out(folder: Path, style: str) -> None:
    """The diagnostics of a manifest that stops the start, in both forms of the log."""
    done = run(folder, "serve", "--port", "0", "--manifests", "hostile", ACS_LOG_FORMAT=style)
    assert done.returncode != 0
    assert _safe(done.stderr), done.stderr


@pytest.mark.parametrize(
    "command", [("config", "--format", "table"), ("config",), ("doctor", "--format", "table"), ("doctor",)]
)
def test_settings_are_shown_written_out(folder: Path, command: tuple[str, ...]) -> None:
    """A value with markup or control characters ends no command and moves no cursor."""
    done = run(
        folder,
        *command,
        ACS_DEFAULT_MANIFEST=HOSTILE,
        ACS_ALLOWED_HOSTS=f"[/bold],{HOSTILE}",
        ACS_AUDIT_DIR=HOSTILE,
        ACS_MANIFESTS=HOSTILE,
        COLUMNS="400",
    )
    assert done.returncode in {0, 1}
    assert "Traceback" not in done.stderr
    assert all(character.isprintable() or character == "\n" for character in done.stdout + done.stderr)


def test_an_approver_sees_every_term_whole(tmp_path: Path) -> None:
    """A line end in an identifier draws no line of its own, and no identity is cut off at 80 columns."""
    generate_key(tmp_path / "alice.pem")
    snapshot = SNAPSHOT | {"envelope": SNAPSHOT["envelope"] | {"session": {"id": f"s\nreason  {FORGED}\n"}}}
    challenge = Desk().challenge(snapshot=snapshot)
    done = run(tmp_path, "approve", "--key", "alice.pem", "--challenge", challenge, COLUMNS="80")
    assert _safe(done.stderr)
    shown = dict(line.split(maxsplit=1) for line in done.stderr.splitlines() if "  " in line)
    assert shown["session_id"] == f"s\\nreason  {FORGED}\\n"
    assert shown["enforced_identity"] == inspect_challenge(challenge).action["enforced_identity"]
    assert len([line for line in done.stderr.splitlines() if line.startswith("reason")]) == 1


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
