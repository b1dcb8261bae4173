"""Several workers on one socket: started, replaced when they die, stopped together (contract 2.6)."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from types import FrameType

import structlog

__all__ = ["supervise"]

RESTART_PAUSE_S = 0.5


def supervise(workers: int, work: Callable[[int], None]) -> int:
    """Fork `workers` processes that each run `work` with their number; give the exit code for the parent.

    A worker that dies is replaced, not faster than every half second. The first SIGTERM or SIGINT
    is passed on to all, the second kills them; SIGHUP is passed on. Must be called before any thread
    is started.
    """
    return _Supervisor(workers, work).run()


class _Supervisor:
    def __init__(self, workers: int, work: Callable[[int], None]) -> None:
        self._workers = workers
        self._work = work
        self._children: dict[int, tuple[int, float]] = {}
        self._stopping = False
        self._log = structlog.stdlib.get_logger("acs.supervisor")

    def run(self) -> int:
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, self._stop)
        signal.signal(signal.SIGHUP, self._pass_on)
        for number in range(self._workers):
            self._start(number)
        while self._children:
            pid, status = os.wait()
            number, started = self._children.pop(pid)
            if not self._stopping:
                self._log.warning("worker_died", pid=pid, code=os.waitstatus_to_exitcode(status))
                time.sleep(max(0.0, started + RESTART_PAUSE_S - time.monotonic()))
                self._start(number)
        return 0

    def _start(self, number: int) -> None:
        if self._stopping:
            return
        pid = os.fork()
        if pid:
            self._children[pid] = number, time.monotonic()
            return
        os._exit(_run_child(self._work, number))

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        for pid in self._children:
            os.kill(pid, number)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        number = signal.SIGKILL if self._stopping else signal.SIGTERM
        self._stopping = True
        for pid in self._children:
            os.kill(pid, number)


def _run_child(work: Callable[[int], None], number: int) -> int:
    """Run the work of a child process; whatever it raises must not unwind into the parent's stack."""
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        work(number)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001  # the child's outermost frame
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0
