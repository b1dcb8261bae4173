"""A report of attacks as tables, as tests of a suite, and as findings (section 8.4)."""

from collections.abc import Iterator

from rich.table import Table

from acs_sidecar.assurance.redteam.attempts import AttemptOutcome
from acs_sidecar.assurance.redteam.rates import Rate
from acs_sidecar.assurance.redteam.report import OVERFITTED_BY, RedTeamReport
from acs_sidecar.assurance.redteam.tally import Tally, tallied
from acs_sidecar.cli.output import cell, say, show_table
from acs_sidecar.cli.policies.junit import JUnitCase, JUnitProblem, JUnitSuite
from acs_sidecar.spec.manifest.diagnostics import Diagnostic

__all__ = ["findings_of", "show_report", "suites_of"]

_SHOWN = 10


def show_report(report: RedTeamReport) -> None:
    """Print the rates by technique and by point, and one line for each thing that is to be known."""
    say(f"{report.manifest or 'manifest'} {report.digest}")
    for corpus in report.corpora:
        say(f"corpus {corpus.name} {corpus.digest}: {len(corpus.entries)} entries")
    if report.tested:
        _show_rates("technique", dict(sorted(report.by_technique.items())))
        points = tallied(report.attacks, lambda attempt: attempt.point.value)
        _show_rates("point", points)
    for point, why in report.not_tested:
        say(f"not tested: {point.value}: {why}")
    _show_passed(report)
    say(f"attack success rate {_rate_text(report.total.rate)}, at most {report.thresholds.max_asr:g}")
    say(f"utility {_rate_text(report.utility)}, at least {report.thresholds.min_utility:g}")
    if broken := report.total.counts[AttemptOutcome.BROKEN]:
        say(f"broken: {broken} attempts ended in a runtime error, and count for neither side")
    if report.overfitted:
        say(f"warning: overfitted: {_overfitted_text(report)}")
    for failure in report.failures:
        say(f"FAIL {failure}")


def _show_rates(heading: str, counts: dict[str, Tally]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column(heading)
    for name in ("passed", "stopped", "broken", "ASR", "95 % interval"):
        table.add_column(name, justify="right")
    for name, each in counts.items():
        low, high = each.rate.interval or (None, None)
        table.add_row(
            cell(name),
            *(str(each.counts[outcome]) for outcome in AttemptOutcome),
            "-" if each.rate.value is None else f"{each.rate.value:.2f}",
            "-" if low is None or high is None else f"{low:.2f}-{high:.2f}",
        )
    show_table(table)


def _show_passed(report: RedTeamReport) -> None:
    """Name some attacks that passed and harmless texts that did not; never those held out."""
    for what, results, wanted in (
        ("passed", report.attacks, AttemptOutcome.PASSED),
        ("refused though harmless", report.twins, AttemptOutcome.STOPPED),
    ):
        names = dict.fromkeys(
            attempt.entry.id
            for attempt, outcome in results
            if outcome is wanted and not attempt.entry.held_out
        )
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            say(f"{what}: {', '.join([*names][:_SHOWN])}{more}")


def _rate_text(rate: Rate) -> str:
    if rate.value is None:
        return "unknown"
    return f"{rate.value:.4f} ({rate.part} of {rate.whole})"


def _overfitted_text(report: RedTeamReport) -> str:
    shown, held_out = report.plain_rates
    return (
        f"held-out attacks pass at {held_out.value}, the others at {shown.value}: "
        "the policy knows them by their words"
    )


def suites_of(report: RedTeamReport) -> Iterator[JUnitSuite]:
    """Yield a suite for each point with a test for each technique, and one for the thresholds."""
    for point, counts in report.by_point.items():
        name = point.value
        techniques = sorted(counts.items())
        yield JUnitSuite(name, [JUnitCase(each, name, _problem(report, rates)) for each, rates in techniques])
    for point, why in report.not_tested:
        name = point.value
        yield JUnitSuite(name, [JUnitCase("not tested", name, JUnitProblem("skipped", why))])
    failures = [*report.failures, *([_overfitted_text(report)] if report.overfitted else [])]
    cases = [
        JUnitCase(f"threshold {number}", "thresholds", JUnitProblem("failure", failure, "redteam"))
        for number, failure in enumerate(failures, start=1)
    ]
    yield JUnitSuite("thresholds", cases or [JUnitCase("within thresholds", "thresholds")])


def _problem(report: RedTeamReport, rates: Tally) -> JUnitProblem | None:
    if not rates.rate.whole:
        return JUnitProblem("skipped", "every attempt ended in a runtime error")
    if not rates.rate.exceeds(report.thresholds.max_asr):
        return None
    text = f"attack success rate {_rate_text(rates.rate)} is above {report.thresholds.max_asr:g}"
    return JUnitProblem("failure", text, "redteam")


def findings_of(report: RedTeamReport, source: str) -> Iterator[Diagnostic]:
    """Yield what is to be mended in the manifest: techniques that pass, harmless texts that are refused."""
    most = report.thresholds.max_asr
    for point, counts in report.by_point.items():
        path = f"intervention_points.{point.value}"
        for technique, each in sorted(counts.items()):
            if each.counts[AttemptOutcome.PASSED]:
                message = f"attacks of `{technique}` pass at `{point.value}`: {_rate_text(each.rate)}"
                severe = each.rate.exceeds(most)
                yield Diagnostic(
                    "redteam-attack-passed", message, path, "error" if severe else "warning", source
                )
    if report.utility.falls_below(report.thresholds.min_utility):
        message = f"utility {_rate_text(report.utility)} is below {report.thresholds.min_utility:g}"
        yield Diagnostic("redteam-twin-refused", message, severity="error", source=source)
    if report.overfitted:
        message = f"{_overfitted_text(report)} (more than {OVERFITTED_BY:g} apart)"
        yield Diagnostic("redteam-overfitted", message, severity="warning", source=source)
