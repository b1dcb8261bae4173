"""What a command loads before it does its work."""

import subprocess
import sys

import pytest

_SLOW = {"asyncio", "pydantic", "re2", "rich", "structlog", "yaml"}
_PROGRAM = """
import sys
from importlib import import_module
import_module(f"acs_sidecar.cli.{sys.argv[1]}")
print(*{name.partition(".")[0] for name in sys.modules})
"""


@pytest.mark.server
@pytest.mark.parametrize("module", ["verbs", "settings", "audit.commands", "audit.bom"])
def test_a_command_loads_what_it_needs(module: str) -> None:
    """The root, and a command that reads the log, load neither settings, detectors, engines nor tables."""
    run = subprocess.run([sys.executable, "-c", _PROGRAM, module], capture_output=True, text=True, check=True)
    assert not _SLOW & set(run.stdout.split())
