"""What a call raises instead of a permit (section 12.2): code that catches nothing stops."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acs_client.decision import Decision

__all__ = ["AcsError", "Blocked", "ConfigurationError", "Denied", "Escalated", "Unavailable", "describe"]


class AcsError(Exception):
    """Base of everything that this package raises on purpose."""


class ConfigurationError(AcsError):
    """The client cannot be made as configured; raised by constructors alone."""


class Blocked(AcsError):  # noqa: N818  # what it says of the action
    """The action may not go on.

    `decision` is the verdict, synthesised where no policy spoke; `cause` says whose it is: `service`, or what
    the client itself met, such as `unreachable`, `deadline`, `protocol`, `status`, `snapshot`, `ticket`.
    `status` is the HTTP status of the response, if there was one.
    """

    def __init__(self, decision: "Decision", *, cause: str, status: int | None = None) -> None:
        super().__init__(describe(decision))
        self.decision = decision
        self.cause = cause
        self.status = status

    @property
    def point(self) -> str:
        """The intervention point."""
        return self.decision.point

    @property
    def request_id(self) -> str | None:
        """The id under which the service has recorded the request, if it was sent."""
        return self.decision.request_id


class Denied(Blocked):
    """A deny."""


class Escalated(Blocked):
    """A person decides: `ticket` carries the action to them, or is `None` when nobody can approve it."""

    def __init__(self, decision: "Decision", ticket: dict[str, Any] | None) -> None:
        super().__init__(decision, cause="service", status=200)
        self.ticket = ticket


class Unavailable(Blocked):
    """No verdict could be had: the service is unreachable, late, or answers what is none."""


def describe(decision: "Decision") -> str:
    """Return the one line that a model or a person is shown: `denied by policy: <reason>[: <message>]`."""
    verb = "needs approval" if decision.decision == "escalate" else "denied by policy"
    return ": ".join(part for part in (verb, decision.reason or "no reason given", decision.message) if part)
