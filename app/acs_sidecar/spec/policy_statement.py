"""What a policy states besides verdicts, of itself and of one decision (sections 1.7, 3.1, 4.1).

The service acts on these values alone, so that it needs to know no engine and no adapter.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict, assert_never

from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import JsonObject

__all__ = [
    "UNVERSIONED",
    "DecisionNotes",
    "HostCounter",
    "OwnAnnotator",
    "PolicyStatement",
    "Required",
    "Requirement",
    "Revision",
    "Window",
    "rollbacks",
    "united",
    "unmet_requirements",
]


class Requirement(StrEnum):
    """What a policy may require of the service that evaluates it."""

    SIGNED_AUDIT = "signed_audit"


@dataclass(frozen=True, slots=True)
class Required:
    """A requirement; `path` names the policy in diagnostics (`policies.<name>`)."""

    requirement: Requirement
    path: str


class Window(StrEnum):
    """The window of a count, which begins with the first action that is counted in it."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class HostCounter:
    """A count that the host keeps for a policy, and passes as `envelope.counters.<group>.<name>`."""

    group: str
    name: str
    window: Window


UNVERSIONED = 0
"""The version of a document whose version nothing protects: below every other, with any content."""


@dataclass(frozen=True, slots=True)
class Revision:
    """Which version of a document a policy enforces; `path` names the policy in diagnostics.

    `series` is the same for all versions of the document, `content` for all copies of one version.
    `withdrawn` tells that the version says of itself that it must no longer be enforced.
    """

    path: str
    series: str
    version: int
    content: str
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class OwnAnnotator:
    """A local classifier that a policy asks itself at a point, about the policy target.

    `path` names the policy in diagnostics.
    """

    point: InterventionPoint
    name: str
    invocation: JsonObject
    path: str


@dataclass(frozen=True, slots=True)
class PolicyStatement:
    """What a compiled policy states of itself.

    - `warnings` are lint findings, those of binding included. An error among them is one that only all
      bindings together show: the manifest is invalid.
    - `requires`: a service that does not provide it refuses the manifest.
    - `counters` are listed by `GET /v1/manifests/{name}`, so that hosts know what to count.
    - `revisions` are compared with those that serve: a reload to an older one is refused.
    - `annotators` run beside those that the manifest binds.
    """

    warnings: tuple[Diagnostic, ...] = ()
    requires: tuple[Required, ...] = ()
    counters: tuple[HostCounter, ...] = ()
    revisions: tuple[Revision, ...] = ()
    annotators: tuple[OwnAnnotator, ...] = ()


class DecisionNotes(TypedDict, total=False):
    """What a policy adds to the audit record of one decision: the closed list of such members.

    `decided_by` is the name of the policy that decided, of several that were combined, and `None` where
    their combination itself denied. `logged` are the names of rules that matched and only log.
    """

    decided_by: str | None
    logged: list[str]


def unmet_requirements(
    requires: Iterable[Required], provides: frozenset[Requirement]
) -> tuple[Diagnostic, ...]:
    """Return an error for each requirement that a service does not provide."""
    return tuple(_unmet(one) for one in requires if one.requirement not in provides)


def _unmet(required: Required) -> Diagnostic:
    match required.requirement:
        case Requirement.SIGNED_AUDIT:
            message = "requires the signed audit log: set ACS_AUDIT_DURABILITY to `write` or `fsync`"
            return Diagnostic("audit-required", message, required.path)
        case _:
            assert_never(required.requirement)


def united(statements: Iterable[PolicyStatement]) -> PolicyStatement:
    """Return what several policies state together, each statement once, in order."""
    all_statements = tuple(statements)
    return PolicyStatement(
        tuple(found for one in all_statements for found in one.warnings),
        tuple(dict.fromkeys(found for one in all_statements for found in one.requires)),
        tuple(dict.fromkeys(found for one in all_statements for found in one.counters)),
        tuple(dict.fromkeys(found for one in all_statements for found in one.revisions)),
        tuple(found for one in all_statements for found in one.annotators),
    )


def rollbacks(serving: Iterable[Revision], candidate: Iterable[Revision]) -> Iterator[Diagnostic]:
    """Yield a finding for each revision of `candidate` that must not take the place of one that serves.

    Stops: an older version, another content under the same version, and a version put back in force after
    it was withdrawn. An unversioned document replaces none but another such. What serves beside a newer
    version of its series stays, while the newest does.
    """
    before, after = tuple(serving), tuple(candidate)
    newest, offered = _newest(before), _newest(after)
    for one in after:
        served = newest.get(one.series)
        if served is None or (one in before and _rank(offered[one.series]) >= _rank(served)):
            continue
        if one.version == UNVERSIONED:
            if served.version == UNVERSIONED:
                continue
            why = f"a document without a signed version cannot replace version {served.version}"
        elif one.version < served.version:
            why = f"version {one.version} is older than version {served.version}"
        elif one.version > served.version:
            continue
        elif one.content != served.content:
            why = f"version {one.version} has another content than the one"
        elif served.withdrawn and not one.withdrawn:
            why = f"version {one.version} was withdrawn in the one"
        else:
            continue
        yield Diagnostic("policy-rollback", f"`{one.series}`: {why} that serves", one.path)


def _newest(revisions: Iterable[Revision]) -> dict[str, Revision]:
    """Return the newest revision of each series; of one version, that which was withdrawn."""
    return {one.series: one for one in sorted(revisions, key=_rank)}


def _rank(revision: Revision) -> tuple[int, bool]:
    return revision.version, revision.withdrawn
