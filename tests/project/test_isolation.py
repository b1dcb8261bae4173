"""A test without the marker `server` cannot start a process or open a connection."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, environment

pytestmark = pytest.mark.server

WAYS_OUT = {
    "a program": "subprocess.run(['true'])",
    "a fork": "os.fork() or os._exit(0)",
    "a shell": "os.system('true')",
    "a listener": "socket.create_server(('127.0.0.1', 0)).close()",
    "a connection": "socket.create_connection(('127.0.0.1', 9)).close()",
    "a name": "socket.getaddrinfo('localhost', 80)",
    "a listener of a loop": "asyncio.run(asyncio.start_server(print, '127.0.0.1', 0))",
    "another thread": "ThreadPoolExecutor(1).submit(subprocess.run, ['true']).result()",
}
HEAD = "import asyncio, os, socket, subprocess\nfrom concurrent.futures import ThreadPoolExecutor\nimport pytest\n"


def run(folder: Path, marker: str, statement: str) -> "subprocess.CompletedProcess[str]":
    """Run a test of one statement that hides its failure."""
    text = (
        f"{HEAD}{marker}\ndef test_it():\n    try:\n        {statement}\n    except OSError:\n        pass\n"
    )
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    server: as here\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.isolation", "-p", "no:cacheprovider", folder],
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("way", WAYS_OUT)
def test_a_test_that_reaches_out_fails(way: str, tmp_path: Path) -> None:
    """Even where the test or the code under test hides the failure."""
    done = run(tmp_path, "", WAYS_OUT[way])
    assert done.returncode == 1, done.stdout
    assert "in a test without the marker `server`" in done.stdout


def test_a_marked_test_may(tmp_path: Path) -> None:
    """The marker lifts it."""
    assert run(tmp_path, "@pytest.mark.server", WAYS_OUT["a program"]).returncode == 0


def test_what_stays_inside_is_no_matter(tmp_path: Path) -> None:
    """Files, threads, pairs of sockets and an event loop are no way out."""
    inside = (
        "open(__file__).close(), socket.socketpair(), ThreadPoolExecutor(1).submit(int).result(), "
        "asyncio.run(asyncio.sleep(0))"
    )
    assert run(tmp_path, "", inside).returncode == 0
