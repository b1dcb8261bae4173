"""The report: the controls of frameworks, each by the results of its checks (section 8.3)."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from acs_sidecar.assurance.compliance.catalog import Control, Framework
from acs_sidecar.assurance.compliance.checks import CHECKS
from acs_sidecar.assurance.compliance.vocabulary import (
    CheckKind,
    CheckOutcome,
    CheckResult,
    ControlStatus,
    EvidencePlace,
    control_status,
)
from acs_sidecar.audit.format.receipt import Receipt
from acs_sidecar.spec.values import Json

__all__ = ["NOTICE", "REPORT_SCHEMA", "ComplianceReport", "ReportedControl", "ReportedFramework", "below"]

REPORT_SCHEMA: Final = "acs-sidecar/compliance-report/v1"
NOTICE: Final = (
    "This report is evidence, no certificate: it states what a signed log and manifests prove, no more."
)

_ORDER = (ControlStatus.NOT_MET, ControlStatus.PARTIAL, ControlStatus.MET)


@dataclass(frozen=True, slots=True)
class ReportedControl:
    """A control with its status and the outcome of each of its checks."""

    control: Control
    status: ControlStatus
    outcomes: Mapping[str, CheckOutcome]


@dataclass(frozen=True, slots=True)
class ReportedFramework:
    """A framework with its controls reported."""

    framework: Framework
    controls: tuple[ReportedControl, ...]

    @property
    def met(self) -> str:
        """Controls that are met, of those that could be assessed."""
        counts = self._counts()
        return f"{counts[ControlStatus.MET]}/{len(self.controls) - counts[ControlStatus.NOT_ASSESSED]}"

    @property
    def assessed(self) -> str:
        """Controls that could be assessed, of all."""
        return f"{len(self.controls) - self._counts()[ControlStatus.NOT_ASSESSED]}/{len(self.controls)}"

    def _counts(self) -> Counter[ControlStatus]:
        return Counter(one.status for one in self.controls)


@dataclass(frozen=True, slots=True)
class ComplianceReport:
    """Everything that a format shows. `log` and `period` are JSON already; receipts are by place."""

    period: Mapping[str, Json]
    log: Mapping[str, Json]
    results: Mapping[str, CheckResult]
    frameworks: tuple[ReportedFramework, ...]
    receipts: Mapping[EvidencePlace, Receipt]

    @classmethod
    def of(
        cls,
        frameworks: Sequence[Framework],
        results: Mapping[str, CheckResult],
        period: Mapping[str, Json],
        log: Mapping[str, Json],
        receipt_of: Callable[[EvidencePlace], Receipt],
    ) -> "ComplianceReport":
        """Report on frameworks; checks that none of them asks for are left out."""
        wanted = [
            name for name in CHECKS if any(name in one.checks for each in frameworks for one in each.controls)
        ]
        shown = {name: results[name] for name in wanted}
        places = dict.fromkeys(place for result in shown.values() for place in result.places)
        receipts = {place: receipt_of(place) for place in places}
        return cls(period, log, shown, tuple(_reported(each, results) for each in frameworks), receipts)

    def as_json(self) -> dict[str, Json]:
        """Return the report as JSON."""
        return {
            "notice": NOTICE,
            "schema": REPORT_SCHEMA,
            "period": dict(self.period),
            "log": dict(self.log),
            "frameworks": [_framework_json(one) for one in self.frameworks],
            "checks": [self._check_json(name, result) for name, result in self.results.items()],
        }

    def _check_json(self, name: str, result: CheckResult) -> Json:
        check = CHECKS[name]
        receipts: list[Json] = [self.receipts[place].as_json() for place in result.places]
        return {
            "id": name,
            "kind": check.kind.value,
            "title": check.title,
            "query": check.query,
            "outcome": result.outcome.value,
            "detail": result.detail,
            "counts": {**result.counts},
            "names": [*result.names],
            "receipts": receipts,
        }


def below(report: ComplianceReport, least: ControlStatus) -> bool:
    """True if a control that was assessed has a status below `least`."""
    statuses = [one.status for each in report.frameworks for one in each.controls]
    return any(_ORDER.index(one) < _ORDER.index(least) for one in statuses if one in _ORDER)


def _reported(framework: Framework, results: Mapping[str, CheckResult]) -> ReportedFramework:
    return ReportedFramework(framework, tuple(_control(one, results) for one in framework.controls))


def _control(control: Control, results: Mapping[str, CheckResult]) -> ReportedControl:
    outcomes = {name: results[name].outcome for name in control.checks}
    kinds: list[tuple[CheckKind, CheckOutcome]] = [
        (CHECKS[name].kind, outcome) for name, outcome in outcomes.items()
    ]
    return ReportedControl(control, control_status(kinds, ceiling=control.ceiling), outcomes)


def _framework_json(one: ReportedFramework) -> Json:
    framework = one.framework
    return {
        "id": framework.id,
        "title": framework.title,
        "version": framework.version,
        "met_of_assessed": one.met,
        "assessed_of_total": one.assessed,
        "controls": [_control_json(each) for each in one.controls],
    }


def _control_json(one: ReportedControl) -> Json:
    control = one.control
    return {
        "id": control.id,
        "title": control.title,
        "status": one.status.value,
        "checks": {name: outcome.value for name, outcome in one.outcomes.items()},
        "ceiling": "partial" if control.ceiling else None,
        "note": control.note,
    }
