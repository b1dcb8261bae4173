"""A run of test cases as JUnit XML, which every CI system reads (section 3.4)."""

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from acs_sidecar.cli.policies.case_report import ManifestReport, value_text
from acs_sidecar.spec.printable import printable
from acs_sidecar.trials.case_run import CaseResult

__all__ = ["junit_xml"]


def junit_xml(reports: Sequence[ManifestReport], seconds: float) -> bytes:
    """Return the JUnit document: one suite per manifest; an invalid manifest is a suite with one error."""
    root = Element("testsuites", name="acs-sidecar test", time=f"{seconds:.6f}")
    for report in reports:
        suite = SubElement(
            root,
            "testsuite",
            name=printable(report.name),
            tests=str(len(report.results) + bool(report.findings)),
            failures=str(report.failed),
            errors=str(report.errors),
            skipped="0",
            time=f"{sum(result.duration_us for result in report.results) / 1_000_000:.6f}",
        )
        if report.findings:
            case = SubElement(suite, "testcase", name="manifest and cases", classname=printable(report.name))
            error = SubElement(
                case, "error", type="could-not-run", message=printable(str(report.findings[0]))
            )
            error.text = _lines(map(str, report.findings))
        for result in report.results:
            _add_case(suite, report, result)
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _add_case(suite: Element, report: ManifestReport, result: CaseResult) -> None:
    case = SubElement(
        suite,
        "testcase",
        name=printable(result.case.name),
        classname=printable(f"{report.name}.{result.case.point}"),
        time=f"{result.duration_us / 1_000_000:.6f}",
        file=printable(result.case.source),
        line=str(result.case.line or 1),
    )
    if result.error is not None:
        error = SubElement(case, "error", type="could-not-run", message=printable(result.error))
        error.text = printable(f"{result.case.source}:{result.case.line or 1}: {result.error}")
    elif result.differences:
        lines = [
            f"{difference.member}: expected {value_text(difference.expected)}, "
            f"actual {value_text(difference.actual)}"
            for difference in result.differences
        ]
        failure = SubElement(case, "failure", type="verdict", message=printable(lines[0]))
        place = f"{result.case.source}:{result.case.line or 1}"
        failure.text = _lines([place, *lines, *([result.detail] if result.detail else [])])


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(map(printable, lines))
