"""The report as lines for a terminal, and as Markdown (section 8.3)."""

from collections.abc import Iterator

from acs_sidecar.assurance.compliance.checks import CHECKS
from acs_sidecar.assurance.compliance.report import NOTICE, ComplianceReport, ReportedControl
from acs_sidecar.assurance.compliance.vocabulary import CheckResult
from acs_sidecar.assurance.markdown import code, row, table, text
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.printable import printable

__all__ = ["report_markdown", "report_text"]


def report_text(report: ComplianceReport) -> str:
    """Return the report as plain lines; nothing in them moves a cursor."""
    return "".join(f"{printable(line)}\n" for line in _lines(report))


def _lines(report: ComplianceReport) -> Iterator[str]:
    yield NOTICE
    idle = report.log["not_enforced"]
    counted = f"{report.log['decisions']} decisions" + (f", {idle} of them not enforced" if idle else "")
    yield f"period {report.period['from']} to {report.period['to']}, {counted}"
    if unsigned := report.log["unsigned_bytes"]:
        yield f"no signature covers {unsigned} bytes behind the end of the logs: nothing in them is read"
    for one in report.frameworks:
        yield ""
        yield f"{one.framework.title} {one.framework.version}: met {one.met}, assessed {one.assessed}"
        for each in one.controls:
            checks = " ".join(f"{name}={outcome}" for name, outcome in each.outcomes.items())
            yield f"  {each.status:<13} {each.control.id:<13} {each.control.title}  {checks}"
    yield ""
    for name, result in report.results.items():
        yield f"  {result.outcome:<8} {name:<4} {CHECKS[name].title}: {result.detail}"
        yield from (f"           {named}" for named in result.names)


def report_markdown(report: ComplianceReport) -> str:
    """Return the report as Markdown; every text from a record, a manifest or a file is escaped."""
    parts = [
        f"{NOTICE}\n\n# Compliance report\n\n",
        table(
            ("", ""),
            [
                row("period", code(f"{report.period['from']} to {report.period['to']}")),
                row("tenant", code(str(report.period["tenant"] or "all"))),
                *(row(text(name), code(canonical(value).decode())) for name, value in report.log.items()),
            ],
        ),
    ]
    for one in report.frameworks:
        head = f"{text(one.framework.title)} {text(one.framework.version)}"
        parts.append(f"\n## {head}\n\nMet: {one.met} assessed. Assessed: {one.assessed}.\n\n")
        rows = [_control_row(each) for each in one.controls]
        parts.append(table(("control", "title", "status", "checks", "note"), rows))
    rows = [_check_row(name, result) for name, result in report.results.items()]
    heads = ("check", "kind", "outcome", "passes when", "found", "counts", "named", "records")
    parts.append("\n## Checks\n\n" + table(heads, rows))
    return "".join(parts)


def _control_row(one: ReportedControl) -> str:
    checks = ", ".join(f"{name} {outcome}" for name, outcome in one.outcomes.items())
    notes = [
        *(["partial at most"] if one.control.ceiling else []),
        *([one.control.note] if one.control.note else []),
    ]
    return row(
        text(one.control.id),
        text(one.control.title),
        text(one.status.value),
        text(checks or "none"),
        text("; ".join(notes)),
    )


def _check_row(name: str, result: CheckResult) -> str:
    check = CHECKS[name]
    return row(
        name,
        check.kind.value,
        text(result.outcome.value),
        text(check.query),
        text(result.detail),
        code(canonical(result.counts).decode()),
        "<br>".join(code(named) for named in result.names),
        "<br>".join(code(f"{place.log} {place.index}") for place in result.places),
    )
