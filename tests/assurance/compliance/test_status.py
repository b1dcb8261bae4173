"""What follows for a control from its checks, and for a framework from its controls (section 8.3)."""

import itertools

import pytest

from acs_sidecar.assurance.compliance.catalog import (
    FRAMEWORKS,
    Control,
    Framework,
    FrameworkError,
    built_in,
    parse_framework,
)
from acs_sidecar.assurance.compliance.checks import CHECKS
from acs_sidecar.assurance.compliance.report import ComplianceReport
from acs_sidecar.assurance.compliance.vocabulary import (
    CheckKind,
    CheckOutcome,
    CheckResult,
    ControlStatus,
    control_status,
)

PASS, FAIL, NO_DATA = CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.NO_DATA
MEASURED, PROBED, DECLARED = CheckKind.MEASURED, CheckKind.PROBED, CheckKind.DECLARED


@pytest.mark.parametrize(
    ("measured", "probed", "declared", "ceiling", "status"),
    [
        (PASS, PASS, None, False, "met"),
        (None, PASS, PASS, False, "partial"),
        (PASS, FAIL, None, False, "partial"),
        (NO_DATA, FAIL, None, False, "not_met"),
        (NO_DATA, NO_DATA, None, False, "not_assessed"),
        (PASS, None, None, True, "partial"),
        (FAIL, None, None, False, "not_met"),
        (None, None, None, False, "not_assessed"),
        (PASS, PASS, NO_DATA, False, "partial"),
    ],
)
def test_the_status_of_a_control(
    measured: CheckOutcome | None,
    probed: CheckOutcome | None,
    declared: CheckOutcome | None,
    ceiling: bool,
    status: str,
) -> None:
    """Each row is the outcome of a measured, a probed and a declared check, where there is one."""
    rows = ((MEASURED, measured), (PROBED, probed), (DECLARED, declared))
    checks = [(kind, outcome) for kind, outcome in rows if outcome is not None]
    assert control_status(checks, ceiling=ceiling) == status


def test_no_failure_ever_raises_a_status() -> None:
    """A check that fails instead of passing, or answers nothing, leaves a status as it is or lowers it."""
    order = [ControlStatus.NOT_ASSESSED, ControlStatus.NOT_MET, ControlStatus.PARTIAL, ControlStatus.MET]
    kinds = (MEASURED, PROBED, DECLARED)
    for outcomes in itertools.product((PASS, FAIL, NO_DATA), repeat=3):
        status = control_status([*zip(kinds, outcomes, strict=True)], ceiling=False)
        for worse in itertools.product((PASS, FAIL), repeat=3):
            if (
                all(one is not PASS or two is PASS for one, two in zip(worse, outcomes, strict=True))
                and NO_DATA not in outcomes
            ):
                lower = control_status([*zip(kinds, worse, strict=True)], ceiling=False)
                assert order.index(lower) <= order.index(status)


def test_the_head_of_a_report_is_two_shares() -> None:
    """Five controls, met, met, partial, not met, not assessed: never one number."""
    outcomes = {"L1": PASS, "L2": PASS, "P1": PASS, "L3": FAIL, "L4": NO_DATA}
    framework = Framework("f", "F", "1", tuple(Control(name, name, (name,)) for name in outcomes))
    results = {name: CheckResult(outcome, "") for name, outcome in outcomes.items()}
    report = ComplianceReport.of([framework], results, {}, {}, lambda _: pytest.fail("no record"))
    (reported,) = report.frameworks
    assert (reported.met, reported.assessed) == ("2/4", "4/5")


@pytest.mark.parametrize(
    ("name", "controls", "unassessable"),
    [("owasp-asi", 10, 0), ("soc2", 10, 0), ("nist-ai-rmf", 72, 61), ("eu-ai-act", 11, 3)],
)
def test_the_built_in_frameworks(name: str, controls: int, unassessable: int) -> None:
    """Each has its controls, and says of which it can tell nothing."""
    framework = built_in(name)
    assert name in FRAMEWORKS
    assert len(framework.controls) == controls
    assert sum(not one.checks for one in framework.controls) == unassessable
    assert all(check in CHECKS for one in framework.controls for check in one.checks)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "the framework must be an object"),
        ({"id": "a", "title": "b", "version": "1"}, "the framework has no `controls`"),
        ({"id": "a", "title": "b", "version": "1", "controls": []}, "`controls` must be a list of controls"),
        (
            {"id": "a", "title": "b", "version": "1", "control": []},
            "the framework has the unknown member `control`, did you mean `controls`?",
        ),
        (
            {
                "id": "a",
                "title": "b",
                "version": "1",
                "controls": [{"id": "1", "title": "x", "checks": ["L11"]}],
            },
            "`controls[0].checks`: `L11` is no check, did you mean `L1`?",
        ),
        (
            {
                "id": "a",
                "title": "b",
                "version": "1",
                "controls": [{"id": "1", "title": "x", "checks": ["L1"], "ceiling": "met"}],
            },
            "`controls[0].ceiling` must be `partial`",
        ),
        (
            {"id": "a", "title": "b", "version": "1", "controls": [{"id": "1", "title": " ", "checks": []}]},
            "`controls[0].title` must be a non-blank string",
        ),
        (
            {
                "id": "a",
                "title": "b",
                "version": "1",
                "controls": [{"id": "1", "title": "x", "checks": []}] * 2,
            },
            "the control `1` is there twice",
        ),
        (
            {
                "id": "a",
                "title": "b",
                "version": "1",
                "controls": [
                    {"id": "CC 6", "title": "x", "checks": []},
                    {"id": "cc-6", "title": "x", "checks": []},
                ],
            },
            "the controls `CC 6` and `cc-6` are one to tools that read OSCAL",
        ),
        (
            {
                "id": "a",
                "title": "b",
                "version": "1",
                "controls": [{"id": "1", "title": "x", "checks": ["L1", "L1"]}],
            },
            "`controls[0].checks` has a check twice",
        ),
    ],
)
def test_a_framework_of_ones_own_is_read_strictly(value: object, message: str) -> None:
    """What is wrong is named by its member."""
    with pytest.raises(FrameworkError) as raised:
        parse_framework(value)  # type: ignore[arg-type]  # whatever JSON a file holds
    assert str(raised.value).startswith(message)
