"""The messages between the service and a child of the sandbox, and their strict parsers.

A frame is a header and a body. The parent asks one thing at a time and a child answers it. What
the parent sends is trusted; what a child sends is not: it is JSON, bounded before it is read and
checked member by member, and anything else is a `MalformedOutputError`.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum

import orjson

from acs_sidecar.engines.compilation import CompiledPolicies, PolicyJob
from acs_sidecar.sandbox.reply_values import (
    MalformedOutputError,
    read_annotators,
    read_digest,
    read_error,
    read_findings,
    read_members,
    read_notes,
    read_object,
    read_reason,
    read_requires,
    write_error,
    write_findings,
    write_notes,
    write_statement,
)
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.explanation import MAX_EXPLANATION_BYTES
from acs_sidecar.spec.limits import MAX_CONFIGURABLE_DEPTH, Limits
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.members import PolicyKind
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.policy_statement import PolicyStatement
from acs_sidecar.spec.ports import ManifestFacts, PointBinding, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject, deeper_than

__all__ = [
    "REPLY",
    "REQUEST",
    "CompileReport",
    "MalformedOutputError",
    "Preparation",
    "ReplyKind",
    "RequestKind",
    "compile_request",
    "document_request",
    "evaluate_request",
    "max_reply_bytes",
    "read_explanation",
    "read_failure",
    "read_invalid",
    "read_jobs",
    "read_output",
    "read_pid",
    "read_preparation",
    "read_report",
    "write_explanation",
    "write_failure",
    "write_invalid",
    "write_jobs",
    "write_output",
    "write_pid",
    "write_preparation",
    "write_report",
]

REQUEST = struct.Struct("<IBQQB")
"""Bytes of the body, a `RequestKind`, the number of the program, that of one to forget, the point's index.

A program is what one manifest's policies compile to; numbers are never used twice, and 0 is none.
"""

REPLY = struct.Struct("<IBB")
"""Bytes of the body, a `ReplyKind`, and 1 when the child asks to be replaced."""

_PARTS = struct.Struct("<II")
_MAX_TRACE_DEPTH = 8
_MAX_EXPLANATION_DEPTH = 16
_ROOM = 8 * 1024 * 1024
"""More than the longest list of findings, whose four texts each take at most six bytes a character, and
more than what is made of the longest manifest."""


class RequestKind(IntEnum):
    """The kinds of request to a child."""

    COMPILE = 0
    EVALUATE = 1
    PREPARE = 2
    DIGEST = 3
    EXPLAIN = 4


class ReplyKind(IntEnum):
    """The kinds of reply of a child. `READY` is sent once, unsolicited, when the child is confined."""

    READY = 0
    COMPILED = 1
    INVALID = 2
    OUTPUT = 3
    FAILED = 4
    PREPARED = 5
    DIGESTED = 6
    EXPLAINED = 7


@dataclass(frozen=True, slots=True)
class CompileReport:
    """The result of a successful compilation: a policy digest per point, and what the policies state.

    A service lists no counters of a caller's manifest and reloads none, so only `warnings` and `requires`.
    """

    digests: Mapping[InterventionPoint, str]
    statement: PolicyStatement


@dataclass(frozen=True, slots=True)
class Preparation:
    """A manifest as a child read, validated and compiled it.

    `manifest` is what of it the service needs, `catalogue` its tools, `jobs` its policies, ready for another
    child. `milliseconds` is how long all of it took.
    """

    digest: str
    report: CompileReport
    manifest: dict[str, Json]
    milliseconds: float
    assembled_bytes: int
    catalogue: bytes
    jobs: bytes


def max_reply_bytes(max_policy_output_bytes: int) -> int:
    """Return the longest body that a child may send: an output with its trace, or a list of findings."""
    return max_policy_output_bytes + _ROOM


# -- to a child ------------------------------------------------------------------------------------


def compile_request(program: int, forgotten: int, jobs: bytes) -> bytes:
    """Frame the request to compile jobs as a program, in the place of another."""
    return REQUEST.pack(len(jobs), RequestKind.COMPILE, program, forgotten, 0) + jobs


def evaluate_request(
    program: int, point: int, policy_input: bytes, kind: RequestKind = RequestKind.EVALUATE
) -> bytes:
    """Frame the request to evaluate, or explain, a canonical policy input at the point of that index."""
    return REQUEST.pack(len(policy_input), kind, program, 0, point) + policy_input


def document_request(kind: RequestKind, program: int, forgotten: int, document: bytes) -> bytes:
    """Frame the request to prepare a manifest as a program in the place of another, or for its digest."""
    return REQUEST.pack(len(document), kind, program, forgotten, 0) + document


def write_pid(pid: int) -> bytes:
    """Write the process number of a child, which it sends before it reads anything."""
    return str(pid).encode()


def read_pid(body: bytes) -> int:
    """Read the process number of a child. Raises `MalformedOutputError`."""
    if not body.isdigit():
        raise MalformedOutputError
    return int(body)


def write_jobs(jobs: Iterable[PolicyJob]) -> bytes:
    """Write the jobs of one manifest."""
    return orjson.dumps(
        [
            {
                "path": job.path,
                "type": job.type,
                "definition": dict(job.definition),
                "name": job.name,
                "combines": job.combines,
                "manifest": {
                    "version": job.manifest.version,
                    "tools": dict(job.manifest.tools) if job.type == PolicyKind.CUSTOM else {},
                    "can_escalate": job.manifest.can_escalate,
                    "limits": asdict(job.manifest.limits),
                },
                "bindings": [
                    {
                        "point": binding.point.value,
                        "path": binding.path,
                        "members": dict(binding.members),
                        "target_kind": binding.target_kind,
                        "projects_tool": binding.projects_tool,
                        "annotations": binding.annotations,
                    }
                    for binding in job.bindings
                ],
            }
            for job in jobs
        ]
    )


def read_jobs(body: bytes) -> tuple[PolicyJob, ...]:
    """Read what `write_jobs` wrote."""
    return tuple(
        PolicyJob(
            job["path"],
            job["type"],
            job["definition"],
            tuple(
                PointBinding(
                    point=InterventionPoint(binding["point"]),
                    path=binding["path"],
                    definition=job["definition"],
                    members=binding["members"],
                    target_kind=binding["target_kind"],
                    projects_tool=binding["projects_tool"],
                    annotations=tuple(binding["annotations"]),
                )
                for binding in job["bindings"]
            ),
            ManifestFacts(**{**job["manifest"], "limits": Limits(**job["manifest"]["limits"])}),
            name=job["name"],
            combines=tuple(job["combines"]),
        )
        for job in orjson.loads(body)
    )


# -- from a child ----------------------------------------------------------------------------------


def write_output(output: PolicyOutput, max_bytes: int) -> bytes:
    """Write a policy's output. Raises `EvaluationError` for one that no reader would take."""
    written = output.as_json()
    try:
        value = canonical(written)
    except TypeError:
        if deeper_than(written, MAX_CONFIGURABLE_DEPTH):
            raise _exceeded("max_policy_input_depth", MAX_CONFIGURABLE_DEPTH) from None
        raise EvaluationError(Reason.POLICY_OUTPUT_INVALID, "the policy output is not JSON") from None
    if len(value) > max_bytes:
        raise _exceeded("max_policy_output_bytes", max_bytes)
    besides: dict[str, Json] = {
        "trace": dict(output.trace),
        "notes": write_notes(output.notes) if output.notes else None,
        "failure": write_error(output.failure) if output.failure else None,
    }
    return b'{"besides":' + canonical(besides) + b',"value":' + value + b"}"


def read_output(body: bytes) -> PolicyOutput:
    """Read a policy's output. Raises `MalformedOutputError`."""
    message = read_object(body, {"besides", "value"})
    besides = read_members(message["besides"], {"trace", "notes", "failure"})
    trace, failure = besides["trace"], besides["failure"]
    if not isinstance(trace, dict) or deeper_than(trace, _MAX_TRACE_DEPTH):
        raise MalformedOutputError
    return PolicyOutput(
        message["value"],
        trace,
        None if besides["notes"] is None else read_notes(besides["notes"]),
        None if failure is None else read_error(failure),
    )


def write_explanation(explanation: JsonObject | None) -> bytes:
    """Write a bounded explanation, or that there is none."""
    return canonical(None if explanation is None else dict(explanation))


def read_explanation(body: bytes) -> dict[str, Json] | None:
    """Read an explanation. Raises `MalformedOutputError`."""
    if len(body) > MAX_EXPLANATION_BYTES:
        raise MalformedOutputError
    try:
        explanation: Json = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MalformedOutputError from None
    if explanation is None:
        return None
    if not isinstance(explanation, dict) or deeper_than(explanation, _MAX_EXPLANATION_DEPTH):
        raise MalformedOutputError
    return explanation


def write_failure(error: EvaluationError) -> bytes:
    """Write why an evaluation failed, as one printable line."""
    return orjson.dumps(write_error(error))


def read_failure(body: bytes) -> EvaluationError:
    """Read why an evaluation failed. Raises `MalformedOutputError`."""
    return read_error(read_object(body, {"reason", "detail"}))


def write_report(compiled: CompiledPolicies) -> bytes:
    """Write the outcome of a compile that succeeded."""
    digests: dict[str, Json] = {point.value: digest for point, digest in compiled.digests.items()}
    return orjson.dumps({"digests": digests, **write_statement(compiled.statement)})


def read_report(body: bytes, points: frozenset[InterventionPoint]) -> CompileReport:
    """Read the outcome of a compile that bound exactly `points`. Raises `MalformedOutputError`."""
    return _report(read_object(body, {"digests", "warnings", "requires", "annotators"}), points)


def _report(message: dict[str, Json], points: frozenset[InterventionPoint]) -> CompileReport:
    digests = message["digests"]
    if not isinstance(digests, dict) or digests.keys() != {point.value for point in points}:
        raise MalformedOutputError
    warnings = read_findings(message["warnings"])
    if any(finding.severity == "error" for finding in warnings):
        raise MalformedOutputError
    requires, annotators = read_requires(message["requires"]), read_annotators(message["annotators"])
    statement = PolicyStatement(warnings, requires, annotators=annotators)
    return CompileReport(
        {InterventionPoint(name): read_digest(text) for name, text in digests.items()}, statement
    )


def write_invalid(error: ManifestError) -> bytes:
    """Write the findings of a compile that failed, errors first where they are too many."""
    findings = write_findings(error.diagnostics)
    return orjson.dumps({"reason": error.reason.value, "diagnostics": findings, "digest": error.digest})


def read_invalid(body: bytes) -> ManifestError:
    """Read the findings of a compile that failed. Raises `MalformedOutputError`."""
    message = read_object(body, {"reason", "diagnostics", "digest"})
    findings = read_findings(message["diagnostics"])
    if not any(finding.severity == "error" for finding in findings):
        raise MalformedOutputError
    error = ManifestError(findings, read_reason(message["reason"]))
    error.digest = None if message["digest"] is None else read_digest(message["digest"])
    return error


def write_preparation(
    digest: str,
    compiled: CompiledPolicies,
    manifest: JsonObject,
    milliseconds: float,
    parts: tuple[bytes, bytes],
) -> bytes:
    """Write a manifest that was prepared; `parts` are its catalogue of tools and its jobs."""
    head = orjson.dumps(
        {
            "digest": digest,
            "digests": {point.value: digest for point, digest in compiled.digests.items()},
            **write_statement(compiled.statement),
            "manifest": dict(manifest),
            "milliseconds": milliseconds,
        }
    )
    return b"".join((_PARTS.pack(len(head), len(parts[0])), head, *parts))


def read_preparation(body: bytes) -> Preparation:
    """Read a manifest that was prepared. Raises `MalformedOutputError`."""
    if len(body) < _PARTS.size:
        raise MalformedOutputError
    head_size, catalogue_size = _PARTS.unpack_from(body)
    end = _PARTS.size + head_size
    members = {"digest", "digests", "warnings", "requires", "annotators", "manifest", "milliseconds"}
    head = read_object(body[_PARTS.size : end], members)
    manifest, milliseconds = head["manifest"], head["milliseconds"]
    if not isinstance(manifest, dict) or not isinstance(milliseconds, float):
        raise MalformedOutputError
    points = manifest.get("intervention_points")
    if not isinstance(points, dict) or not points.keys() <= set(InterventionPoint):
        raise MalformedOutputError
    report = _report(head, frozenset(map(InterventionPoint, points)))
    catalogue, jobs = body[end : end + catalogue_size], body[end + catalogue_size :]
    return Preparation(
        read_digest(head["digest"]), report, manifest, milliseconds, head_size, catalogue, jobs
    )


def _exceeded(limit: str, value: int) -> EvaluationError:
    return EvaluationError(Reason.RESOURCE_LIMIT_EXCEEDED, f"the policy output exceeds `{limit}` ({value})")
