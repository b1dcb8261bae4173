"""How a manifest wants escalations approved, and the port behind which a resolver is (section 19).

The service keeps no approval state: what an approval needs to know travels in a signed challenge.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeGuard

from acs_sidecar.spec.ports import PolicyInput
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import APPROVERS, Verdict

__all__ = [
    "DEFAULT_TIMEOUT_SECONDS",
    "MAX_TIMEOUT_SECONDS",
    "ApprovalOutcome",
    "ApprovalPlan",
    "Question",
    "Resolver",
    "ResolverAnswer",
    "ResolverError",
    "is_names",
    "named_approvers",
    "naming",
]

DEFAULT_TIMEOUT_SECONDS = 300
MAX_TIMEOUT_SECONDS = 30 * 24 * 3600


class ApprovalOutcome(StrEnum):
    """The outcome of an approval. The host carries out the action only after `allow`."""

    ALLOW = "allow"
    DENY = "deny"
    SUSPEND = "suspend"


class ResolverError(Exception):
    """A resolver failed. The message is one line of manifest names, without anything from its response."""


@dataclass(frozen=True, slots=True)
class Question:
    """The request to a resolver for one approval.

    `challenge` is the signed text that an approval must be bound to, `terms` is what it says, and
    `seconds_left` how long it holds. `sign` gives the service's signature over a request.
    """

    challenge: str
    terms: JsonObject
    policy_input: PolicyInput
    seconds_left: float
    sign: Callable[[bytes], str]


@dataclass(frozen=True, slots=True)
class ResolverAnswer:
    """The unchecked answer of a resolver: a signed `approval`, or an outcome of its own.

    An outcome other than `deny` must repeat the identity that it is for. `approver` is who decided, as
    the resolver says.
    """

    approval: str | None = None
    outcome: Json = None
    enforced_identity: Json = None
    approver: Json = None


class Resolver(Protocol):
    """One configured resolver of a manifest (section 19)."""

    async def ask(self, question: Question) -> ResolverAnswer | None:
        """Request an approval once; `None` if the answer comes later as a signed approval.

        MUST raise `ResolverError` for every failure, and MUST NOT take longer than
        `question.seconds_left`.
        """
        ...


@dataclass(frozen=True, slots=True)
class ApprovalPlan:
    """The `approval` section of a manifest that names a resolver.

    `resolver` is `None` when none of that name can be used here; `fault` says why. `type` is one of
    those of this version; `None` tells that none matched, as against one that is there and is wrong.
    """

    name: str
    type: str | None
    resolver: Resolver | None
    fault: str = ""
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS
    on_timeout: ApprovalOutcome = ApprovalOutcome.DENY
    fatigue_threshold: int | None = None
    fatigue_window_seconds: int | None = None


def naming(verdict: Verdict) -> JsonObject | None:
    """Return the part of a verdict that names its approvers: evidence, or `approval` from 0.4 on."""
    approval, evidence = verdict.approval, verdict.evidence
    if approval is not None and APPROVERS in approval:
        return approval
    return evidence if evidence is not None and APPROVERS in evidence else None


def named_approvers(members: JsonObject | None) -> tuple[str, ...] | None:
    """Return who alone may approve what these members belong to; `None` if they name no one.

    A list in another form than names is `()`: nobody.
    """
    if members is None or APPROVERS not in members:
        return None
    approvers = members[APPROVERS]
    return tuple(dict.fromkeys(approvers)) if is_names(approvers) else ()


def is_names(value: Json) -> TypeGuard[list[str]]:
    """True if this is a list of texts, none of them empty."""
    if not isinstance(value, list):
        return False
    for name in value:  # noqa: SIM110  # for the few names of an escalation `all` costs twice as much
        if not isinstance(name, str) or not name:
            return False
    return True
