"""A service that is stopped before it serves, as the first process of its own process namespace, like a container's."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import COMMAND, environment

AS_FIRST = ("unshare", "--map-root-user", "--pid", "--fork", "--kill-child")


def _can_be_first() -> bool:
    try:
        return subprocess.run([*AS_FIRST, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.server
@pytest.mark.skipif(
    "CI" not in os.environ and not _can_be_first(), reason="no process namespaces can be made here"
)
def test_the_first_process_of_a_container_is_stopped_while_it_starts(tmp_path: Path) -> None:
    """SIGTERM ends it, though nothing has begun to listen: by default the kernel would drop it there."""
    key = tmp_path / "key.pem"
    os.mkfifo(key)
    command: list[str | Path] = [*AS_FIRST, COMMAND, "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(ACS_AUDIT_KEY_FILE=str(key))) as process:
        try:
            writer = _opened(key)  # it reads its key, which never comes
            service = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
            os.kill(service, signal.SIGTERM)
            assert process.wait(timeout=20) == 128 + signal.SIGTERM
            os.close(writer)
        finally:
            process.kill()


def _opened(fifo: Path) -> int:
    deadline = time.monotonic() + 30
    while True:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
