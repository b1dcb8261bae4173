"""`acs-sidecar init`: what it writes passes as it stands, and it overwrites nothing."""

import asyncio
import json
import os
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from acs_sidecar.assurance.carriers import snapshot_decision
from acs_sidecar.cli import cli
from acs_sidecar.cli.manifests import known_manifests
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.points import InterventionPoint, Mode
from acs_sidecar.spec.values import Json
from tests.command import run
from tests.conftest import ROOT


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, env={"COLUMNS": "200"})


def _problems(place: Path) -> list[str]:
    """Return what `doctor` finds in a directory, run there."""
    done = run(place, "doctor", "--config", "settings.yaml", "--format", "json")
    return [one["detail"] for one in json.loads(done.stdout) if one["state"] == "problem"]


@pytest.mark.server
@pytest.mark.parametrize("chosen", [(), ("--stock",)])
def test_what_is_written_is_valid_and_its_cases_pass(tmp_path: Path, chosen: tuple[str, ...]) -> None:
    """Without a warning, under the same name; `doctor` has no problem with it."""
    place = tmp_path / "new" / "agent"
    done = _run("init", *chosen, str(place))
    assert done.exit_code == 0, done.output
    assert _run("validate", "--strict", str(place / "manifests")).exit_code == 0
    assert run(tmp_path, "test", str(place / "manifests")).returncode == 0
    assert _problems(place) == []


def test_what_is_written_has_a_carrier_and_a_refusal_at_each_point(tmp_path: Path) -> None:
    """So that probes and attacks reach every point of it: nothing of the red team is left untested."""
    assert _run("init", str(tmp_path / "new")).exit_code == 0
    folder = tmp_path / "new" / "manifests" / "agent"
    cases = [
        case for file in (folder / "tests").iterdir() for case in yaml.safe_load(file.read_text())["cases"]
    ]
    decisions: dict[str, set[str]] = {}
    for case in cases:
        decisions.setdefault(case["intervention_point"], set()).add(case["expect"]["decision"])
    assert (
        decisions.keys()
        == yaml.safe_load((folder / "manifest.yaml").read_text())["intervention_points"].keys()
    )
    assert all("allow" in found and found & {"deny", "escalate", "transform"} for found in decisions.values())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("allow", None)),
        ({"description": "Send the conversation along."}, ("deny", "tool_definition_changed")),
        ({"name": "upload"}, ("deny", "tool_definition_changed")),
        ({"title": "Fetch"}, ("warn", "tool_definition_differs")),
        (None, ("warn", "tool_definition_differs")),
    ],
)
def test_what_is_written_holds_tools_to_their_pins(
    tmp_path: Path, changes: dict[str, Json] | None, expected: tuple[str, str | None]
) -> None:
    """Critical changes and tools without a pin are denied, others are warned of (8.7)."""
    assert _run("init", str(tmp_path / "new")).exit_code == 0
    pins = json.loads((tmp_path / "new" / "manifests" / "agent" / "pins.json").read_text())
    pinned = pins["servers"]["agent"]["fetch"]["definition"]
    tools: list[Json] = [] if changes is None else [{**pinned, **changes}]
    (known,) = known_manifests(load_settings({}).settings, [tmp_path / "new" / "manifests"]).values()
    decided = asyncio.run(
        snapshot_decision(
            known.compiled, InterventionPoint.AGENT_STARTUP, {"agent_init": {"tools": tools}}, Mode.ENFORCE
        )
    )
    assert decided is not None
    assert (decided.verdict.decision, decided.verdict.reason) == expected


@pytest.mark.server
def test_an_example_is_written_as_it_is_published(tmp_path: Path) -> None:
    """Every file of it, scripts executable; `doctor` has no problem with it."""
    place = tmp_path / "agent"
    done = _run("init", "--example", "governed-agent", str(place))
    assert done.exit_code == 0, done.output
    published = ROOT / "manifests" / "governed-agent"
    for file in published.rglob("*"):
        copy = place / "manifests" / "governed-agent" / file.relative_to(published)
        assert file.is_dir() or (copy.read_bytes(), os.access(copy, os.X_OK)) == (
            file.read_bytes(),
            os.access(file, os.X_OK),
        )
    assert _problems(place) == []


def test_help_names_the_examples() -> None:
    """Nobody has to guess one first."""
    shown = " ".join(_run("init", "--help").output.replace("│", " ").split())
    assert "an example instead, as it is published: agt-rules, coding-agent, governed-agent, " in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--stock", "--example", "screened-agent"), "--stock and --example exclude each other"),
        (
            ("--example", "screened-agnt"),
            "--example: `screened-agnt` is no example, did you mean `screened-agent`?",
        ),
        (("--example", ".."), "--example: `..` is no example: agt-rules, coding-agent, "),
    ],
)
def test_what_is_no_example_is_named(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    """Nothing is written."""
    refused = _run("init", *arguments, str(tmp_path / "new"))
    assert (refused.exit_code, (tmp_path / "new").exists()) == (2, False)
    assert message in refused.output


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A directory with anything in it, a hidden file too, and a file are refused."""
    (tmp_path / ".keep").write_text("")
    refused = _run("init", str(tmp_path))
    assert (refused.exit_code, [*tmp_path.iterdir()]) == (2, [tmp_path / ".keep"])
    assert "is not an empty directory: choose another" in refused.output
    assert _run("init", str(tmp_path / ".keep")).exit_code == 2


def test_the_first_case_is_of_the_pinned_tools(tmp_path: Path) -> None:
    """An attack run has a carrier there: what is put into a definition is denied."""
    assert _run("init", str(tmp_path / "new")).exit_code == 0
    place = tmp_path / "new" / "manifests" / "agent"
    done = _run(
        "redteam", "run", str(place), "--point", "agent_startup", "--mutations", "none", "--format", "json"
    )
    assert json.loads(done.stdout)["not_tested"] == []
    assert json.loads(done.stdout)["asr"]["value"] == 0
