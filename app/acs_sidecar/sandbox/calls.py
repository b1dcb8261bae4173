"""What is asked of a child, and what the asker gets: an answer, or the failure it amounts to."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from acs_sidecar.sandbox.wire import (
    CompileReport,
    GarbageError,
    Tell,
    read_failure,
    read_invalid,
    read_output,
    read_report,
)
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason

__all__ = ["AnyCall", "Call", "Program", "compile_call", "evaluate_call"]

Answer = TypeVar("Answer")


@dataclass(slots=True, eq=False, weakref_slot=True)
class Program:
    """The policies of one manifest: what a child compiles before it evaluates any of them.

    `number` is its name on the wire, never used twice in a service's life.
    `running` counts the children at work for it. `proven` tells whether its last evaluation ended by
    itself: until one has, and after one had to be stopped, it shares a part of the pool with its like.
    """

    number: int
    jobs: bytes
    points: frozenset[InterventionPoint]
    timeout_s: float
    running: int = 0
    proven: bool = False


@dataclass(slots=True, eq=False)
class Call(Generic[Answer]):
    """One thing to do in a child: evaluate `policy_input` at `point`, or only compile (`None`).

    `read` makes of a child's words the answer or the error to raise, and raises `GarbageError`;
    `failure` makes the error of a call that a child did not answer, from the reason as a predicate.
    """

    program: Program
    point: int | None
    policy_input: bytes
    answer: "asyncio.Future[Answer]"
    read: Callable[[Tell, bytes], Answer | Exception]
    failure: Callable[[str], Exception]
    waits_until: float

    def settle(self, tell: Tell, body: bytes) -> None:
        """Pass the child's result to the caller. Raises `GarbageError`."""
        said = self.read(tell, body)
        if self.answer.done():
            return
        if isinstance(said, Exception):
            self.answer.set_exception(said)
        else:
            self.answer.set_result(said)

    def fail(self, why: str) -> None:
        """Pass the failure to the caller."""
        if not self.answer.done():
            self.answer.set_exception(self.failure(why))


AnyCall = Call[PolicyOutput] | Call[CompileReport]


def evaluate_call(
    program: Program, point: int, policy_input: bytes, loop: asyncio.AbstractEventLoop, waits_until: float
) -> Call[PolicyOutput]:
    """Make the call that evaluates; it fails with `policy_invocation_failed`."""
    answer: asyncio.Future[PolicyOutput] = loop.create_future()
    return Call(program, point, policy_input, answer, _read_evaluated, _not_evaluated, waits_until)


def compile_call(
    program: Program, loop: asyncio.AbstractEventLoop, waits_until: float
) -> Call[CompileReport]:
    """Make the call that compiles; it fails with `ManifestError` and `resource_limit_exceeded`."""
    answer: asyncio.Future[CompileReport] = loop.create_future()

    def read(tell: Tell, body: bytes) -> CompileReport | Exception:
        if tell is Tell.COMPILED:
            return read_report(body, program.points)
        if tell is Tell.INVALID:
            return read_invalid(body)
        raise GarbageError

    return Call(program, None, b"", answer, read, _not_compiled, waits_until)


def _read_evaluated(tell: Tell, body: bytes) -> PolicyOutput | Exception:
    if tell is Tell.OUTPUT:
        return read_output(body)
    if tell is Tell.FAILED:
        return read_failure(body)
    raise GarbageError


def _not_evaluated(why: str) -> Exception:
    return EvaluationError(Reason.POLICY_INVOCATION_FAILED, f"the policy {why}")


def _not_compiled(why: str) -> Exception:
    finding = Diagnostic("compile-resources", f"compiling the policies {why}", "policies")
    return ManifestError([finding], Reason.RESOURCE_LIMIT_EXCEEDED)
