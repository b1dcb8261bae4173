"""A service that is stopped before it serves, as the first process of its own process namespace, like a container's."""

import os
import signal
import subprocess
import time
from contextlib import suppress
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
    writer = os.open(key, os.O_RDWR)
    command: list[str | Path] = [*AS_FIRST, COMMAND, "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(ACS_AUDIT_KEY_FILE=str(key))) as process:
        try:
            service = _reader(process, key)  # what it reads never comes
            os.kill(service, signal.SIGTERM)
            assert process.wait(timeout=20) == 128 + signal.SIGTERM
        finally:
            process.kill()
            os.close(writer)


def _reader(process: subprocess.Popen[bytes], fifo: Path) -> int:
    """Return the id of the one child of a process, once it has opened the pipe."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            with suppress(OSError):  # what it had open is closed by now
                if str(fifo) in map(os.readlink, Path(f"/proc/{child}/fd").iterdir()):
                    return int(child)
        time.sleep(0.02)
    pytest.fail(f"nobody opened {fifo}")
