"""`acs-sidecar init`: what it writes passes as it stands, and it overwrites nothing."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from acs_sidecar.cli import cli
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
