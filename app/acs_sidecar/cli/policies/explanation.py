"""Explanations as tables: what decided, and what nearly did (section 2.7)."""

from rich.console import Console
from rich.table import Table

from acs_sidecar.cli.output import cell
from acs_sidecar.spec.trace import Trace
from acs_sidecar.spec.values import JsonObject
from acs_sidecar.trials.explained import explained_parts

__all__ = ["show_explanation"]


def show_explanation(console: Console, explained: JsonObject, trace: Trace) -> None:
    """Print the explanation of one decision."""
    for part in explained_parts(explained, trace.as_json()["steps"]):
        table = Table("name", "value", show_header=False, box=None, title_justify="left", pad_edge=False)
        table.title = cell(part.title, "bold")
        for name, value in part.rows:
            table.add_row(cell(name), cell(value))
        console.print(table)
