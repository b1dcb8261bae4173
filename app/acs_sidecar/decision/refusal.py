"""Refusals: requests that are not evaluated, with cause and detail (section 2.2)."""

from dataclasses import dataclass
from enum import StrEnum

from acs_sidecar.spec.reasons import Reason

__all__ = ["Cause", "RefusalError", "Refused"]


class Cause(StrEnum):
    """The closed set of causes of a refusal, which transports map to responses and metrics count."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    SCOPE = "scope"
    AGENT = "agent"
    MANIFEST = "manifest"
    INLINE = "inline"
    SIGNATURE = "signature"
    HOST = "host"
    ORIGIN = "origin"
    USER = "user"
    NOT_FOUND = "not_found"
    METHOD = "method"
    LATE = "late"
    TOO_LONG = "too_long"
    MEDIA_TYPE = "media_type"
    TRANSFER_CODING = "transfer_coding"
    OVERLOAD = "overload"
    FAULT = "fault"
    UNAVAILABLE = "unavailable"


class RefusalError(Exception):
    """A request is refused. `detail` says what to do and quotes nothing that the caller sent.

    `answer` is the detail in the response; it may also name a member of the request, which no log does.
    """

    def __init__(
        self,
        cause: Cause,
        detail: str,
        *,
        reason: Reason = Reason.REQUEST_INVALID,
        request_id: str | None = None,
        answer: str | None = None,
    ) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail
        self.reason = reason
        self.request_id = request_id
        self.answer = answer or detail


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal that the decision service has recorded and counted: what a caller may be answered with.

    Only `DecisionService` makes one, so that a transport cannot answer with a refusal nobody recorded.
    """

    error: RefusalError
