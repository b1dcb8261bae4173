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


_WORKER = """
import sys
from acs_sidecar.cli.serve import without_modules
with without_modules("pydantic.v1"):
    from acs_sidecar.server.worker import create_app
print(*sys.modules)
"""


@pytest.mark.server
def test_a_worker_loads_nothing_that_its_libraries_can_do_without() -> None:
    """Tables and tracebacks for terminals, and the models of an older pydantic, are memory of each worker."""
    run = subprocess.run([sys.executable, "-c", _WORKER], capture_output=True, text=True, check=True)
    assert not {"rich", "pydantic.v1"} & set(run.stdout.split())


@pytest.mark.server
@pytest.mark.parametrize("module", ["verbs", "settings", "audit.commands", "audit.bom"])
def test_a_command_loads_what_it_needs(module: str) -> None:
    """The root, and a command that reads the log, load neither settings, detectors, engines nor tables."""
    run = subprocess.run([sys.executable, "-c", _PROGRAM, module], capture_output=True, text=True, check=True)
    assert not _SLOW & set(run.stdout.split())
