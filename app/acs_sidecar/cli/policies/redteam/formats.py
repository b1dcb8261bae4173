"""The forms in which both commands report, and JUnit XML for what passed, failed or was not tested."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from acs_sidecar.spec.printable import printable

__all__ = ["RedTeamFormat", "SuiteResult", "junit_document"]


class RedTeamFormat(StrEnum):
    """How a report is printed."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """One test of a suite: it failed if there is a `failure`, and was not run if it is `skipped`."""

    suite: str
    name: str
    failure: str | None = None
    skipped: str | None = None


def junit_document(title: str, results: Iterable[SuiteResult]) -> str:
    """Return the results as JUnit XML, a suite for each name of one; no times, so that it can be compared."""
    root = Element("testsuites", name=title)
    suites: dict[str, Element] = {}
    for result in results:
        suite = suites.get(result.suite)
        if suite is None:
            suite = SubElement(root, "testsuite", name=printable(result.suite), errors="0")
            suites[result.suite] = suite
        case = SubElement(
            suite, "testcase", name=printable(result.name), classname=printable(result.suite), time="0"
        )
        if result.failure is not None:
            SubElement(case, "failure", type="redteam", message=printable(result.failure))
        elif result.skipped is not None:
            SubElement(case, "skipped", message=printable(result.skipped))
    for element in (*suites.values(), root):
        for count, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
            element.set(count, str(sum(1 for _ in element.iter(tag))))
    root.set("errors", "0")
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=False) + "\n"
