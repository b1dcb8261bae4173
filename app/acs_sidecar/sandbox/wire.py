"""What the parent and a child of the sandbox say to each other, and how each reads it.

A frame is a header and a body. The parent asks one thing at a time and a child answers it. What
the parent sends is trusted; what a child sends is not: it is JSON, bounded before it is read and
checked member by member, and anything else is a `GarbageError`.
"""

import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum

import orjson

from acs_sidecar.engines.compilation import CompiledPolicies, PolicyJob
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.limits import MAX_CONFIGURABLE_DEPTH
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.members import PolicyKind
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import ManifestFacts, PointBinding, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject, deeper_than

__all__ = [
    "MAX_FINDINGS",
    "REPLY",
    "REQUEST",
    "Ask",
    "CompileReport",
    "GarbageError",
    "Tell",
    "compile_request",
    "evaluate_request",
    "max_reply_bytes",
    "read_failure",
    "read_invalid",
    "read_jobs",
    "read_output",
    "read_report",
    "write_failure",
    "write_invalid",
    "write_jobs",
    "write_output",
    "write_report",
]

REQUEST = struct.Struct("<IBQQB")
"""Bytes of the body, an `Ask`, the number of the program, that of one to forget, the point's index.

A program is what one manifest's policies compile to; numbers are never used twice, and 0 is none.
"""

REPLY = struct.Struct("<IBB")
"""Bytes of the body, a `Tell`, and 1 when the child asks to be replaced."""

MAX_FINDINGS = 50
MAX_TEXT = 1_000
_MAX_TRACE_DEPTH = 8
_ROOM = 2 * 1024 * 1024
"""More than the longest list of findings, whose four texts each take at most six bytes a character."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SEVERITIES = ("error", "warning")
_MAX_PLACE = 2**31


class Ask(IntEnum):
    """What the parent wants of a child."""

    COMPILE = 0
    EVALUATE = 1


class Tell(IntEnum):
    """What a child has to say. `READY` comes once, unasked, when it is confined."""

    READY = 0
    COMPILED = 1
    INVALID = 2
    OUTPUT = 3
    FAILED = 4


class GarbageError(Exception):
    """A child said something that no child says."""


@dataclass(frozen=True, slots=True)
class CompileReport:
    """What a successful compile tells: a policy digest per point, and the warnings."""

    digests: Mapping[InterventionPoint, str]
    warnings: tuple[Diagnostic, ...]


def max_reply_bytes(max_policy_output_bytes: int) -> int:
    """Return the longest body that a child may send: an output with its trace, or a list of findings."""
    return max_policy_output_bytes + _ROOM


# -- to a child ------------------------------------------------------------------------------------


def compile_request(program: int, forgotten: int, jobs: bytes) -> bytes:
    """Frame the request to compile jobs as a program, in the place of another."""
    return REQUEST.pack(len(jobs), Ask.COMPILE, program, forgotten, 0) + jobs


def evaluate_request(program: int, point: int, policy_input: bytes) -> bytes:
    """Frame the request to evaluate a canonical policy input at the point of that index."""
    return REQUEST.pack(len(policy_input), Ask.EVALUATE, program, 0, point) + policy_input


def write_jobs(jobs: Iterable[PolicyJob]) -> bytes:
    """Write the jobs of one manifest."""
    return orjson.dumps(
        [
            {
                "path": job.path,
                "type": job.type,
                "definition": dict(job.definition),
                "manifest": {
                    "version": job.manifest.version,
                    "tools": dict(job.manifest.tools) if job.type == PolicyKind.CUSTOM else {},
                    "can_escalate": job.manifest.can_escalate,
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
            ManifestFacts(**job["manifest"]),
        )
        for job in orjson.loads(body)
    )


# -- from a child ----------------------------------------------------------------------------------


def write_output(output: PolicyOutput, max_bytes: int) -> bytes:
    """Write a policy's output. Raises `EvaluationError` for one that no reader would take."""
    try:
        value = canonical(output.value)
    except TypeError:
        if deeper_than(output.value, MAX_CONFIGURABLE_DEPTH):
            raise _exceeded("max_policy_input_depth", MAX_CONFIGURABLE_DEPTH) from None
        raise EvaluationError(Reason.POLICY_OUTPUT_INVALID, "the policy output is not JSON") from None
    if len(value) > max_bytes:
        raise _exceeded("max_policy_output_bytes", max_bytes)
    return b'{"trace":' + canonical(output.trace) + b',"value":' + value + b"}"


def read_output(body: bytes) -> PolicyOutput:
    """Read a policy's output. Raises `GarbageError`."""
    said = _object(body, {"trace", "value"})
    trace = said["trace"]
    if not isinstance(trace, dict) or deeper_than(trace, _MAX_TRACE_DEPTH):
        raise GarbageError
    return PolicyOutput(said["value"], trace)


def write_failure(error: EvaluationError) -> bytes:
    """Write why an evaluation failed, as one printable line."""
    detail = "".join(letter if letter.isprintable() else " " for letter in error.detail[:MAX_TEXT])
    return orjson.dumps({"reason": error.reason.value, "detail": detail})


def read_failure(body: bytes) -> EvaluationError:
    """Read why an evaluation failed. Raises `GarbageError`."""
    said = _object(body, {"reason", "detail"})
    detail = _text(said["detail"])
    if not detail.isprintable():
        raise GarbageError
    return EvaluationError(_reason(said["reason"]), detail)


def write_report(compiled: CompiledPolicies) -> bytes:
    """Write the outcome of a compile that succeeded."""
    digests: dict[str, Json] = {point.value: digest for point, digest in compiled.digests.items()}
    return orjson.dumps({"digests": digests, "warnings": _findings(compiled.warnings)})


def read_report(body: bytes, points: frozenset[InterventionPoint]) -> CompileReport:
    """Read the outcome of a compile that bound exactly `points`. Raises `GarbageError`."""
    said = _object(body, {"digests", "warnings"})
    digests = said["digests"]
    if not isinstance(digests, dict) or digests.keys() != {point.value for point in points}:
        raise GarbageError
    if not all(isinstance(digest, str) and _DIGEST.fullmatch(digest) for digest in digests.values()):
        raise GarbageError
    warnings = _diagnostics(said["warnings"])
    if any(finding.severity == "error" for finding in warnings):
        raise GarbageError
    return CompileReport({InterventionPoint(name): str(text) for name, text in digests.items()}, warnings)


def write_invalid(error: ManifestError) -> bytes:
    """Write the findings of a compile that failed, errors first where they are too many."""
    ordered = sorted(error.diagnostics, key=lambda finding: finding.severity)
    kept = error.diagnostics if len(ordered) <= MAX_FINDINGS else ordered
    return orjson.dumps({"reason": error.reason.value, "diagnostics": _findings(kept)})


def read_invalid(body: bytes) -> ManifestError:
    """Read the findings of a compile that failed. Raises `GarbageError`."""
    said = _object(body, {"reason", "diagnostics"})
    findings = _diagnostics(said["diagnostics"])
    if not any(finding.severity == "error" for finding in findings):
        raise GarbageError
    return ManifestError(findings, _reason(said["reason"]))


def _exceeded(limit: str, value: int) -> EvaluationError:
    return EvaluationError(Reason.RESOURCE_LIMIT_EXCEEDED, f"the policy output exceeds `{limit}` ({value})")


def _findings(diagnostics: Iterable[Diagnostic]) -> list[JsonObject]:
    findings = list(diagnostics)
    shown: list[JsonObject] = [
        {name: value[:MAX_TEXT] if isinstance(value, str) else value for name, value in asdict(one).items()}
        for one in findings[:MAX_FINDINGS]
    ]
    if len(findings) > MAX_FINDINGS:
        message = f"{len(findings) - MAX_FINDINGS} more findings are not shown"
        shown.append(asdict(Diagnostic("findings-omitted", message, severity="warning")))
    return shown


def _diagnostics(said: Json) -> tuple[Diagnostic, ...]:
    if not isinstance(said, list) or len(said) > MAX_FINDINGS + 1:
        raise GarbageError
    return tuple(_diagnostic(finding) for finding in said)


def _diagnostic(said: Json) -> Diagnostic:
    if not isinstance(said, dict) or said.keys() != Diagnostic.__dataclass_fields__.keys():
        raise GarbageError
    severity = said["severity"]
    if severity not in _SEVERITIES:
        raise GarbageError
    return Diagnostic(
        code=_text(said["code"]),
        message=_text(said["message"]),
        path=_optional_text(said["path"]),
        severity="error" if severity == "error" else "warning",
        source=_optional_text(said["source"]),
        line=_place(said["line"]),
        column=_place(said["column"]),
    )


def _object(body: bytes, members: set[str]) -> dict[str, Json]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise GarbageError from None
    if not isinstance(said, dict) or said.keys() != members:
        raise GarbageError
    return said


def _reason(said: Json) -> Reason:
    try:
        return Reason(_text(said))
    except ValueError:
        raise GarbageError from None


def _text(said: Json) -> str:
    if not isinstance(said, str) or len(said) > MAX_TEXT:
        raise GarbageError
    return said


def _optional_text(said: Json) -> str | None:
    return None if said is None else _text(said)


def _place(said: Json) -> int | None:
    if said is None:
        return None
    if not isinstance(said, int) or isinstance(said, bool) or not 0 < said < _MAX_PLACE:
        raise GarbageError
    return said
