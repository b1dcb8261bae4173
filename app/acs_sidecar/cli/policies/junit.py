"""Results as JUnit XML, which every CI system reads (sections 3.4, 8.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from acs_sidecar.spec.printable import printable

__all__ = ["JUnitCase", "JUnitProblem", "JUnitSuite", "junit_document"]


@dataclass(frozen=True, slots=True)
class JUnitProblem:
    """Why a case failed, could not run or was skipped; `lines` say more."""

    tag: Literal["failure", "error", "skipped"]
    message: str
    type: str | None = None
    lines: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class JUnitCase:
    """One test of a suite: it passed where there is no problem."""

    name: str
    classname: str
    problem: JUnitProblem | None = None
    seconds: float = 0
    source: str | None = None
    line: int = 1


@dataclass(frozen=True, slots=True)
class JUnitSuite:
    """Tests that belong together."""

    name: str
    cases: Sequence[JUnitCase]


def junit_document(title: str, suites: Iterable[JUnitSuite], seconds: float = 0) -> str:
    """Return the document; `seconds` are those of the whole run."""
    root = Element("testsuites", name=title, time=f"{seconds:.6f}")
    for suite in suites:
        time = sum(case.seconds for case in suite.cases)
        element = SubElement(root, "testsuite", name=printable(suite.name), time=f"{time:.6f}")
        for case in suite.cases:
            _add_case(element, case)
    for element in (*root, root):
        for count, tag in (
            ("tests", "testcase"),
            ("failures", "failure"),
            ("errors", "error"),
            ("skipped", "skipped"),
        ):
            element.set(count, str(sum(1 for _ in element.iter(tag))))
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def _add_case(suite: Element, case: JUnitCase) -> None:
    element = SubElement(
        suite,
        "testcase",
        name=printable(case.name),
        classname=printable(case.classname),
        time=f"{case.seconds:.6f}",
    )
    if case.source is not None:
        element.set("file", printable(case.source))
        element.set("line", str(case.line))
    if problem := case.problem:
        found = SubElement(element, problem.tag, message=printable(problem.message))
        if problem.type is not None:
            found.set("type", problem.type)
        found.text = "\n".join(map(printable, problem.lines)) or None
