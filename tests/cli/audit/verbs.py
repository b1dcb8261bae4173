"""The verbs of `acs-sidecar audit`, run in this process."""

import json
from typing import Any

from typer.testing import CliRunner, Result

from acs_sidecar.audit.log.directory import LogDirectory
from acs_sidecar.cli.audit.commands import audit

__all__ = ["changed", "found", "run"]


def run(*arguments: str) -> Result:
    """Run a verb of `acs-sidecar audit`."""
    return CliRunner().invoke(audit, arguments)


def found(result: Result) -> dict[str, Any]:
    """Read the JSON that a command printed."""
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def changed(log: LogDirectory) -> None:
    """Change a byte of a record."""
    path = log.segments()[0][1]
    path.write_bytes(path.read_bytes().replace(b"agent-1", b"agent-9"))
