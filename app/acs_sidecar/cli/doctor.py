"""`acs-sidecar doctor`: what is wrong with this installation, and what mends it."""

import os
import time
from dataclasses import asdict
from pathlib import Path

import typer
from rich.table import Table
from rich.text import Text

from acs_sidecar.cli.output import OutputFormat, cell, fail, print_json, show_table, wants_table
from acs_sidecar.doctor.examination import examine
from acs_sidecar.doctor.result import Result, State, counted, problem
from acs_sidecar.settings.tree import SettingsError, load_settings
from acs_sidecar.telemetry.log import configure_logging
from acs_sidecar.telemetry.options import LogFormat

__all__ = ["doctor"]

_STYLES = {State.OK: "green", State.WARNING: "yellow", State.PROBLEM: "bold red"}


def doctor(
    file: Path | None = typer.Option(None, "--config", help="YAML file of settings, as for `serve`"),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="output format"),
) -> None:
    """Check this installation and report each problem with its fix. Changes nothing.

    Reads the same settings as `serve`; run it as the same user. Asks the service at the configured
    address and no other. Exits 0 when there is no problem (a warning is none), 1 when there is one, 2
    when it could not look.
    """
    if file is not None and not file.is_file():
        fail(f"--config: `{file}` is not a file")
    configure_logging(LogFormat.CONSOLE, "error")
    found = _found(file)
    if wants_table(output):
        _show(found)
    else:
        print_json([asdict(result) for result in found])
    if any(result.state is State.PROBLEM for result in found):
        raise typer.Exit(1)


def _found(file: Path | None) -> list[Result]:
    try:
        settings = load_settings(os.environ, file).settings
    except SettingsError as error:
        return [
            problem("settings", line, "correct it; run `acs-sidecar config` to see the settings in force")
            for line in error.lines
        ]
    return list(examine(settings, time.time()))


def _show(found: list[Result]) -> None:
    table = Table("", "check", "what", "what to do")
    for result in found:
        state = Text(result.state, style=_STYLES[result.state])
        table.add_row(state, cell(result.check), cell(result.detail), cell(result.fix))
    show_table(table)
    problems = sum(result.state is State.PROBLEM for result in found)
    warnings = sum(result.state is State.WARNING for result in found)
    typer.echo(f"{counted(problems, 'problem')}, {counted(warnings, 'warning')}")
