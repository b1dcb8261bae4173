"""Request errors: RFC 9457 problem details that carry a deny (section 2.2)."""

from http import HTTPStatus

import orjson

from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import runtime_error_verdict

__all__ = ["PROBLEM_TYPE", "ProblemError"]

PROBLEM_TYPE = "application/problem+json"
_CAUSES = {
    HTTPStatus.BAD_REQUEST: "malformed",
    HTTPStatus.UNAUTHORIZED: "unauthenticated",
    HTTPStatus.METHOD_NOT_ALLOWED: "method",
    HTTPStatus.REQUEST_TIMEOUT: "late",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_long",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "media_type",
    HTTPStatus.TOO_MANY_REQUESTS: "overload",
    HTTPStatus.INTERNAL_SERVER_ERROR: "fault",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}


class ProblemError(Exception):
    """A request that gets no evaluation. `detail` tells the caller what to do, without quoting values.

    `cause` is what refused requests are counted by: a word of the code, by default that of the status.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        reason: Reason = Reason.REQUEST_INVALID,
        request_id: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        cause: str | None = None,
    ) -> None:
        super().__init__(f"{status.value}: {detail}")
        self.status = status
        self.detail = detail
        self.reason = reason
        self.request_id = request_id
        self.headers = headers
        self.cause = cause or _CAUSES.get(status, status.name.lower())

    def as_json(self, *, verdict: bool = True) -> dict[str, Json]:
        """Give the body: `verdict` is there for every route under `/v1/evaluate`."""
        members: dict[str, Json] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        if verdict:
            members["verdict"] = runtime_error_verdict(self.reason).as_json()
            if self.request_id is not None:
                members["request_id"] = self.request_id
        return members

    def body(self, *, verdict: bool = True) -> bytes:
        """Serialise `as_json`."""
        return orjson.dumps(self.as_json(verdict=verdict))
