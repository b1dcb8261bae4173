"""The processes of the sandbox as the service controls them: the zygote and its children (section 2.5)."""

import asyncio
import os
import socket
import subprocess
import sys
from collections import OrderedDict
from math import inf
from pathlib import Path
from typing import Protocol

import orjson

from acs_sidecar.sandbox.calls import AnyCall
from acs_sidecar.sandbox.wire import REPLY, MalformedOutputError, ReplyKind, read_pid
from acs_sidecar.sandbox.zygote import COMMAND, FORK, KILL, ZygoteOptions

__all__ = ["Worker", "WorkerOwner", "ZygoteProcess"]

_BOOT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from acs_sidecar.sandbox.zygote import main
main(sys.argv[2])
"""
# An allocator that reserves its arena ahead would put that much out of the reach of RLIMIT_AS.
_ENVIRONMENT = {"MIMALLOC_ARENA_RESERVE": "0", "TZ": "UTC"}
_CHUNK = 65_536
_EXIT_SECONDS = 5
_MOST_COMPILE_FACTOR = 4


class ZygoteProcess:
    """A running zygote. It shares the error output of the service, so that failures are visible.

    `used_s` is the processor time that it had used when it was last looked at.
    """

    def __init__(self, orders: ZygoteOptions) -> None:
        self.used_s = 0.0
        self.control, theirs = socket.socketpair()
        self.control.setblocking(False)
        search_path = [str(Path(entry).absolute()) for entry in sys.path]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # this interpreter, and nothing of a request
                [sys.executable, "-IB", "-c", _BOOT, orjson.dumps(search_path).decode(), orders.write()],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )

    def fork(self, number: int) -> socket.socket:
        """Ask for a child and return the service's end of its channel. Raises `OSError`."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                socket.send_fds(self.control, [COMMAND.pack(FORK, number)], [theirs.fileno()])
            except OSError:
                ours.close()
                raise
        return ours

    def has_worked(self) -> bool:
        """True if it has used processor time since this was called last, where the system tells it."""
        before, self.used_s = self.used_s, _processor_s(self._process.pid) or 0.0
        return before < self.used_s

    def kill(self, number: int) -> None:
        """Kill a child. Raises `OSError` if the zygote no longer responds."""
        self.control.send(COMMAND.pack(KILL, number))

    def end(self) -> None:
        """End it by force; its children die with it."""
        self.control.close()
        self._process.kill()
        self._process.wait()

    async def close(self) -> None:
        """Make the zygote terminate its children and itself."""
        self.control.close()
        try:
            await asyncio.to_thread(self._process.wait, _EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.end()


def _processor_s(pid: int) -> float | None:
    """Return the seconds of processor time of a process; `None` where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class WorkerOwner(Protocol):
    """Receives the events of a worker."""

    def replied(self, worker: "Worker", kind: ReplyKind, exhausted: bool, body: bytes) -> None:
        """Handle a reply of a child; `exhausted` if it asks to be replaced."""
        ...

    def malformed_output(self, worker: "Worker") -> None:
        """Handle malformed output of a child."""
        ...

    def lost(self, worker: "Worker", *, untouched: bool) -> None:
        """Handle the end of a child; `untouched` if it had not read its request."""
        ...


class Worker:
    """One child, as the service sees it: its channel, its call, and what it has compiled."""

    __slots__ = (
        "_buffer",
        "_loop",
        "_max_reply",
        "_owner",
        "_pid",
        "_socket",
        "_unsent",
        "_used_s",
        "call",
        "compiled",
        "compiling",
        "deadline",
        "idle_since",
        "number",
        "ready",
        "started",
        "unproven",
    )

    def __init__(
        self,
        number: int,
        channel: socket.socket,
        owner: WorkerOwner,
        loop: asyncio.AbstractEventLoop,
        max_reply: int,
    ) -> None:
        self.number = number
        self.ready = False
        self.call: AnyCall | None = None
        self.compiling = False
        self.unproven = False
        self.started = self.idle_since = loop.time()
        self.deadline = inf
        self.compiled: OrderedDict[int, None] = OrderedDict()
        self._socket = channel
        self._owner = owner
        self._loop = loop
        self._max_reply = max_reply
        self._buffer = bytearray()
        self._unsent = memoryview(b"")
        self._pid = 0
        self._used_s: float | None = None
        loop.add_reader(channel.fileno(), self.listen)

    def greet(self, kind: ReplyKind, body: bytes) -> None:
        """Read the first message of a child, that it is ready. Raises `MalformedOutputError`."""
        if self.ready or kind is not ReplyKind.READY:
            raise MalformedOutputError
        self.ready, self._pid = True, read_pid(body)

    def begin_compile(self) -> None:
        """Note that a compile begins, and the processor time used until then."""
        self.compiling = True
        self._used_s = _processor_s(self._pid)

    def compiles_on(self, bound_s: float, now: float) -> bool:
        """Move the deadline of a compile that others kept from the processor; False if it is overdue.

        It may use `bound_s` of processor time, and four times that of wall-clock time.
        """
        used_s = _processor_s(self._pid)
        if not self.compiling or used_s is None or self._used_s is None:
            return False
        left_s = bound_s - (used_s - self._used_s)
        if left_s <= 0 or now - self.started >= _MOST_COMPILE_FACTOR * bound_s:
            return False
        self.deadline = now + left_s
        return True

    def send(self, frame: bytes) -> None:
        """Send a request. Raises `OSError` if the child exited before reading it."""
        try:
            sent = self._socket.send(frame)
        except BlockingIOError:
            sent = 0
        if sent < len(frame):
            self._unsent = memoryview(frame)[sent:]
            self._loop.add_writer(self._socket.fileno(), self._send_rest)

    def listen(self) -> None:
        """Read what the child has sent so far."""
        try:
            chunk = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            # The system tells a peer that left requests unread from one that just left.
            self._owner.lost(self, untouched=True)
            return
        if not chunk:
            self._owner.lost(self, untouched=False)
            return
        self._buffer += chunk
        self._read(self._buffer)

    def close(self) -> None:
        """Close the channel."""
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()

    def _read(self, frame: bytearray) -> None:
        if len(frame) < REPLY.size:
            return
        length, kind, exhausted = REPLY.unpack_from(frame)
        size = REPLY.size + length
        if length > self._max_reply or len(frame) > size or kind not in _REPLY_KINDS:
            self._owner.malformed_output(self)
        elif len(frame) == size:
            self._buffer = bytearray()
            self._owner.replied(self, _REPLY_KINDS[kind], bool(exhausted), bytes(frame[REPLY.size :]))

    def _send_rest(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self._loop.remove_writer(self._socket.fileno())
            return
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._loop.remove_writer(self._socket.fileno())


_REPLY_KINDS = {kind.value: kind for kind in ReplyKind}
