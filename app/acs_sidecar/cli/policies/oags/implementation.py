"""An implementation of the harness's protocol: this one, or a command of somebody else (section 9.7)."""

import os
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from acs_sidecar.cli.policies.oags.harness import MAX_LINE, answer_line

__all__ = ["ImplementationError", "implementation"]

ANSWER_SECONDS = 5.0
START_SECONDS = 30.0
"""What the first answer of a process may take besides: the protocol has no sign that a command is ready."""

MOST_FAILURES = 3
"""Failures in a row behind which a command is not asked again: one that hangs costs their time alone."""


class ImplementationError(Exception):
    """A command that cannot be asked; the message says why."""


@contextmanager
def implementation(command: str | None) -> Iterator[Callable[[bytes], bytes]]:
    """Start a command, or none for this implementation; what it yields answers one line by one line.

    An answer that is late, too long or missing is empty, and the command is started anew; after three in a
    row it is asked no more, and every further answer is empty. The first answer behind a start may take
    `START_SECONDS` longer than the others.
    Raises `ImplementationError` where it does not start, or ends before its first answer.
    """
    if command is None:
        yield answer_line
        return
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ImplementationError(f"--adapter: cannot be split into words: {error}") from None
    if not words:
        raise ImplementationError("--adapter: must name a command")
    asked = _Command(words)
    try:
        yield asked.ask
    finally:
        asked.stop()


class _Command:
    """A running command, started when it is first asked and after each fault."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._process: subprocess.Popen[bytes] | None = None
        self._answered = False
        self._starting = True
        self._failures = 0

    def ask(self, line: bytes) -> bytes:
        """Return the answer to one line, empty where there is none."""
        if self._failures == MOST_FAILURES:
            return b""
        process = self._running()
        found = _exchange(process, line, ANSWER_SECONDS + (START_SECONDS if self._starting else 0))
        if found is None:
            self._failures += 1
            self.stop()
            if not self._answered:
                raise ImplementationError(f"`{self._words[0]}` gives no answer: see what it prints above")
            return b""
        self._answered = True
        self._starting = False
        self._failures = 0
        return found

    def stop(self) -> None:
        """End the process, if one runs."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # what a wrapper started, too
            with self._process:
                pass
            self._process = None
            self._starting = True

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            try:
                self._process = subprocess.Popen(  # noqa: S603  # the command that the user names, without a shell
                    self._words,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    bufsize=0,
                    start_new_session=True,
                )
            except OSError as error:
                raise ImplementationError(f"`{self._words[0]}` does not start: {error.strerror}") from None
        return self._process


def _exchange(process: "subprocess.Popen[bytes]", line: bytes, seconds: float) -> bytes | None:
    """Write one line and read one, within the bounds; `None` where there is no whole answer in `seconds`."""
    if process.stdin is None or process.stdout is None:
        return None
    deadline = time.monotonic() + seconds
    requests, answers = process.stdin.fileno(), process.stdout.fileno()
    os.set_blocking(requests, False)
    pending, received = line + b"\n", b""
    while b"\n" not in received:
        left = deadline - time.monotonic()
        readable, writable, _ = select.select([answers], [requests] if pending else [], [], max(left, 0))
        if not readable and not writable:
            return None
        try:
            if writable:
                pending = pending[os.write(requests, pending) :]
        except BrokenPipeError:
            return None
        if readable:
            if not (part := os.read(answers, 65536)):
                return None
            received += part
        if len(received) > MAX_LINE + 1:
            return None
    answered, _, rest = received.partition(b"\n")
    return None if rest else answered
