"""What a run of test cases is told as: a table for people, JSON for programs (section 3.4)."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from acs_sidecar.cli.policies.coverage_tables import show_coverage
from acs_sidecar.spec.manifest.cases import Difference
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.printable import printable, printable_json
from acs_sidecar.trials.case_coverage import Coverage
from acs_sidecar.trials.case_run import CaseResult

__all__ = ["ManifestReport", "PolicyTime", "exit_code", "report_json", "show_reports", "value_text"]

_STYLES = {"allow": "green", "deny": "red", "warn": "yellow", "escalate": "magenta", "transform": "cyan"}


@dataclass(frozen=True, slots=True)
class PolicyTime:
    """How long one policy took, in microseconds, over the cases that reached it."""

    policy: str
    type: str
    evaluations: int
    median_us: float
    max_us: float


@dataclass(frozen=True, slots=True)
class ManifestReport:
    """What became of the cases of one manifest; `findings` are why none could be run."""

    name: str
    path: Path
    digest: str | None
    results: Sequence[CaseResult]
    findings: Sequence[Diagnostic] = ()
    types: Mapping[str, str] | None = None
    policy_timeout_ms: int | None = None
    coverage: Coverage | None = None

    @property
    def passed(self) -> int:
        """How many cases passed."""
        return sum(result.passed for result in self.results)

    @property
    def failed(self) -> int:
        """How many cases ran and were decided otherwise than expected."""
        return sum(bool(result.differences) for result in self.results)

    @property
    def errors(self) -> int:
        """What could not be run: cases, or the manifest as a whole."""
        return sum(result.error is not None for result in self.results) + bool(self.findings)

    def policy_times(self) -> tuple[PolicyTime, ...]:
        """Return the time of each policy that any case reached, by name."""
        times: dict[str, list[float]] = defaultdict(list)
        for result in self.results:
            if result.policy is not None and result.policy_us is not None:
                times[result.policy].append(result.policy_us)
        types = self.types or {}
        return tuple(
            PolicyTime(name, types.get(name, ""), len(took), round(statistics.median(took), 1), max(took))
            for name, took in sorted(times.items())
        )


def exit_code(reports: Iterable[ManifestReport]) -> int:
    """Return 0 when all passed, 1 when a case failed, 2 when something could not be run."""
    found = list(reports)
    if any(report.errors for report in found) or not any(report.results for report in found):
        return 2
    return 1 if any(report.failed for report in found) else 0


def report_json(reports: Sequence[ManifestReport], seconds: float) -> dict[str, Any]:
    """Return all that was found as one JSON value."""
    return {
        "passed": sum(report.passed for report in reports),
        "failed": sum(report.failed for report in reports),
        "errors": sum(report.errors for report in reports),
        "duration_ms": round(seconds * 1000, 1),
        "manifests": [_manifest_json(report) for report in reports],
    }


def _manifest_json(report: ManifestReport) -> dict[str, Any]:
    members: dict[str, Any] = {
        "name": report.name,
        "path": str(report.path),
        "digest": report.digest,
        "diagnostics": [asdict(finding) for finding in report.findings],
        "cases": [_result_json(result) for result in report.results],
        "policies": [asdict(time) for time in report.policy_times()],
    }
    return members | ({"coverage": report.coverage.as_json()} if report.coverage else {})


def _result_json(result: CaseResult) -> dict[str, Any]:
    case = result.case
    return {
        "name": case.name,
        "source": case.source,
        "line": case.line,
        "intervention_point": case.point.value,
        "passed": result.passed,
        "decision": result.decision,
        "differences": [_difference_json(difference) for difference in result.differences],
        "detail": result.detail,
        "error": result.error,
        "duration_us": result.duration_us,
    }


def _difference_json(difference: Difference) -> dict[str, Any]:
    """Leave out the side that is absent: `null` is a value."""
    sides = {"expected": difference.expected, "actual": difference.actual}
    return {"member": difference.member} | {side: value[0] for side, value in sides.items() if value}


def show_reports(reports: Sequence[ManifestReport], seconds: float, *, quiet: bool) -> None:
    """Print tables of cases, what differs, times, coverage, and one line that sums up."""
    console = Console(highlight=False, soft_wrap=True)
    for report in reports:
        if report.results and not quiet:
            console.print(_case_lines(report), end="")
        for result in report.results:
            _show_failure(console, result)
        if not report.results and not report.findings:
            path = escape(printable(str(report.path)))
            console.print(f"[yellow]no cases[/] {path}: none exist in `tests/` beside it")
        for time in report.policy_times():
            _show_time(console, report, time)
        if report.coverage:
            show_coverage(console, report.coverage, report.name)
    passed, failed, errors = (
        sum(getattr(report, kind) for report in reports) for kind in ("passed", "failed", "errors")
    )
    style = "bold green" if exit_code(reports) == 0 else "bold red"
    counts = f"{passed} passed, {failed} failed" + (f", {errors} could not run" if errors else "")
    console.print(f"{counts} in {seconds:.2f} s", style=style)


def _case_lines(report: ManifestReport) -> Text:
    """Lay cases out in columns, as one text: a table of hundreds of rows takes longer than the cases."""
    rows = [(result.case.point.value, printable(result.case.name)) for result in report.results]
    points, names = (max(cell_len(row[column]) for row in rows) for column in (0, 1))
    lines = Text().append(f"{printable(report.name)}\n", "bold")
    for result, (point, name) in zip(report.results, rows, strict=True):
        decision = result.decision or "not run"
        lines.append(*(("pass", "green") if result.passed else ("FAIL", "bold red")))
        lines.append(f"  {set_cell_size(point, points)}  {set_cell_size(name, names)}  ")
        lines.append(f"{decision}\n", _STYLES.get(decision, "bold red"))
    return lines


def _show_failure(console: Console, result: CaseResult) -> None:
    if result.passed:
        return
    case = result.case
    name, source = (escape(printable(text)) for text in (case.name, case.source))
    console.print(f"[bold red]FAIL[/] {name} [dim]{source}:{case.line or 1}[/]")
    if result.error:
        console.print(printable(f"  could not run: {result.error}"), markup=False)
    for difference in result.differences:
        console.print(printable(f"  {difference.member}"), markup=False)
        console.print(f"    expected  {value_text(difference.expected)}", style="green", markup=False)
        console.print(f"    actual    {value_text(difference.actual)}", style="red", markup=False)
    if result.detail:
        console.print(printable(f"  detail: {result.detail}"), markup=False)


def _show_time(console: Console, report: ManifestReport, time: PolicyTime) -> None:
    line = (
        f"{report.name}: policy {time.policy} ({time.type}): {time.evaluations} evaluations, "
        f"median {time.median_us / 1000:.2f} ms, longest {time.max_us / 1000:.2f} ms"
    )
    console.print(printable(line), style="dim", markup=False)
    allowed = report.policy_timeout_ms
    if allowed is not None and time.max_us > allowed * 1000:
        message = (
            f"  slower than `policy_timeout_ms` ({allowed}): a policy in the service cannot be interrupted"
        )
        console.print(message, style="yellow", markup=False)


def value_text(value: tuple[Any, ...]) -> str:
    """Write a value that may be absent as one line of JSON."""
    return printable_json(orjson.dumps(value[0]).decode()) if value else "absent"
