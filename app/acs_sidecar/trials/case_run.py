"""Runs the test cases of a manifest through the decision service (section 3.4)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from acs_sidecar.audit.format.entry import decision_entry
from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.decision.answer import decision_json
from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.spec.manifest.cases import Case, Difference, differences
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.trace import Trace
from acs_sidecar.trials.decide import decide, trial_request
from acs_sidecar.trials.injection import InjectionError, injected

__all__ = ["CaseResult", "run_cases"]

_INCLUDE = frozenset({"trace"})


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of a case. It passed when nothing differs and nothing kept it from running.

    `error` says what did; then there is no decision. `detail` is the service's own line on a deny by
    error. Times are in microseconds; `policy_us` is that of the policy alone, absent where the
    evaluation ended before it. `entry` is what the audit log would have of it, `message` the verdict's.
    """

    case: Case
    decision: str | None
    policy: str | None
    differences: tuple[Difference, ...] = ()
    detail: str | None = None
    error: str | None = None
    duration_us: float = 0
    policy_us: float | None = None
    entry: AuditEntry | None = None
    message: str | None = None

    @property
    def passed(self) -> bool:
        """True if everything was decided as expected."""
        return not self.differences and self.error is None


async def run_cases(
    manifest: CompiledManifest, cases: Iterable[Case], done: Callable[[], None]
) -> list[CaseResult]:
    """Run cases one after the other; `done` is told of each."""
    results = []
    for case in cases:
        results.append(await _run(manifest, case))
        done()
    return results


async def _run(manifest: CompiledManifest, case: Case) -> CaseResult:
    point = manifest.points.get(case.point.value)
    policy = point.config.policy if point else None
    try:
        prepared = injected(manifest, case.point.value, case.annotations)
    except InjectionError as error:
        return CaseResult(case, None, policy, error=str(error))
    request = trial_request(case.point.value, case.snapshot, case.mode, _INCLUDE)
    try:
        decision = await decide(prepared, request)
    except RefusalError as error:
        return CaseResult(case, None, policy, error=error.detail)
    return CaseResult(
        case,
        decision.verdict.decision.value,
        policy,
        differences(
            case, {**decision_json(decision, None, frozenset()), "verdict": decision.verdict.as_json()}
        ),
        decision.error.detail if decision.error else None,
        duration_us=decision.duration_ns / 1000,
        policy_us=_policy_time(decision.trace),
        entry=decision_entry(decision),
        message=decision.verdict.message,
    )


def _policy_time(trace: Trace) -> float | None:
    moments = zip(trace.steps, trace.steps[1:], strict=False)
    return next(((ended - begun) / 1000 for (_, begun), (step, ended) in moments if step == "policy"), None)
