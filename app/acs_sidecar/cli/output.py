"""How commands speak: tables for people at a terminal, JSON for everything else."""

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn

import orjson
import typer

from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.printable import printable, printable_json
from acs_sidecar.spec.values import Json
from acs_sidecar.startup import StartError

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

__all__ = [
    "COULD_NOT_RUN",
    "OutputFormat",
    "cell",
    "fail",
    "fail_start",
    "json_cell",
    "json_line",
    "print_json",
    "say",
    "show_findings",
    "show_table",
    "stdout_is_terminal",
    "wants_table",
]

_PIPED_WIDTH = 100_000
"""Columns of a table that nobody sees on a terminal: what `COLUMNS` says must not change its bytes."""

COULD_NOT_RUN = 2
"""Exit code of a command that could not do its work, as against 1: it did, and the answer is no."""


class OutputFormat(StrEnum):
    """`auto` is a table on a terminal and JSON in a pipe."""

    AUTO = "auto"
    TABLE = "table"
    JSON = "json"


def wants_table(chosen: OutputFormat) -> bool:
    """True if to print for a person."""
    return chosen is OutputFormat.TABLE or (chosen is OutputFormat.AUTO and stdout_is_terminal())


def stdout_is_terminal() -> bool:
    """True if a person reads the output."""
    return sys.stdout.isatty()


def print_json(value: object) -> None:
    """Print one JSON document, indented."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONEncodeError:  # the name of a file that is not UTF-8
        text = json.dumps(value, indent=2, ensure_ascii=False)
    sys.stdout.write(printable_json(text) + "\n")


def json_line(value: object) -> str:
    """Return a value as one line of JSON that is safe to show."""
    return printable_json(orjson.dumps(value).decode())


def say(text: str) -> None:
    """Print one line for a person."""
    typer.echo(printable(text))


def cell(value: object, style: str = "") -> "Text":
    """Return a cell of a table that shows a value whole and as it is, without markup or lines of its own."""
    from rich.text import Text  # noqa: PLC0415  # most commands print none

    return Text(printable(str(value)), style=style, overflow="fold")


def json_cell(value: Json) -> "Text":
    """Return a cell that shows a value whole as JSON, objects and lists indented."""
    from rich.text import Text  # noqa: PLC0415  # same

    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return Text(printable_json(text), overflow="fold")


def show_table(table: "Table") -> None:
    """Print a table, as wide as the terminal, or a row a line where there is none."""
    from rich.console import Console  # noqa: PLC0415  # same

    width = None if stdout_is_terminal() else _PIPED_WIDTH
    Console(highlight=False, width=width).print(table)


def show_findings(findings: tuple[Diagnostic, ...]) -> None:
    """Print findings to the error stream, one a line, coloured on a terminal."""
    from rich.console import Console  # noqa: PLC0415  # same

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for finding in findings:
        style = "bold red" if finding.severity == "error" else "yellow"
        console.print(finding.severity, style=style, end=": ")
        console.print(printable(f"{finding} [{finding.code}]"), markup=False)


def fail_start(error: StartError) -> NoReturn:
    """End a command because of what keeps the service from starting: the one exit path of all of them."""
    if isinstance(error, ManifestError):
        show_findings(error.diagnostics)
        fail(error.advice or "the manifests are invalid", code=error.exit_code)
    advice = f": {error.advice}" if error.advice else ""
    fail(*(f"{line}{advice}" for line in error.lines), code=error.exit_code)


def fail(*messages: str, code: int = COULD_NOT_RUN) -> NoReturn:
    """End a command that could not run, or whose answer is no, saying why: one line for each message."""
    for message in messages:
        typer.secho(f"error: {printable(message)}", fg=typer.colors.RED, err=True)
    raise typer.Exit(code)
