"""The parts of what a child says: written there, and read here member by member (section 2.5).

Every `read_` function raises `MalformedOutputError` for anything else than what its `write_` writes.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict

import orjson

from acs_sidecar.detectors.registry import LOCAL_PROVIDERS
from acs_sidecar.spec.manifest.diagnostics import MAX_FINDINGS, Diagnostic, first_findings
from acs_sidecar.spec.points import POINT_NAMES, InterventionPoint
from acs_sidecar.spec.policy_statement import (
    DecisionNotes,
    OwnAnnotator,
    PolicyStatement,
    Required,
    Requirement,
)
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

__all__ = [
    "MAX_TEXT",
    "MalformedOutputError",
    "read_annotators",
    "read_digest",
    "read_error",
    "read_findings",
    "read_members",
    "read_notes",
    "read_object",
    "read_optional_text",
    "read_reason",
    "read_requires",
    "read_text",
    "write_error",
    "write_findings",
    "write_notes",
    "write_statement",
]

MAX_TEXT = 1_000
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SEVERITIES = ("error", "warning")
_MAX_PLACE = 2**31


class MalformedOutputError(Exception):
    """A child sent malformed output."""


def write_error(error: EvaluationError) -> dict[str, Json]:
    """Return a failure as a value: its reason, and its detail as one printable line."""
    detail = "".join(letter if letter.isprintable() else " " for letter in error.detail[:MAX_TEXT])
    return {"reason": error.reason.value, "detail": detail}


def read_error(message: Json) -> EvaluationError:
    """Read a failure."""
    members = read_members(message, {"reason", "detail"})
    detail = read_text(members["detail"])
    if not detail.isprintable():
        raise MalformedOutputError
    return EvaluationError(read_reason(members["reason"]), detail)


def write_notes(notes: DecisionNotes) -> dict[str, Json]:
    """Return what goes into the record of a decision as a value."""
    value: dict[str, Json] = {}
    if "decided_by" in notes:
        value["decided_by"] = notes["decided_by"]
    if "logged" in notes:
        value["logged"] = [name[:MAX_TEXT] for name in notes["logged"]]
    return value


def read_notes(message: Json) -> DecisionNotes:
    """Read what goes into the record of a decision; the record bounds it again."""
    if not isinstance(message, dict) or not message.keys() <= DecisionNotes.__optional_keys__:
        raise MalformedOutputError
    notes: DecisionNotes = {}
    if "decided_by" in message:
        notes["decided_by"] = read_optional_text(message["decided_by"])
    if "logged" in message:
        logged = message["logged"]
        if not isinstance(logged, list):
            raise MalformedOutputError
        notes["logged"] = [read_text(name) for name in logged]
    return notes


def write_statement(statement: PolicyStatement) -> dict[str, Json]:
    """Return the part of a statement that a service needs of a caller's policies."""
    return {
        "warnings": write_findings(statement.warnings),
        "requires": [[one.requirement.value, one.path[:MAX_TEXT]] for one in statement.requires],
        "annotators": [
            [one.point.value, one.name, dict(one.invocation), one.path[:MAX_TEXT]]
            for one in statement.annotators
        ],
    }


def read_annotators(message: Json) -> tuple[OwnAnnotator, ...]:
    """Read which local classifiers policies ask themselves."""
    if not isinstance(message, list):
        raise MalformedOutputError
    annotators = []
    for one in message:
        match one:
            case [str(point), str(name), dict(invocation), str(path)] if _is_local(point, invocation):
                place = InterventionPoint(point)
                annotators.append(OwnAnnotator(place, read_text(name), invocation, read_text(path)))
            case _:
                raise MalformedOutputError
    return tuple(annotators)


def _is_local(point: str, invocation: dict[str, Json]) -> bool:
    known = point in POINT_NAMES and str(invocation.get("provider")) in LOCAL_PROVIDERS
    return known and invocation.get("type") == "classifier"


def read_requires(message: Json) -> tuple[Required, ...]:
    """Read what policies require of the service."""
    if not isinstance(message, list):
        raise MalformedOutputError
    required = []
    for one in message:
        match one:
            case [str(name), str(path)] if name in set(Requirement):
                required.append(Required(Requirement(name), read_text(path)))
            case _:
                raise MalformedOutputError
    return tuple(required)


def write_findings(diagnostics: Iterable[Diagnostic]) -> list[Json]:
    """Return the first findings as values, with bounded texts."""
    return [
        {name: value[:MAX_TEXT] if isinstance(value, str) else value for name, value in asdict(one).items()}
        for one in first_findings(diagnostics)
    ]


def read_findings(message: Json) -> tuple[Diagnostic, ...]:
    """Read findings."""
    if not isinstance(message, list) or len(message) > MAX_FINDINGS + 2:
        raise MalformedOutputError
    return tuple(_diagnostic(finding) for finding in message)


def _diagnostic(message: Json) -> Diagnostic:
    if not isinstance(message, dict) or message.keys() != Diagnostic.__dataclass_fields__.keys():
        raise MalformedOutputError
    severity = message["severity"]
    if severity not in _SEVERITIES:
        raise MalformedOutputError
    return Diagnostic(
        code=read_text(message["code"]),
        message=read_text(message["message"]),
        path=read_optional_text(message["path"]),
        severity="error" if severity == "error" else "warning",
        source=read_optional_text(message["source"]),
        line=_place(message["line"]),
        column=_place(message["column"]),
    )


def read_object(body: bytes, members: set[str]) -> dict[str, Json]:
    """Read a body that is an object with exactly these members."""
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MalformedOutputError from None
    return read_members(message, members)


def read_members(message: Json, members: set[str]) -> dict[str, Json]:
    """Return a value that is an object with exactly these members."""
    if not isinstance(message, dict) or message.keys() != members:
        raise MalformedOutputError
    return message


def read_reason(message: Json) -> Reason:
    """Read a reserved reason."""
    try:
        return Reason(read_text(message))
    except ValueError:
        raise MalformedOutputError from None


def read_digest(message: Json) -> str:
    """Read a digest."""
    if not isinstance(message, str) or not _DIGEST.fullmatch(message):
        raise MalformedOutputError
    return message


def read_text(message: Json) -> str:
    """Read a text of bounded length."""
    if not isinstance(message, str) or len(message) > MAX_TEXT:
        raise MalformedOutputError
    return message


def read_optional_text(message: Json) -> str | None:
    """Read a text, or `null`."""
    return None if message is None else read_text(message)


def _place(message: Json) -> int | None:
    if message is None:
        return None
    if not isinstance(message, int) or isinstance(message, bool) or not 0 < message < _MAX_PLACE:
        raise MalformedOutputError
    return message
