"""Checks, their results and what follows from them for a control (section 8.3)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from acs_sidecar.spec.values import Json

__all__ = [
    "CheckKind",
    "CheckOutcome",
    "CheckResult",
    "ControlStatus",
    "EvidencePlace",
    "control_status",
    "token",
]

_NOT_TOKEN = re.compile(r"[^A-Za-z0-9.]+|\.(?=[^0-9])")

MOST_PLACES = 5
"""How many records a check names, each by its receipt."""


class CheckKind(StrEnum):
    """Where a check looks: the log, a counter-example through the manifest, or settings and files."""

    MEASURED = "measured"
    PROBED = "probed"
    DECLARED = "declared"


class CheckOutcome(StrEnum):
    """What a check found. `no_data` is no answer: it neither helps nor harms a control."""

    PASS = "pass"  # noqa: S105  # an outcome, no password
    FAIL = "fail"
    NO_DATA = "no_data"


class ControlStatus(StrEnum):
    """The status of a control."""

    MET = "met"
    PARTIAL = "partial"
    NOT_MET = "not_met"
    NOT_ASSESSED = "not_assessed"


@dataclass(frozen=True, slots=True)
class EvidencePlace:
    """A record by its log and index."""

    log: str
    index: int


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The answer of one check: why it is so, what was counted, the records and names behind it."""

    outcome: CheckOutcome
    detail: str
    counts: dict[str, Json] = field(default_factory=dict)
    places: tuple[EvidencePlace, ...] = ()
    names: tuple[str, ...] = ()


def control_status(checks: Sequence[tuple[CheckKind, CheckOutcome]], *, ceiling: bool) -> ControlStatus:
    """Return the status of a control from its checks.

    `met` needs all of them to pass and one of them to be measured; a `ceiling` keeps it at `partial`.
    """
    outcomes = [outcome for _, outcome in checks]
    measured = any(kind is CheckKind.MEASURED and outcome is CheckOutcome.PASS for kind, outcome in checks)
    if outcomes and all(outcome is CheckOutcome.PASS for outcome in outcomes) and measured and not ceiling:
        return ControlStatus.MET
    if CheckOutcome.PASS in outcomes:
        return ControlStatus.PARTIAL
    return ControlStatus.NOT_MET if CheckOutcome.FAIL in outcomes else ControlStatus.NOT_ASSESSED


def token(value: str) -> str:
    """Return a name as an OSCAL token: a letter or `_`, then letters, digits, `.`, `-` and `_`."""
    found = _NOT_TOKEN.sub("-", value).strip("-.").lower()
    return found if found[:1].isalpha() else f"_{found}"
