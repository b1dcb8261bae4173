"""Calls to a child of the sandbox, and their results or failures."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from acs_sidecar.sandbox.identity_reply import read_identity
from acs_sidecar.sandbox.wire import (
    CompileReport,
    MalformedOutputError,
    Preparation,
    ReplyKind,
    RequestKind,
    read_explanation,
    read_failure,
    read_invalid,
    read_output,
    read_preparation,
    read_report,
)
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.identity import ManifestIdentity
from acs_sidecar.spec.owner import NOBODY, Owner
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

__all__ = [
    "AnyCall",
    "SandboxCall",
    "SandboxProgram",
    "compile_call",
    "evaluate_call",
    "explain_call",
    "identity_call",
    "prepare_call",
]

Answer = TypeVar("Answer")


@dataclass(slots=True, eq=False, weakref_slot=True)
class SandboxProgram:
    """The policies of one manifest: what a child compiles before it evaluates any of them.

    `number` is its name on the wire, never used twice in a service's life.
    `key` names their content, where it is known; `points` are those that they bind. `owner` is who brought
    them first: whose turn and share they take until they are proven.
    `running` counts the children at work for it. `proven` tells whether its last evaluation ended by
    itself: until one has, and after one had to be stopped, it shares a part of the pool with its like.
    """

    number: int
    jobs: bytes
    points: frozenset[InterventionPoint]
    timeout_s: float
    key: str | None = None
    owner: Owner = NOBODY
    running: int = 0
    proven: bool = False


@dataclass(slots=True, eq=False)
class SandboxCall(Generic[Answer]):
    """One call to a child: evaluate `content` at `point`, or explain it (`asks`), or only compile (`None`).

    `document` is what to do with a manifest as it came, which is then the `content`.
    `read` makes of a child's words the answer or the error to raise, and raises `MalformedOutputError`;
    `failure` makes the error of a call that a child did not answer, from the reason as a predicate.
    """

    program: SandboxProgram
    point: int | None
    content: bytes
    answer: "asyncio.Future[Answer]"
    read: Callable[[ReplyKind, bytes], Answer | Exception]
    failure: Callable[[str], Exception]
    waits_until: float
    document: RequestKind | None = None
    asks: RequestKind = RequestKind.EVALUATE

    def settle(self, kind: ReplyKind, body: bytes) -> None:
        """Pass the child's result to the caller. Raises `MalformedOutputError`."""
        result = self.read(kind, body)
        if self.answer.done():
            return
        if isinstance(result, Exception):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)

    def fail(self, why: str) -> None:
        """Pass the failure to the caller."""
        if not self.answer.done():
            self.answer.set_exception(self.failure(why))


AnyCall = SandboxCall[Any]


def evaluate_call(
    program: SandboxProgram,
    point: int,
    policy_input: bytes,
    loop: asyncio.AbstractEventLoop,
    waits_until: float,
) -> SandboxCall[PolicyOutput]:
    """Return the call that evaluates; it fails with `policy_invocation_failed`."""
    answer: asyncio.Future[PolicyOutput] = loop.create_future()
    return SandboxCall(program, point, policy_input, answer, _read_evaluated, _not_evaluated, waits_until)


def explain_call(
    program: SandboxProgram,
    point: int,
    policy_input: bytes,
    loop: asyncio.AbstractEventLoop,
    waits_until: float,
) -> SandboxCall[dict[str, Json] | None]:
    """Return the call that explains; it fails as `evaluate_call`."""
    answer: asyncio.Future[dict[str, Json] | None] = loop.create_future()
    return SandboxCall(
        program,
        point,
        policy_input,
        answer,
        _read_explained,
        _not_evaluated,
        waits_until,
        asks=RequestKind.EXPLAIN,
    )


def compile_call(
    program: SandboxProgram, loop: asyncio.AbstractEventLoop, waits_until: float
) -> SandboxCall[CompileReport]:
    """Return the call that compiles; it fails with `ManifestError` and `resource_limit_exceeded`."""
    answer: asyncio.Future[CompileReport] = loop.create_future()
    read = _read_or_invalid(ReplyKind.COMPILED, lambda body: read_report(body, program.points))
    return SandboxCall(program, None, b"", answer, read, _not_compiled, waits_until)


def prepare_call(
    program: SandboxProgram, document: bytes, loop: asyncio.AbstractEventLoop, waits_until: float
) -> SandboxCall[Preparation]:
    """Return the call that prepares a manifest; it fails as `compile_call`."""
    answer: asyncio.Future[Preparation] = loop.create_future()
    read = _read_or_invalid(ReplyKind.PREPARED, read_preparation)
    return SandboxCall(program, None, document, answer, read, _not_prepared, waits_until, RequestKind.PREPARE)


def identity_call(
    program: SandboxProgram, document: bytes, loop: asyncio.AbstractEventLoop, waits_until: float
) -> SandboxCall[ManifestIdentity]:
    """Return the call that reads a manifest for its digest and name; it fails as `compile_call`."""
    answer: asyncio.Future[ManifestIdentity] = loop.create_future()
    read = _read_or_invalid(ReplyKind.DIGESTED, read_identity)
    return SandboxCall(program, None, document, answer, read, _not_prepared, waits_until, RequestKind.DIGEST)


def _read_or_invalid(
    expected: ReplyKind, read_answer: Callable[[bytes], Answer]
) -> Callable[[ReplyKind, bytes], Answer | Exception]:
    """Return the reader of a reply that is of the `expected` kind or says that the manifest is invalid."""

    def read(kind: ReplyKind, body: bytes) -> Answer | Exception:
        if kind is expected:
            return read_answer(body)
        if kind is ReplyKind.INVALID:
            return read_invalid(body)
        raise MalformedOutputError

    return read


def _read_evaluated(kind: ReplyKind, body: bytes) -> PolicyOutput | Exception:
    if kind is ReplyKind.OUTPUT:
        return read_output(body)
    if kind is ReplyKind.FAILED:
        return read_failure(body)
    raise MalformedOutputError


def _read_explained(kind: ReplyKind, body: bytes) -> dict[str, Json] | None:
    if kind is ReplyKind.EXPLAINED:
        return read_explanation(body)
    raise MalformedOutputError


def _not_evaluated(why: str) -> Exception:
    return EvaluationError(Reason.POLICY_INVOCATION_FAILED, f"the policy {why}")


def _not_prepared(why: str) -> Exception:
    finding = Diagnostic("compile-resources", f"reading and compiling the manifest {why}")
    return ManifestError([finding], Reason.RESOURCE_LIMIT_EXCEEDED)


def _not_compiled(why: str) -> Exception:
    finding = Diagnostic("compile-resources", f"compiling the policies {why}", "policies")
    return ManifestError([finding], Reason.RESOURCE_LIMIT_EXCEEDED)
