"""Standard input and output that fail: a command says which of them, and ends with exit code 2 (section 3.4)."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import COMMAND, environment

pytestmark = pytest.mark.server

FULL = "error: standard output: No space left on device\n"
CLOSED_OUTPUT = "error: standard output: Bad file descriptor\n"
CLOSED_INPUT = "error: standard input: Bad file descriptor\n"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("--help > /dev/full", FULL),
        ("--version > /dev/full", FULL),
        ("config > /dev/full", FULL),
        ("config --format table > /dev/full", FULL),
        ("audit show --help > /dev/full", FULL),
        ("schema > /dev/full", FULL),
        ("policy create --workspace ws_1 --policy-id p > /dev/full", FULL),
        ("oags harness <<< '{}' > /dev/full", FULL),
        ("config >&-", CLOSED_OUTPUT),
        ("policy create --workspace ws_1 --policy-id p >&-", CLOSED_OUTPUT),
        ("oags harness <<< '{}' >&-", CLOSED_OUTPUT),
        ("detect - --provider pii <&-", CLOSED_INPUT),
        ("oags harness <&-", CLOSED_INPUT),
    ],
)
def test_a_standard_stream_that_fails_is_named(tmp_path: Path, command: str, error: str) -> None:
    """Neither a traceback nor the exit code of a finding."""
    done = _shell(tmp_path, command)
    assert (done.returncode, done.stderr) == (2, error)


def test_an_output_that_nobody_reads_is_no_error(tmp_path: Path) -> None:
    """What ends early in a pipe says nothing."""
    assert _shell(tmp_path, "policy create --workspace ws_1 --policy-id p | true").stderr == ""


def _shell(folder: Path, command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", "-c", f"{COMMAND} {command}"],  # noqa: S607  # redirections are those of a shell
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
