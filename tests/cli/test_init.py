"""`acs-sidecar init`: what it writes passes as it stands, and it overwrites nothing."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from acs_sidecar.cli import cli
from tests.command import run


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, env={"COLUMNS": "200"})


@pytest.mark.server
def test_what_is_written_is_valid_and_its_cases_pass(tmp_path: Path) -> None:
    """Without a warning, under the same name."""
    place = tmp_path / "new" / "agent"
    done = _run("init", str(place))
    assert done.exit_code == 0, done.output
    assert _run("validate", "--strict", str(place / "agent")).exit_code == 0
    assert run(tmp_path, "test", str(place / "agent")).returncode == 0
    assert _run("config", "--config", str(place / "settings.yaml")).exit_code == 0


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A directory with anything in it, a hidden file too, and a file are refused."""
    (tmp_path / ".keep").write_text("")
    refused = _run("init", str(tmp_path))
    assert (refused.exit_code, [*tmp_path.iterdir()]) == (2, [tmp_path / ".keep"])
    assert "is not an empty directory: choose another" in refused.output
    assert _run("init", str(tmp_path / ".keep")).exit_code == 2
