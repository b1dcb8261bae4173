"""The pool of children: assignment, time limits and waiting calls (section 2.5).

A child has one call at a time. One that is overdue is killed and replaced, so a call costs nobody
but its asker more than a place in the pool for a bounded time. No manifest may hold more than half
of the places, nor may all those together whose policies are not known to end by themselves; whoever
waits is served in turn, and not for ever.
"""

import asyncio
from dataclasses import dataclass
from math import inf

from acs_sidecar.sandbox.calls import AnyCall, SandboxProgram
from acs_sidecar.sandbox.processes import Worker, ZygoteProcess
from acs_sidecar.sandbox.proven_programs import ProvenPrograms
from acs_sidecar.sandbox.waiting_calls import WaitingCalls
from acs_sidecar.sandbox.wire import (
    MalformedOutputError,
    ReplyKind,
    compile_request,
    document_request,
    evaluate_request,
    max_reply_bytes,
)
from acs_sidecar.sandbox.zygote import ZygoteOptions

__all__ = ["Pool", "PoolBounds", "PoolCounts", "SandboxStartError"]

TICK_S = 0.005
SLOW_S = 0.010
"""A child at work for longer does not count among the warm ones: another takes its place meanwhile."""

START_S = 30.0
"""What a child may take to be ready, and again as long as its zygote goes on importing on a busy machine."""

MOST_START_S = 120.0
"""The processor time after which a zygote that has no child ready is given up."""

FIRST_BACKOFF_S = 0.02
MOST_BACKOFF_S = 1.0
KEPT_PROGRAMS = 32
"""Manifests that one child keeps compiled."""

_DIED = "crashed its process: out of `max_policy_memory_bytes`, stack overflow or a fault"
_NONSENSE = "made its process return malformed output"
_NO_PLACE = "found no free process in time"
_CLOSED = "was requested while the sandbox was closed"


class SandboxStartError(Exception):
    """Children do not start."""


@dataclass(frozen=True, slots=True)
class PoolBounds:
    """Numbers of children; seconds that a compile may take (of processor time), and a surplus child idle."""

    warm: int
    most: int
    compile_s: float
    idle_s: float

    @property
    def share(self) -> int:
        """Children that one manifest, or all unproven ones together, may hold."""
        return max(1, self.most // 2)


@dataclass(frozen=True, slots=True)
class PoolCounts:
    """What the pool holds, and how many children it has killed and lost since it was opened.

    Children that are neither idle nor busy are starting; `waiting` counts requests.
    """

    children: int
    idle: int
    busy: int
    waiting: int
    killed: int
    died: int


class Pool:
    """The children of one zygote, in one event loop. Nothing in it blocks."""

    def __init__(self, bounds: PoolBounds, orders: ZygoteOptions, loop: asyncio.AbstractEventLoop) -> None:
        self.ready: asyncio.Future[None] = loop.create_future()
        self._bounds = bounds
        self._orders = orders
        self._loop = loop
        self._max_reply = max_reply_bytes(orders.max_output_bytes)
        self._zygote: ZygoteProcess | None = None
        self._workers: set[Worker] = set()
        self._idle: list[Worker] = []
        self._waiting = WaitingCalls()
        self._unproven = 0
        self._forked = 0
        self._killed = 0
        self._died = 0
        self._proven = ProvenPrograms()
        self._backoff_s = FIRST_BACKOFF_S
        self._start_after = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def counts(self) -> PoolCounts:
        """Return the current counts."""
        return PoolCounts(
            children=len(self._workers),
            idle=len(self._idle),
            busy=sum(worker.call is not None for worker in self._workers),
            waiting=len(self._waiting),
            killed=self._killed,
            died=self._died,
        )

    def open(self) -> None:
        """Start the warm children; `ready` is done when they are, or raises `SandboxStartError`."""
        self._grow(0)

    async def close(self) -> None:
        """Fail every call and end every child."""
        self._closed = True
        self.ready.cancel()
        if self._timer:
            self._timer.cancel()
        self._waiting.fail_all(_CLOSED)
        for worker in tuple(self._workers):
            self._drop(worker, _CLOSED)
        if zygote := self._zygote:
            self._zygote = None
            self._loop.remove_reader(zygote.control.fileno())
            await zygote.close()

    def is_proven(self, key: str) -> bool:
        """True if the policies of that content are known to end by themselves, compiled or not."""
        return self._proven.knows(key)

    def submit(self, call: AnyCall) -> None:
        """Run a call now, or when its turn comes."""
        if self._closed:
            call.fail(_CLOSED)
            return
        if self._idle and self._admits(call.program):
            self._begin(call)
        else:
            self._waiting.add(call)
        self._arm()

    # -- what workers report -----------------------------------------------------------------------

    def replied(self, worker: Worker, kind: ReplyKind, exhausted: bool, body: bytes) -> None:
        """Handle a message of a child: that it is ready, or a result."""
        call = worker.call
        try:
            if call is None:
                self._greeted(worker, kind, body)
            elif worker.compiling and call.point is not None:
                if kind is not ReplyKind.COMPILED:
                    raise MalformedOutputError
                worker.compiled[call.program.number] = None
                self._ask_evaluate(worker, call, call.point)
                return
            else:
                self._answered(worker, call, kind, body)
        except MalformedOutputError:
            self.malformed_output(worker)
            return
        if exhausted:
            self._drop(worker, _DIED)
            self._grow(0)
        else:
            self._rest(worker)
        self._serve()

    def malformed_output(self, worker: Worker) -> None:
        """Kill a child that sends malformed output."""
        self._killed += 1
        self._drop(worker, _NONSENSE)
        self._grow(0)
        self._serve()

    def lost(self, worker: Worker, *, untouched: bool) -> None:
        """Replace a child that exited. A call not yet started goes to another one, while time remains."""
        if worker not in self._workers:
            return
        self._died += 1
        call = worker.call
        if not worker.ready:
            self._not_started()
        if call and untouched:
            self._finish(worker, call)
            self._waiting.add_first(call)
        self._drop(worker, _DIED)
        self._grow(0)
        self._serve()

    def _greeted(self, worker: Worker, kind: ReplyKind, body: bytes) -> None:
        worker.greet(kind, body)
        self._backoff_s = FIRST_BACKOFF_S
        if not self.ready.done() and len(self._idle) + 1 >= self._bounds.warm:
            self.ready.set_result(None)

    def _answered(self, worker: Worker, call: AnyCall, kind: ReplyKind, body: bytes) -> None:
        call.settle(kind, body)
        if kind in {ReplyKind.COMPILED, ReplyKind.PREPARED}:
            worker.compiled[call.program.number] = None
        elif not worker.compiling:
            self._proven.prove(call.program)
        self._finish(worker, call)

    # -- turns -------------------------------------------------------------------------------------

    def _admits(self, program: SandboxProgram) -> bool:
        """True if a program may have an idle child; of several, unproven ones leave one to those proven."""
        share = self._bounds.share
        if program.running >= share:
            return False
        left = len(self._idle) > 1 or self._bounds.warm == 1 or not self._unproven
        return program.proven or (self._unproven < share and left)

    def _serve(self) -> None:
        """Assign idle children to waiting calls."""
        while self._idle and self._waiting and (call := self._waiting.next(self._admits)):
            self._begin(call)

    # -- one call ----------------------------------------------------------------------------------

    def _begin(self, call: AnyCall) -> None:
        program = call.program
        worker = self._pick(program)
        worker.call = call
        worker.unproven = not program.proven
        self._unproven += worker.unproven
        program.running += 1
        if call.point is not None and program.number in worker.compiled:
            self._ask_evaluate(worker, call, call.point)
        else:
            self._ask_compile(worker, program, call)

    def _pick(self, program: SandboxProgram) -> Worker:
        """Pop the most recently used idle child, preferring one that has the program compiled."""
        for index in range(len(self._idle) - 1, -1, -1):
            if program.number in self._idle[index].compiled:
                return self._idle.pop(index)
        return self._idle.pop()

    def _ask_compile(self, worker: Worker, program: SandboxProgram, call: AnyCall) -> None:
        worker.begin_compile()
        worker.compiled.pop(program.number, None)
        forgotten = worker.compiled.popitem(last=False)[0] if len(worker.compiled) >= KEPT_PROGRAMS else 0
        if call.document is None:
            request = compile_request(program.number, forgotten, program.jobs)
        else:
            request = document_request(call.document, program.number, forgotten, call.content)
        self._ask(worker, request, self._bounds.compile_s)

    def _ask_evaluate(self, worker: Worker, call: AnyCall, point: int) -> None:
        program = call.program
        worker.compiling = False
        worker.compiled.move_to_end(program.number)
        self._ask(worker, evaluate_request(program.number, point, call.content, call.asks), program.timeout_s)

    def _ask(self, worker: Worker, request: bytes, within_s: float) -> None:
        worker.started = self._loop.time()
        worker.deadline = worker.started + within_s
        try:
            worker.send(request)
        except OSError:
            self.lost(worker, untouched=True)

    def _finish(self, worker: Worker, call: AnyCall) -> None:
        call.program.running -= 1
        self._unproven -= worker.unproven
        worker.call = None
        worker.compiling = worker.unproven = False
        worker.deadline = inf

    def _rest(self, worker: Worker) -> None:
        worker.deadline = inf
        worker.idle_since = self._loop.time()
        self._idle.append(worker)

    # -- time --------------------------------------------------------------------------------------

    def _arm(self) -> None:
        """Look again soon, unless all is at rest: nobody waits and the warm children are idle."""
        at_rest = not self._waiting and len(self._workers) == len(self._idle) == self._bounds.warm
        if self._timer is None and not at_rest and not self._closed:
            self._timer = self._loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._loop.time()
        slow = 0
        for worker in tuple(self._workers):
            if now >= worker.deadline:
                self._overdue(worker, now)
            elif worker.call and now - worker.started > SLOW_S:
                slow += 1
        self._waiting.expire(now, _NO_PLACE)
        self._grow(slow)
        surplus = len(self._workers) - self._bounds.warm - slow
        if surplus > 0 and self._idle and now - self._idle[0].idle_since > self._bounds.idle_s:
            self._drop(self._idle[0], _CLOSED)
        self._arm()

    def _overdue(self, worker: Worker, now: float) -> None:
        """Kill a child, unless its answer is here already and this loop was the one that was late."""
        worker.listen()
        call = worker.call
        if worker not in self._workers or now < worker.deadline:
            return
        if worker.compiles_on(self._bounds.compile_s, now):
            return
        if call is None:
            self._unready(now)
            return
        self._killed += 1
        name, seconds = "`policy_timeout_ms`", call.program.timeout_s
        if worker.compiling:
            name, seconds = "the milliseconds to compile", self._bounds.compile_s
        self._drop(worker, f"exceeded {name} ({round(seconds * 1000)}) and was stopped")

    def _unready(self, now: float) -> None:
        """Replace a zygote that forks no child, unless it is at work: a child is ready in milliseconds."""
        zygote = self._zygote
        worked = zygote is not None and zygote.has_worked()
        if zygote and worked and zygote.used_s < MOST_START_S:
            for worker in self._workers:
                if not worker.ready:
                    worker.deadline = now + START_S
            return
        self._killed += 1
        bound = f"{MOST_START_S:g} seconds of processor time" if worked else f"{START_S:g} seconds"
        self._not_started(f"were not ready within {bound}")
        self._zygote_lost()

    # -- processes ---------------------------------------------------------------------------------

    def _grow(self, slow: int) -> None:
        """Start children until the warm ones are there, not counting those at work for long."""
        target = min(self._bounds.most, self._bounds.warm + slow)
        while len(self._workers) < target and not self._closed and self._loop.time() >= self._start_after:
            self._fork()
        self._arm()

    def _fork(self) -> None:
        self._forked += 1
        try:
            zygote = self._zygote or self._start_zygote()
            channel = zygote.fork(self._forked)
        except OSError as error:
            self._not_started(f"cannot be started: {error}")
            self._zygote_lost()
            return
        zygote.has_worked()  # what it did for others counts no more
        worker = Worker(self._forked, channel, self, self._loop, self._max_reply)
        worker.deadline = worker.started + START_S
        self._workers.add(worker)

    def _start_zygote(self) -> ZygoteProcess:
        zygote = self._zygote = ZygoteProcess(self._orders)
        self._loop.add_reader(zygote.control.fileno(), self._zygote_lost)
        return zygote

    def _zygote_lost(self) -> None:
        """Discard a zygote that exited or does not respond, and its children."""
        zygote, self._zygote = self._zygote, None
        if zygote is None:
            return
        self._loop.remove_reader(zygote.control.fileno())
        zygote.end()
        for worker in tuple(self._workers):
            self.lost(worker, untouched=False)

    def _not_started(self, why: str = "exit before they are ready; see the error output") -> None:
        """Wait longer before each next try."""
        self._start_after = self._loop.time() + self._backoff_s
        self._backoff_s = min(2 * self._backoff_s, MOST_BACKOFF_S)
        if not self.ready.done():
            self.ready.set_exception(SandboxStartError(f"its processes {why}"))

    def _drop(self, worker: Worker, why: str) -> None:
        """Kill a child, fail its call, and forget both."""
        self._workers.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        if call := worker.call:
            self._proven.disprove(call.program)
            self._finish(worker, call)
            call.fail(why)
        worker.close()
        if self._zygote:
            try:
                self._zygote.kill(worker.number)
            except OSError:
                self._zygote_lost()
