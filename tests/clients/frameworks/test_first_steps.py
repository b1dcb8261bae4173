"""A newcomer's path: the client installed, and a tool call denied, by the very lines of the page."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.frameworks.frameworks import FRAMEWORKS
from tests.clients.frameworks.model_server import model_server
from tests.conftest import ROOT, Service, environment

PAGE = (ROOT / "docs" / "agents" / "first-steps.md").read_text()
PROGRAMS = dict(re.findall(r'```python title="(\w+)"\n(.*?)```', PAGE, re.DOTALL))
(PRINTED,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
(INSTALL,) = re.findall(r"^pip (install \./.*)$", PAGE, re.MULTILINE)

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.mark.parametrize("name", PROGRAMS)
def test_from_the_installation_to_a_denied_call(
    service: Service, tmp_path: Path, name: str, record_property: Callable[[str, object], None]
) -> None:
    """What is installed is the package, not the tree; the time that it took is in the report."""
    framework = FRAMEWORKS[name]
    if not framework.is_there:
        pytest.skip("`make client-environments` installs the frameworks")
    assert len([line for line in PROGRAMS[name].splitlines() if line]) < 15
    begun = time.monotonic()
    pip = [sys.executable, "-m", "pip", *INSTALL.split(), "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    with model_server() as url:
        there = environment(
            PYTHONPATH=str(tmp_path),
            ACSCLIENT_URL=service.url,
            OPENAI_BASE_URL=url,
            OPENAI_API_KEY="none",
            OPENAI_AGENTS_DISABLE_TRACING="1",
        )
        command = [framework.python, "-c", PROGRAMS[name]]
        done = subprocess.run(command, env=there, capture_output=True, text=True, timeout=120, check=False)
    record_property("seconds", round(time.monotonic() - begun, 1))
    assert (done.stdout, done.returncode) == (PRINTED, 0), done.stderr
