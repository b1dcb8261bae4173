"""The type `command`: run a program of the operator's with the challenge on its standard input."""

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

from acs_sidecar.annotators.declarations import integer
from acs_sidecar.annotators.members import Members
from acs_sidecar.resolvers.exchange import MAX_ANSWER_BYTES, answer_of, request_body
from acs_sidecar.spec.approval import Question, ResolverAnswer, ResolverError
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.ports import AnnotatorContext
from acs_sidecar.spec.values import JsonObject

__all__ = ["MEMBERS", "Command", "command_resolver"]

MAX_TIMEOUT_MS = 60_000
MAX_RUNNING = 8

MEMBERS: MemberTable = {
    "command": Member(
        "The absolute path of a program, and its arguments.",
        {"type": "array", "items": {"type": "string"}},
        secret=True,
    ),
    "timeout_ms": Member("The deadline of the answer.", integer(1, MAX_TIMEOUT_MS, 10_000)),
    "send_policy_input": Member(
        "Whether the policy input goes along; false by default.", {"type": "boolean"}
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Runs one program: no shell, no environment, in a process group that ends with the deadline."""

    arguments: tuple[str, ...]
    timeout_ms: int
    shows_input: bool
    running: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_RUNNING))

    async def ask(self, question: Question) -> ResolverAnswer | None:
        """Ask (`Resolver.ask`); a program that prints nothing has no answer yet."""
        if self.running.locked():
            raise ResolverError(f"more than {MAX_RUNNING} approval requests are waiting for the command")
        body = request_body(question, shows_input=self.shows_input)
        seconds = min(self.timeout_ms / 1000, question.seconds_left)
        async with self.running:
            try:
                output = await _run(self.arguments, body, seconds)
            except TimeoutError:
                raise ResolverError("the command timed out") from None
            except OSError:
                raise ResolverError("the command could not be run") from None
        return answer_of(output) if output.strip() else None


async def _run(arguments: tuple[str, ...], request: bytes, seconds: float) -> bytes:
    """Run a program and return its output. Raises `TimeoutError`, `OSError`, and `ResolverError`."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd="/",
        env={},
        start_new_session=True,
        limit=MAX_ANSWER_BYTES,
    )
    try:
        async with asyncio.timeout(seconds):
            output = await _exchange(process, request)
            code = await process.wait()
    finally:
        await _end(process)
    if code != 0:
        raise ResolverError(f"the command exited with status {code}")
    return output


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the program and whatever it started, also when the request was given up."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await process.wait()


async def _exchange(process: asyncio.subprocess.Process, request: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise ResolverError("the command has no standard input or output")
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it need not read
        process.stdin.write(request)
        await process.stdin.drain()
    process.stdin.close()
    output = bytearray()
    while chunk := await process.stdout.read(MAX_ANSWER_BYTES):
        output += chunk
        if len(output) > MAX_ANSWER_BYTES:
            raise ResolverError(f"the command printed more than {MAX_ANSWER_BYTES} bytes")
    return bytes(output)


def command_resolver(
    path: str, definition: JsonObject, context: AnnotatorContext, *, allowed: bool
) -> Command:
    """Build the resolver, for an operator's manifest alone. Raises `ManifestError`."""
    members = Members(path, definition, context, MEMBERS)
    if context.outbound is not None:
        members.wrong("type", "only an operator's manifest may run a command")
    elif not allowed:
        members.wrong("type", "commands are disabled: set ACS_APPROVAL_COMMANDS=true")
    command = Command(
        arguments=_arguments(members, definition),
        timeout_ms=members.integer("timeout_ms", 10_000, 1, MAX_TIMEOUT_MS),
        shows_input=members.flag("send_policy_input"),
    )
    members.check()
    return command


def _arguments(members: Members, definition: JsonObject) -> tuple[str, ...]:
    command = definition.get("command")
    if isinstance(command, list) and command and all(isinstance(word, str) for word in command):
        words = tuple(str(word) for word in command)
        if Path(words[0]).is_absolute() and not any("\0" in word for word in words):
            return words
    members.wrong("command", "must be a list of strings: the absolute path of a program and its arguments")
    return ()
