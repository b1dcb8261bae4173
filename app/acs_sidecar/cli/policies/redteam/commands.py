"""`acs-sidecar redteam`: the group of both commands (section 8.4)."""

import typer

from acs_sidecar.cli.policies.redteam.prompt import prompt
from acs_sidecar.cli.policies.redteam.run import run

__all__ = ["redteam"]

redteam = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Measure how many attacks a manifest stops, and which defences a system prompt asks for.",
)
redteam.command()(run)
redteam.command()(prompt)
