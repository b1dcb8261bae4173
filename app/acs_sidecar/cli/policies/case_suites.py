"""A run of test cases as the suites of a JUnit document (section 3.4)."""

from collections.abc import Iterable, Iterator

from acs_sidecar.cli.policies.case_report import ManifestReport, value_text
from acs_sidecar.cli.policies.junit import JUnitCase, JUnitProblem, JUnitSuite
from acs_sidecar.trials.case_run import CaseResult

__all__ = ["case_suites"]


def case_suites(reports: Iterable[ManifestReport]) -> Iterator[JUnitSuite]:
    """Yield one suite per manifest; an invalid manifest is a suite with one error."""
    for report in reports:
        cases = [_case(report, result) for result in report.results]
        if report.findings:
            lines = [*map(str, report.findings)]
            problem = JUnitProblem("error", lines[0], "could-not-run", lines)
            cases.insert(0, JUnitCase("manifest and cases", report.name, problem))
        yield JUnitSuite(report.name, cases)


def _case(report: ManifestReport, result: CaseResult) -> JUnitCase:
    line = result.case.line or 1
    return JUnitCase(
        result.case.name,
        f"{report.name}.{result.case.point}",
        _problem(result, f"{result.case.source}:{line}"),
        result.duration_us / 1_000_000,
        result.case.source,
        line,
    )


def _problem(result: CaseResult, place: str) -> JUnitProblem | None:
    if result.error is not None:
        return JUnitProblem("error", result.error, "could-not-run", [f"{place}: {result.error}"])
    if not result.differences:
        return None
    lines = [
        f"{difference.member}: expected {value_text(difference.expected)}, "
        f"actual {value_text(difference.actual)}"
        for difference in result.differences
    ]
    detail = [result.detail] if result.detail else []
    return JUnitProblem("failure", lines[0], "verdict", [place, *lines, *detail])
