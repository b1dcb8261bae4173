"""The child of the sandbox: compiles and evaluates what it is sent, one thing at a time (section 2.5).

Nothing here is trusted once a policy has run in it: the parent checks every answer, and kills the
child that dies, dawdles or talks nonsense.
"""

import os
import socket
from collections.abc import Mapping

import orjson

from acs_sidecar.engines.compilation import CompiledPolicies, compile_policies
from acs_sidecar.engines.in_process import explain, invoke, is_engine_fault
from acs_sidecar.sandbox.confinement import Usage
from acs_sidecar.sandbox.identity_reply import write_identity
from acs_sidecar.sandbox.preparation import InlineRules, prepare, read_given
from acs_sidecar.sandbox.wire import (
    REPLY,
    REQUEST,
    ReplyKind,
    RequestKind,
    read_jobs,
    write_explanation,
    write_failure,
    write_invalid,
    write_output,
    write_pid,
    write_report,
)
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.identity import document_identity
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import NoSources, PolicyInput, PolicyType
from acs_sidecar.spec.reasons import EvaluationError

__all__ = ["Child"]

_POINTS = tuple(InterventionPoint)
_CHUNK = 65_536


class Child:
    """Serves one channel until it closes, and keeps compiled programs until a request drops them."""

    def __init__(
        self,
        channel: socket.socket,
        types: Mapping[str, PolicyType],
        rules: InlineRules,
        usage: Usage,
        max_output_bytes: int,
    ) -> None:
        self._channel = channel
        self._types = types
        self._rules = rules
        self._usage = usage
        self._max_output_bytes = max_output_bytes
        self._compiled: dict[int, CompiledPolicies] = {}

    def serve(self) -> None:
        """Answer every request. Returns when the parent closes the channel or is gone."""
        self._reply(ReplyKind.READY, write_pid(os.getpid()))
        while frame := self._next():
            _, kind, program, forgotten, point = REQUEST.unpack_from(frame)
            body = frame[REQUEST.size :]
            if kind == RequestKind.EVALUATE:
                self._reply(*self._evaluate(program, _POINTS[point], body))
            elif kind == RequestKind.EXPLAIN:
                self._reply(ReplyKind.EXPLAINED, self._explain(program, _POINTS[point], body))
            else:
                # What goes, goes first: both need not fit into memory.
                self._compiled.pop(forgotten, None)
                self._reply(*self._made(RequestKind(kind), program, body))

    def _made(self, kind: RequestKind, program: int, body: bytes) -> tuple[ReplyKind, bytes]:
        """Compile policies, prepare or identify a manifest; whatever is wrong with it is the reply."""
        try:
            if kind is RequestKind.DIGEST:
                return ReplyKind.DIGESTED, _identity_of(body)
            if kind is RequestKind.PREPARE:
                compiled, reply = prepare(body, self._rules, self._types)
            else:
                compiled = compile_policies(read_jobs(body), self._types, NoSources())
                reply = write_report(compiled)
        except ManifestError as error:
            return ReplyKind.INVALID, write_invalid(error)
        except MemoryError:
            raise
        except BaseException as error:
            if not is_engine_fault(error):
                raise
            return ReplyKind.INVALID, write_invalid(_not_compiled())
        self._compiled[program] = compiled
        return ReplyKind.PREPARED if kind is RequestKind.PREPARE else ReplyKind.COMPILED, reply

    def _evaluate(self, program: int, point: InterventionPoint, body: bytes) -> tuple[ReplyKind, bytes]:
        evaluator = self._compiled[program].evaluators[point]
        try:
            output = invoke(evaluator, PolicyInput(orjson.loads(body), body))
            return ReplyKind.OUTPUT, write_output(output, self._max_output_bytes)
        except EvaluationError as error:
            return ReplyKind.FAILED, write_failure(error)

    def _explain(self, program: int, point: InterventionPoint, body: bytes) -> bytes:
        evaluator = self._compiled[program].evaluators[point]
        return write_explanation(explain(evaluator, PolicyInput(orjson.loads(body), body)))

    def _next(self) -> bytes:
        """Receive one frame, or nothing when the parent is gone."""
        frame = self._channel.recv(_CHUNK)
        if _is_whole(frame):
            return frame
        parts = bytearray(frame)
        while chunk := self._channel.recv(_CHUNK):
            parts += chunk
            if _is_whole(parts):
                return bytes(parts)
        return b""

    def _reply(self, kind: ReplyKind, body: bytes) -> None:
        self._channel.sendall(REPLY.pack(len(body), kind, self._usage.exhausted()) + body)


def _is_whole(frame: bytes | bytearray) -> bool:
    return len(frame) >= REQUEST.size and len(frame) == REQUEST.size + REQUEST.unpack_from(frame)[0]


def _identity_of(body: bytes) -> bytes:
    """Return digest and name of a manifest. Raises `ManifestError` for a text that has none."""
    if identity := document_identity(read_given(body)):
        return write_identity(identity)
    raise ManifestError([Diagnostic("manifest-not-an-object", "a manifest must be a mapping")])


def _not_compiled() -> ManifestError:
    message = "an engine failed to compile this manifest"
    return ManifestError([Diagnostic("policy-compile-failed", message, "policies")])
