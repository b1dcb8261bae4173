"""Refusals as HTTP answers: RFC 9457 problem details, by one table of causes (section 2.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import orjson

from acs_sidecar.decision.caller import Scope
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import runtime_error_verdict

__all__ = [
    "ANSWERS",
    "PROBLEM_TYPE",
    "HeaderPairs",
    "HttpRefusalError",
    "problem_headers",
    "problem_json",
    "refusal_body",
    "refusal_json",
    "scope_challenge",
    "status_of",
]

HeaderPairs = tuple[tuple[bytes, bytes], ...]

PROBLEM_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: HTTPStatus
    headers: HeaderPairs = ()


def scope_challenge(needed: Scope) -> HeaderPairs:
    """Return the challenge for a caller that is known and lacks a scope."""
    challenge = f'Bearer realm="acs-sidecar", error="insufficient_scope", scope="{needed}"'
    return ((b"www-authenticate", challenge.encode()),)


# What was not read cannot be skipped cheaply: the connection ends with the answer.
_CLOSE: HeaderPairs = ((b"connection", b"close"),)

ANSWERS: Mapping[Cause, _Answer] = {
    Cause.MALFORMED: _Answer(HTTPStatus.BAD_REQUEST),
    Cause.UNAUTHENTICATED: _Answer(
        HTTPStatus.UNAUTHORIZED, ((b"www-authenticate", b'Bearer realm="acs-sidecar"'),)
    ),
    Cause.FORBIDDEN: _Answer(HTTPStatus.FORBIDDEN),
    Cause.SCOPE: _Answer(HTTPStatus.FORBIDDEN, scope_challenge(Scope.EVALUATE)),
    Cause.AGENT: _Answer(HTTPStatus.FORBIDDEN),
    Cause.MANIFEST: _Answer(HTTPStatus.FORBIDDEN),
    Cause.INLINE: _Answer(HTTPStatus.FORBIDDEN),
    Cause.SIGNATURE: _Answer(HTTPStatus.FORBIDDEN),
    Cause.HOST: _Answer(HTTPStatus.FORBIDDEN),
    Cause.ORIGIN: _Answer(HTTPStatus.FORBIDDEN),
    Cause.USER: _Answer(HTTPStatus.FORBIDDEN),
    Cause.NOT_FOUND: _Answer(HTTPStatus.NOT_FOUND),
    Cause.METHOD: _Answer(HTTPStatus.METHOD_NOT_ALLOWED, ((b"allow", b"POST"),)),
    Cause.LATE: _Answer(HTTPStatus.REQUEST_TIMEOUT, _CLOSE),
    Cause.TOO_LONG: _Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _CLOSE),
    Cause.MEDIA_TYPE: _Answer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    Cause.TRANSFER_CODING: _Answer(HTTPStatus.NOT_IMPLEMENTED, _CLOSE),
    Cause.OVERLOAD: _Answer(HTTPStatus.TOO_MANY_REQUESTS, ((b"retry-after", b"1"),)),
    Cause.FAULT: _Answer(HTTPStatus.INTERNAL_SERVER_ERROR),
    Cause.UNAVAILABLE: _Answer(HTTPStatus.SERVICE_UNAVAILABLE),
}
"""Every cause with its status, and the headers that go with it unless a refusal has its own."""


class HttpRefusalError(RefusalError):
    """A refusal with headers of its own in the place of its cause's."""

    def __init__(
        self,
        cause: Cause,
        detail: str,
        *,
        headers: HeaderPairs,
        reason: Reason = Reason.REQUEST_INVALID,
    ) -> None:
        super().__init__(cause, detail, reason=reason)
        self.headers = headers


def status_of(cause: Cause) -> HTTPStatus:
    """Return the status that a cause is answered with."""
    return ANSWERS[cause].status


def problem_headers(error: RefusalError) -> HeaderPairs:
    """Return the headers that a refusal is answered with, besides those of every problem."""
    return error.headers if isinstance(error, HttpRefusalError) else ANSWERS[error.cause].headers


def problem_json(status: HTTPStatus, detail: str) -> dict[str, Json]:
    """Return problem details without a verdict."""
    return {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}


def refusal_json(error: RefusalError) -> dict[str, Json]:
    """Return the body of a refused decision: problem details with the deny that they carry."""
    members = problem_json(status_of(error.cause), error.answer)
    members["verdict"] = runtime_error_verdict(error.reason).as_json()
    if error.request_id is not None:
        members["request_id"] = error.request_id
    return members


def refusal_body(error: RefusalError, *, verdict: bool) -> bytes:
    """Serialise a refusal; `verdict` is for the routes that decide."""
    return orjson.dumps(
        refusal_json(error) if verdict else problem_json(status_of(error.cause), error.answer)
    )
