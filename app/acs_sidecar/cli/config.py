"""`acs-sidecar config`: the settings in force, and where each comes from."""

from pathlib import Path

import typer
from rich.table import Table

from acs_sidecar.cli.output import OutputFormat, cell, print_json, show_table, wants_table
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.settings.tree import PREFIX, Settings
from acs_sidecar.spec.limits import Limits

__all__ = ["config"]


def config(
    file: Path | None = typer.Option(None, "--config", help="YAML file of settings, as for `serve`"),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="output format"),
) -> None:
    """Show every setting: its variable, its value, where it was set, and what it means."""
    loaded = settings_from(file)
    values = loaded.settings.model_dump(mode="json")
    rows = [
        {
            "name": PREFIX + name.upper(),
            "value": values[name],
            "source": loaded.sources[name],
            "meaning": field.description or "",
        }
        for name, field in Settings.model_fields.items()
        if name != "limits"
    ]
    rows += [
        {
            "name": f"{PREFIX}LIMIT_{name.upper()}",
            "value": values["limits"][name],
            "source": loaded.sources[f"limits.{name}"],
            "meaning": "limit",
        }
        for name in Limits.names()
    ]
    if not wants_table(output):
        print_json(rows)
        return
    table = Table("setting", "value", "from", "meaning", title="settings in force")
    for row in rows:
        style = None if row["source"] == "default" else "bold"
        table.add_row(
            cell(row["name"]),
            cell(_shown(row["value"])),
            cell(row["source"]),
            cell(row["meaning"]),
            style=style,
        )
    show_table(table)


def _shown(value: object) -> str:
    if value is None:
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
