"""The process above the workers: starts them, replaces what dies or hangs, stops them (section 2.6).

It serves no request and runs no policy. One loop waits for signals, for what workers say, and for
the next beat that is due.
"""

import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from acs_sidecar.engines.fatal_inputs import DEATHS, FatalInputs
from acs_sidecar.server.channel import Channel, Packet
from acs_sidecar.server.reload_rounds import ReloadRounds, Served, WorkerPeer
from acs_sidecar.startup import StartError

__all__ = ["BEATS", "WorkerStartError", "restart_pause_s", "supervise"]

BEATS = 4
"""How often a worker shows in the time of `hang_timeout_s` that its event loop runs."""

_RESTART_S = 0.5
_RESTART_MOST_S = 30.0
_RESTART_DOUBLINGS = 6
_SETTLED_S = 10.0
_AFTER_DRAIN_S = 5.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

Work = Callable[[int, Channel, Served], None]


class WorkerStartError(StartError):
    """The service did not start; the message is the worker's."""

    @property
    def lines(self) -> tuple[str, ...]:
        """What the worker said, line by line."""
        return tuple(str(self).split("\n"))


def supervise(
    workers: int,
    work: Work,
    served: Served,
    fatal_inputs: FatalInputs,
    *,
    hang_timeout_s: float,
    drain_s: float,
    stop_listening: Callable[[], None],
) -> int:
    """Fork `workers` processes that each run `work` with number, channel and set; return an exit code.

    The set is the one that serves when the worker starts: `served` at first. `fatal_inputs` learns of
    what a worker was evaluating when it died.
    A worker that dies is replaced: at once, and slower each time where it never served for long. One
    that has not shown for `hang_timeout_s` that its loop runs is killed and replaced. The first
    SIGTERM or SIGINT lets all finish within `drain_s`, the second kills them. Must be called before
    any thread but that of the log is started.

    Raises `WorkerStartError` when a worker fails before all have served.
    """
    return _Supervisor(
        workers,
        work,
        served,
        fatal_inputs,
        hang_timeout_s=hang_timeout_s,
        drain_s=drain_s,
        stop_listening=stop_listening,
    ).run()


def restart_pause_s(failures: int) -> float:
    """Return the seconds from the last start of a worker to its next, after so many failures in a row."""
    doublings = min(max(0, failures - 1), _RESTART_DOUBLINGS)
    return min(_RESTART_S * 2.0**doublings, _RESTART_MOST_S)


@dataclass(slots=True)
class _Worker:
    """One place for a worker, and the process that has it; `pid` is `None` while it waits for one."""

    number: int
    pid: int | None = None
    channel: Channel | None = None
    started: float = 0.0
    due: float = 0.0
    serving: bool = False
    silent: int = 0
    failures: int = 0
    hung: bool = False


class _Supervisor:
    def __init__(
        self,
        workers: int,
        work: Work,
        served: Served,
        fatal_inputs: FatalInputs,
        *,
        hang_timeout_s: float,
        drain_s: float,
        stop_listening: Callable[[], None],
    ) -> None:
        self._workers = [_Worker(number) for number in range(workers)]
        self._work = work
        self._reloads = ReloadRounds(served, self._living, self._kill)
        self._fatal_inputs = fatal_inputs
        self._beat_s = hang_timeout_s / BEATS
        self._drain_s = drain_s
        self._stop_listening = stop_listening
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = socket.socketpair()
        self._started = self._stopping = False
        self._end_by = float("inf")
        self._code = 0
        self._failure: str | None = None
        self._log = structlog.stdlib.get_logger("acs.supervisor")

    def run(self) -> int:
        self._take_signals()
        next_beat = time.monotonic() + self._beat_s
        while not self._stopping or any(worker.pid for worker in self._workers):
            self._start_due()
            self._listen(next_beat)
            self._reap()
            self._reloads.turn()
            if time.monotonic() >= next_beat:
                # Beats are counted in this process's own time: whoever was suspended together hangs not.
                next_beat = time.monotonic() + self._beat_s
                self._count_silence()
            if time.monotonic() >= self._end_by:
                self._log.warning("drain_ended", detail="some in-flight requests did not finish in time")
                self._kill_all()
        if self._failure is not None:
            raise WorkerStartError(self._failure)
        return self._code

    # Signals

    def _take_signals(self) -> None:
        """Deliver signals as bytes on a socket, so that the loop handles them one by one."""
        for end in (self._woken, self._wake):
            end.setblocking(False)
        for number in _SIGNALS:
            signal.signal(number, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._woken, selectors.EVENT_READ)

    def _signalled(self) -> None:
        for number in self._woken.recv(4096):
            if number in {signal.SIGTERM, signal.SIGINT}:
                self._stop()
            elif number == signal.SIGHUP:
                self._reload()

    def _reload(self) -> None:
        for worker in self._living():
            if worker.channel and not worker.channel.send({"kind": "refresh"}):
                self._kill(worker)
        self._reloads.request()

    def _stop(self) -> None:
        if self._stopping:
            self._code = 1
            self._kill_all()
            return
        self._stopping = True
        self._end_by = time.monotonic() + self._drain_s + _AFTER_DRAIN_S
        self._stop_listening()
        self._signal_all(signal.SIGTERM)

    def _kill_all(self) -> None:
        self._end_by = float("inf")
        self._signal_all(signal.SIGKILL)

    def _signal_all(self, number: int) -> None:
        for worker in self._workers:
            if worker.pid:
                os.kill(worker.pid, number)

    # Workers

    def _living(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.channel]

    def _start_due(self) -> None:
        if self._stopping or self._reloads.holds_starts:
            return
        for worker in self._workers:
            if not worker.pid and time.monotonic() >= worker.due:
                self._start(worker)

    def _start(self, worker: _Worker) -> None:
        ours, theirs = Channel.pair()
        # A signal for the child must not be taken by handlers that are still the supervisor's.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        pid = os.fork()
        if pid == 0:
            ours.close()
            os._exit(self._become(worker.number, theirs))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        theirs.close()
        worker.pid, worker.channel, worker.started = pid, ours, time.monotonic()
        worker.serving, worker.silent, worker.hung = False, 0, False
        self._selector.register(ours, selectors.EVENT_READ, worker)

    def _become(self, number: int, channel: Channel) -> int:
        """Run the work of a worker; what it raises must not unwind into the supervisor's stack.

        Nothing of the supervisor's stays open here, or nobody would notice its end.
        """
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # A terminal sends SIGINT to all: what becomes of the workers is the supervisor's to say.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        self._selector.close()
        for ours in (self._woken, self._wake, *(worker.channel for worker in self._workers)):
            if ours:
                ours.close()
        try:
            self._work(number, channel, self._reloads.served)
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else 1
        except BaseException:  # noqa: BLE001  # the worker's outermost frame
            traceback.print_exc()
            return 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        return 0

    def _listen(self, next_beat: float) -> None:
        wakes = [next_beat, self._end_by, self._reloads.ends_by]
        if not self._stopping and not self._reloads.holds_starts:
            wakes += [worker.due for worker in self._workers if not worker.pid]
        for key, _ in self._selector.select(max(0.0, min(wakes) - time.monotonic())):
            if key.data is None:
                self._signalled()
            else:
                self._hear(key.data)

    def _hear(self, worker: _Worker) -> None:
        if worker.channel is None:
            return
        try:
            for packet in worker.channel.receive():
                self._handle(worker, packet)
        except EOFError:
            self._hang_up(worker)

    def _handle(self, worker: _Worker, packet: Packet) -> None:
        worker.silent = 0
        match packet.message:
            case {"kind": "serving"}:
                worker.serving = True
                self._started = self._started or all(one.serving for one in self._workers)
            case {"kind": "failed", "message": str(message)} if not self._started:
                self._failure = self._failure or message
            case {"kind": "failed", "message": message}:
                self._log.error("worker_start_failed", worker=worker.number, detail=message)
            case {"kind": "changed"}:
                self._reloads.request()
            case {"kind": "read" | "prepared"}:
                self._reloads.handle_reply(worker, packet)

    def _hang_up(self, worker: _Worker) -> None:
        if worker.channel:
            self._selector.unregister(worker.channel)
            worker.channel.close()
            worker.channel = None

    def _count_silence(self) -> None:
        for worker in self._workers:
            worker.silent += 1
            if worker.serving and worker.silent > BEATS:
                self._kill(worker)

    def _kill(self, peer: WorkerPeer) -> None:
        """End a worker that does not move, or takes no orders; another takes its place."""
        worker = self._workers[peer.number]
        if worker.pid and not worker.hung:
            worker.hung = True
            self._log.error("worker_hung", worker=worker.number, pid=worker.pid)
            os.kill(worker.pid, signal.SIGKILL)

    def _reap(self) -> None:
        """Reap processes that exited: workers and, as process 1, orphans."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for worker in self._workers:
                if worker.pid == pid:
                    self._ended(worker, os.waitstatus_to_exitcode(status))

    def _ended(self, worker: _Worker, code: int) -> None:
        self._hear(worker)  # what it said last
        self._hang_up(worker)
        pid, worker.pid = worker.pid, None
        served, worker.serving = worker.serving, False
        self._reloads.worker_ended(worker)
        if self._stopping:
            return
        if not self._started:
            self._failure = (
                self._failure or f"worker {worker.number} exited during start-up (exit code {code})"
            )
            self._stop()
            return
        self._log.warning("worker_died", worker=worker.number, pid=pid, code=code)
        if found := self._fatal_inputs.worker_died(worker.number):
            self._log.error(
                "worker_died_evaluating",
                worker=worker.number,
                policy_digest=found.policy_digest,
                input_identity=found.input_identity,
                deaths=found.deaths,
                detail="no worker evaluates this input again under this policy"
                if found.deaths >= DEATHS
                else "another death makes every worker refuse this input under this policy",
            )
        now = time.monotonic()
        settled = served and now - worker.started >= _SETTLED_S
        worker.failures = 0 if settled else worker.failures + 1
        worker.due = worker.started + restart_pause_s(worker.failures)
