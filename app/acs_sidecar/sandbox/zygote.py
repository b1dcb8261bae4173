"""The zygote: a process that has the engines loaded and forks children from itself (section 2.5).

It runs nothing that a stranger wrote. The service tells it, over one socket, to fork a child around
a channel or to kill one; it ends, with all its children, when that socket closes or the service is
gone. A fork takes a few milliseconds where a fresh interpreter would take hundreds, and the service
itself, with its threads and its event loop, never forks.
"""

import gc
import os
import select
import signal
import socket
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import jsonschema_rs  # noqa: F401  # policies of children call it
import orjson

from acs_sidecar.engines.adapters.custom import OWN_ADAPTERS, load_adapters
from acs_sidecar.engines.registry import load_engines, policy_types
from acs_sidecar.sandbox.child import Child
from acs_sidecar.sandbox.confinement import CHANNEL, Confinement
from acs_sidecar.sandbox.preparation import InlineRules
from acs_sidecar.spec.ports import PolicyType

__all__ = ["COMMAND", "FORK", "KILL", "ZygoteOptions", "main"]

COMMAND = struct.Struct("<BQ")
"""`FORK` (with the child's end of a channel attached) or `KILL`, and the child's number."""

FORK = 0
KILL = 1

_PARENT_CHECK_SECONDS = 5
_CONTROL = 0


@dataclass(frozen=True, slots=True)
class ZygoteOptions:
    """What the service settles once for all children; `rules` are those of inline manifests, written."""

    inline_adapters: list[str]
    rules: str
    memory_bytes: int
    request_seconds: int
    max_output_bytes: int

    def write(self) -> str:
        """Write them as a command-line argument."""
        return orjson.dumps(asdict(self)).decode()


def main(orders_text: str) -> None:
    """Serve the socket on descriptor 0 until it closes."""
    orders = ZygoteOptions(**orjson.loads(orders_text))
    listed = frozenset(orders.inline_adapters)
    # A confined child opens no file: every adapter is loaded here.
    types = load_engines(policy_types({**load_adapters(listed | OWN_ADAPTERS)}, listed))
    # A terminal's or a supervisor's signal is for the service, which ends this process in its own time.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    _Zygote(socket.socket(fileno=_CONTROL), orders, types).serve()


class _Zygote:
    def __init__(
        self, control: socket.socket, orders: ZygoteOptions, types: Mapping[str, PolicyType]
    ) -> None:
        self._control = control
        self._orders = orders
        self._types = types
        self._rules = InlineRules.read(orders.rules)
        self._parent = os.getppid()
        self._pids: dict[int, int] = {}

    def serve(self) -> None:
        woken, wake = socket.socketpair()
        wake.setblocking(False)
        woken.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        while True:
            ready, _, _ = select.select([self._control, woken], [], [], _PARENT_CHECK_SECONDS)
            if woken in ready:
                woken.recv(4096)
            self._reap()
            if os.getppid() != self._parent:
                break
            if self._control in ready and not self._obey():
                break
        for number in self._pids:
            self._kill(number)
        for _ in self._pids:
            os.waitpid(-1, 0)

    def _obey(self) -> bool:
        command, channels, _, _ = socket.recv_fds(self._control, COMMAND.size, 1)
        if len(command) != COMMAND.size:
            return False
        order, number = COMMAND.unpack(command)
        if order == FORK:
            self._fork(number, channels[0])
        else:
            self._kill(number)
        return True

    def _fork(self, number: int, channel: int) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            # The service sees the channel close, and asks again later.
            pid = -1
        if pid == 0:
            try:
                self._become_child(channel, parent)
            finally:
                os._exit(1)
        os.close(channel)
        if pid > 0:
            self._pids[number] = pid

    def _become_child(self, channel: int, parent: int) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        orders = self._orders
        try:
            usage = Confinement(orders.memory_bytes, orders.request_seconds).apply(channel, parent)
        except OSError as error:
            os.write(2, f"the sandbox cannot confine a child: {error}\n".encode())
            return
        channel_socket = socket.socket(fileno=CHANNEL)
        Child(channel_socket, self._types, self._rules, usage, orders.max_output_bytes).serve()

    def _kill(self, number: int) -> None:
        """Kill a child that is not reaped yet: until then its process number is its own."""
        if pid := self._pids.get(number):
            os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while self._pids:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._pids = {number: known for number, known in self._pids.items() if known != pid}
