"""The measured checks, from what was observed in verified logs (section 8.3)."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from acs_sidecar.assurance.compliance.measured.observation import LogSeen, Observation, RecordTally
from acs_sidecar.assurance.compliance.vocabulary import CheckOutcome, CheckResult, EvidencePlace
from acs_sidecar.audit.format.claims import LogState
from acs_sidecar.audit.format.findings import Report
from acs_sidecar.audit.format.record import rfc3339
from acs_sidecar.spec.globs import Globs

__all__ = ["BoundPoints", "measured_results"]

BoundPoints = Mapping[str, tuple[str, ...]]
"""The points that a manifest binds, by its digest."""

_SHARE = 0.99
_ERRORS, _FEWEST_DECISIONS = 0.01, 100
_KEPT_DAYS = 183
_ENDED = (LogState.CLOSED, LogState.CRASHED)
_MOST_NAMES = 20


def measured_results(
    seen: Observation, report: Report, bound: BoundPoints | None, registered: Globs | None
) -> dict[str, CheckResult]:
    """Return the result of every measured check by its id.

    `bound` are the points of the manifests at hand, `registered` the agents of a registry; each is `None`
    where none was given. Without a decision in the period nothing is measured.
    """
    if not seen.decisions.count:
        nothing = CheckResult(CheckOutcome.NO_DATA, "the period has no decision")
        return dict.fromkeys((*_CHECKS, "L1", "L7", "L10"), nothing)
    return {
        "L1": _anchored(seen, report),
        **{name: check(seen) for name, check in _CHECKS.items()},
        "L7": _points_in_use(seen, bound),
        "L10": _known_agents(seen, registered),
    }


def _anchored(seen: Observation, report: Report) -> CheckResult:
    covered = sum(
        one.runs.below(report.logs[log].anchored or 0) for log, one in seen.logs.items() if log in report.logs
    )
    total = seen.records.count
    share = covered / total if total else 0.0
    passes = share >= _SHARE
    detail = f"anchors cover {covered} of {total} records"
    return _result(passes, detail, seen.records.places, covered=covered, records=total)


def _continuous(seen: Observation) -> CheckResult:
    logs = {log: one for log, one in seen.logs.items() if one.runs.count}
    faults = [*_unended(seen, logs), *_unchained(seen, logs)]
    detail = "; ".join(faults[:_MOST_NAMES]) or "each log names those before it, and ended"
    return _result(not faults, detail, seen.records.places, logs=len(logs), faults=len(faults))


def _unended(seen: Observation, logs: Mapping[str, LogSeen]) -> Iterator[str]:
    """Yield the logs of which nothing says that they ended where they do."""
    ended = {claim.log for one in seen.logs.values() for claim in one.claims if claim.state in _ENDED}
    newest = max(seen.logs.values(), key=lambda one: one.number)
    written = {claim.log for claim in newest.claims if claim.state == LogState.OPEN}
    for log, one in logs.items():
        goes_on = one is newest or log in written or one.last_time >= seen.period.end
        if not (one.closed or log in ended or goes_on):
            yield f"nothing says how `{log}` ended"


def _unchained(seen: Observation, logs: Mapping[str, LogSeen]) -> Iterator[str]:
    """Yield the logs that name none of those before them: another chain."""
    first = min((one.number for one in seen.logs.values()), default=0)
    for log, one in logs.items():
        if one.number > first and not one.claims and not one.older:
            yield f"`{log}` names no log before it"
    starts = [log for log, one in seen.logs.items() if one.number == first]
    if len(starts) > 1:
        yield f"{len(starts)} logs begin a chain"


def _nothing_unrecorded(seen: Observation) -> CheckResult:
    count = seen.unrecorded.count
    detail = f"{count} events of denials without a record or of damage" if count else "no such event"
    places = seen.unrecorded.places or seen.records.places
    return _result(not count, detail, places, events=count)


def _kept(seen: Observation) -> CheckResult:
    # What comes after the last record is not known to have been kept.
    cutoff = _days_before(min(seen.period.end, seen.newest), _KEPT_DAYS)
    young = [time for time in seen.pruned if time >= cutoff]
    if young:
        return _result(False, f"a log that ended at {min(young)} was pruned", [], pruned=len(seen.pruned))
    if seen.pruned or (seen.oldest is not None and seen.oldest <= cutoff):
        return _result(True, f"the oldest record is of {seen.oldest}", [], pruned=len(seen.pruned))
    return CheckResult(CheckOutcome.NO_DATA, f"the oldest record is of {seen.oldest}, after {cutoff}")


def _who(seen: Observation) -> CheckResult:
    total, nameless = seen.decisions.count, seen.anonymous.count
    passes = (total - nameless) / total >= _SHARE
    places = seen.decisions.places if passes else seen.anonymous.places
    detail = f"{nameless} of {total} decisions lack an agent or a caller"
    return _result(passes, detail, places, decisions=total, nameless=nameless)


def _people_decide(seen: Observation) -> CheckResult:
    total, others = seen.approvals.count, seen.not_people.count
    if not total:
        return CheckResult(CheckOutcome.NO_DATA, "the period has no approval")
    places = seen.not_people.places or seen.approvals.places
    return _result(
        not others, f"{others} of {total} approvals allow by nobody", places, approvals=total, others=others
    )


def _points_in_use(seen: Observation, bound: BoundPoints | None) -> CheckResult:
    digests = sorted(seen.digests)
    if bound is None or not digests:
        why = "no manifests were given" if digests else "no decision names a manifest"
        return CheckResult(CheckOutcome.NO_DATA, why)
    unused = [
        f"{digest} {point}"
        for digest in digests
        for point in bound.get(digest, ())
        if (digest, point) not in seen.points
    ]
    unknown = [digest for digest in digests if digest not in bound]
    counts = {"manifests": len(digests), "unused": len(unused), "unknown": len(unknown)}
    counts["not_enforced"] = seen.not_enforced.count
    if unused:
        return CheckResult(
            CheckOutcome.FAIL, "bound points without an enforced decision", {**counts}, (), _few(unused)
        )
    if unknown or seen.more_manifests:
        return CheckResult(
            CheckOutcome.NO_DATA, "manifests in use that are not at hand", {**counts}, (), _few(unknown)
        )
    places = [place for tally in seen.points.values() for place in tally.places[:1]]
    return _result(True, "every bound point was asked", places, **counts)


def _it_works(seen: Observation) -> CheckResult:
    total, errors = seen.decisions.count, seen.errors.count
    if total < _FEWEST_DECISIONS:
        return CheckResult(
            CheckOutcome.NO_DATA, f"{total} decisions are too few to tell", {"decisions": total}
        )
    passes = errors / total <= _ERRORS
    places = seen.decisions.places if passes else seen.errors.places
    return _result(passes, f"{errors} of {total} are runtime errors", places, decisions=total, errors=errors)


def _known_policies(seen: Observation) -> CheckResult:
    unknown = [
        (digest, place) for one in seen.logs.values() for digest, (_, place) in one.unannounced.items()
    ]
    unsigned = seen.unsigned
    counts = {"unannounced": len(unknown), "unsigned": unsigned.count}
    if unknown or unsigned.count:
        places = [place for _, place in unknown] + unsigned.places
        names = _few(sorted({digest for digest, _ in unknown}))
        detail = "manifests that no log announced before, or inline ones that nobody signed"
        return CheckResult(CheckOutcome.FAIL, detail, {**counts}, tuple(places[:5]), names)
    if not seen.digests:
        return CheckResult(CheckOutcome.NO_DATA, "no decision names a manifest")
    if seen.more_manifests:
        return CheckResult(CheckOutcome.NO_DATA, "more manifests than are told apart", {**counts})
    return _result(True, "every manifest was announced", seen.decisions.places, **counts)


def _known_agents(seen: Observation, registered: Globs | None) -> CheckResult:
    if registered is None:
        return CheckResult(CheckOutcome.NO_DATA, "no registry was given")
    if not seen.agents:
        return CheckResult(CheckOutcome.NO_DATA, "no decision names an agent")
    unknown = sorted(agent for agent in seen.agents if not registered.match(agent))
    tallies: list[RecordTally] = [seen.agents[agent] for agent in unknown] or [*seen.agents.values()]
    places = [place for tally in tallies[:5] for place in tally.places[:1]]
    counts = {"agents": len(seen.agents), "unknown": len(unknown)}
    if seen.more_agents and not unknown:
        return CheckResult(CheckOutcome.NO_DATA, "more agents than are told apart", {**counts})
    detail = f"{len(unknown)} of {len(seen.agents)} agents are not registered"
    outcome = CheckOutcome.FAIL if unknown else CheckOutcome.PASS
    return CheckResult(outcome, detail, {**counts}, tuple(places), _few(unknown))


_CHECKS: Mapping[str, Callable[[Observation], CheckResult]] = MappingProxyType(
    {
        "L2": _continuous,
        "L3": _nothing_unrecorded,
        "L4": _kept,
        "L5": _who,
        "L6": _people_decide,
        "L8": _it_works,
        "L9": _known_policies,
    }
)


def _result(passes: bool, detail: str, places: list[EvidencePlace], **counts: int) -> CheckResult:
    outcome = CheckOutcome.PASS if passes else CheckOutcome.FAIL
    return CheckResult(outcome, detail, {**counts}, tuple(places[:5]))


def _few(names: list[str]) -> tuple[str, ...]:
    return tuple(names[:_MOST_NAMES])


def _days_before(time: str, days: int) -> str:
    """Return the time so many days earlier; what comes before every time where there is none."""
    try:
        moment = datetime.fromisoformat(time) - timedelta(days=days)
        return rfc3339(int(moment.timestamp() * 1_000_000))
    except (ValueError, OverflowError):
        return ""
