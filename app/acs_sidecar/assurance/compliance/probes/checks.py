"""The probed checks, over all manifests in use together (section 8.3)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from acs_sidecar.assurance.compliance.probes.carriers import ProbedManifest, escalates, stopped
from acs_sidecar.assurance.compliance.probes.changes import POINTS, VARIANTS, Change
from acs_sidecar.assurance.compliance.vocabulary import CheckOutcome, CheckResult
from acs_sidecar.spec.approval import ApprovalOutcome
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.verdict import Decision
from acs_sidecar.trials.case_run import run_cases
from acs_sidecar.trials.injection import InjectionError

__all__ = ["RedteamVerdict", "probed_results"]

RedteamVerdict = Callable[[CompiledManifest], tuple[bool, str] | None]
"""Whether the red-team report of a manifest and its policies is within thresholds, and its rates."""

_MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class _ProbeAnswer:
    outcome: CheckOutcome
    name: str
    attempts: int = 0


async def probed_results(
    manifests: Sequence[ProbedManifest], redteam: RedteamVerdict, missing: Sequence[str] = ()
) -> dict[str, CheckResult]:
    """Return the result of every probed check by its id.

    `missing` are the digests of manifests in use that are not at hand: nothing passes with one of them.
    """
    results: dict[str, CheckResult] = {}
    for probe, variants in VARIANTS.items():
        answers = [await _probe(one, POINTS[probe], variants) for one in manifests]
        results[probe] = _united(answers, missing, "every counter-example was refused")
    results["P7"] = _united(
        [await _asks(one) for one in manifests], missing, "a case escalates to a resolver"
    )
    results["T1"] = _united([await _cases(one) for one in manifests], missing, "all cases pass")
    attacked = [_redteam(one, redteam) for one in manifests]
    results["T2"] = _united(attacked, missing, "; ".join(answer.name for answer in attacked[:_MOST_NAMES]))
    return results


async def _probe(one: ProbedManifest, points: Sequence[str], variants: Sequence[Change]) -> _ProbeAnswer:
    bound = [point for point in points if point in one.manifest.points]
    if not bound:
        return _ProbeAnswer(CheckOutcome.NO_DATA, f"{one.name}: binds none of its points")
    answers = [await _variant(one, bound, variant) for variant in variants]
    passed = next((answer for answer in answers if answer.outcome is CheckOutcome.PASS), None)
    failed = next((answer for answer in answers if answer.outcome is CheckOutcome.FAIL), None)
    return passed or failed or answers[0]


async def _variant(one: ProbedManifest, points: Sequence[str], change: Change) -> _ProbeAnswer:
    """Try every carrier of every point under one change."""
    attempts, untried = 0, []
    for point in points:
        tried = 0
        for case in one.carriers.get(point, ()):
            for attempt in change(one.manifest, one.manifest.points[point], case):
                tried += 1
                try:
                    decision = await one.decision(case, attempt)
                except InjectionError as error:
                    return _ProbeAnswer(CheckOutcome.NO_DATA, f"{one.name}: {error}", attempts)
                if decision is None or not stopped(decision, attempt):
                    what = "refused as a request" if decision is None else _verdict_text(decision)
                    return _ProbeAnswer(
                        CheckOutcome.FAIL, f"{one.name}: {point}: {case.name}: {what}", attempts + tried
                    )
        attempts += tried
        if not tried:
            untried.append(point)
    if untried:
        return _ProbeAnswer(CheckOutcome.NO_DATA, f"{one.name}: no carrier at {', '.join(untried)}", attempts)
    return _ProbeAnswer(CheckOutcome.PASS, one.name, attempts)


async def _asks(one: ProbedManifest) -> _ProbeAnswer:
    plan = one.manifest.approval
    if not one.cases:
        return _ProbeAnswer(CheckOutcome.NO_DATA, f"{one.name}: no test cases")
    if not await escalates(one):
        return _ProbeAnswer(CheckOutcome.FAIL, f"{one.name}: no case escalates")
    if plan is None or plan.type is None:
        return _ProbeAnswer(CheckOutcome.FAIL, f"{one.name}: no resolver")
    if plan.on_timeout is ApprovalOutcome.ALLOW:
        return _ProbeAnswer(CheckOutcome.FAIL, f"{one.name}: `on_timeout` allows")
    return _ProbeAnswer(CheckOutcome.PASS, one.name, 1)


async def _cases(one: ProbedManifest) -> _ProbeAnswer:
    if not one.cases:
        return _ProbeAnswer(CheckOutcome.NO_DATA, f"{one.name}: no test cases")
    results = await run_cases(one.manifest, one.cases, lambda: None)
    failed = next((result for result in results if not result.passed), None)
    if failed:
        return _ProbeAnswer(CheckOutcome.FAIL, f"{one.name}: the case {failed.case.name} fails", len(results))
    for point in one.manifest.points:
        made = {result.decision for result in results if result.case.point == point}
        if Decision.ALLOW not in made:
            return _ProbeAnswer(CheckOutcome.FAIL, f"{one.name}: {point} has no allowed case", len(results))
        if not made & {Decision.DENY, Decision.ESCALATE}:
            return _ProbeAnswer(CheckOutcome.FAIL, f"{one.name}: {point} has no refused case", len(results))
    return _ProbeAnswer(CheckOutcome.PASS, one.name, len(results))


def _verdict_text(decision: PolicyDecision) -> str:
    return decision.verdict.reason or decision.verdict.decision.value


def _redteam(one: ProbedManifest, redteam: RedteamVerdict) -> _ProbeAnswer:
    verdict = redteam(one.manifest)
    if verdict is None:
        return _ProbeAnswer(
            CheckOutcome.NO_DATA,
            f"{one.name}: no red-team report of its digests, at most 90 days older than --to",
        )
    passed, rates = verdict
    return _ProbeAnswer(CheckOutcome.PASS if passed else CheckOutcome.FAIL, f"{one.name}: {rates}", 1)


def _united(answers: Sequence[_ProbeAnswer], missing: Sequence[str], passed: str) -> CheckResult:
    """Return one result for all manifests: all must pass, and those that do not are named."""
    failed = [answer.name for answer in answers if answer.outcome is CheckOutcome.FAIL]
    silent = [answer.name for answer in answers if answer.outcome is CheckOutcome.NO_DATA]
    silent += [f"{digest}: not at hand" for digest in missing]
    attempts = sum(answer.attempts for answer in answers)
    counts = {"manifests": len(answers) + len(missing), "attempts": attempts, "failed": len(failed)}
    if failed:
        return CheckResult(CheckOutcome.FAIL, "it fails", {**counts}, (), tuple(failed[:_MOST_NAMES]))
    if silent or not answers:
        detail = "not tried" if silent else "no manifest was given"
        return CheckResult(CheckOutcome.NO_DATA, detail, {**counts}, (), tuple(silent[:_MOST_NAMES]))
    return CheckResult(CheckOutcome.PASS, passed, {**counts})
