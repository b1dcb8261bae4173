"""The command `acs-sidecar`, run to its end."""

import subprocess
from pathlib import Path

from tests.conftest import COMMAND, environment

__all__ = ["run", "start_refused"]


def run(
    folder: Path, *arguments: str, given: str = "", **settings: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command in `folder`."""
    return subprocess.run(
        [COMMAND, *arguments],
        cwd=folder,
        env=environment(**settings),
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def start_refused(folder: Path, *arguments: str, **settings: str) -> str:
    """Start a service that must not start; give what it says of that."""
    done = run(folder, "serve", "--port", "0", *arguments, **settings)
    assert done.returncode == 2
    return done.stderr
