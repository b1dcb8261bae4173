"""Runs the test cases of a manifest through the decision service (section 3.4)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from acs_sidecar.annotators.runner import AnnotatorRunner
from acs_sidecar.decision.answer import decision_json
from acs_sidecar.decision.request import EvaluateRequest
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.cases import Case, Difference, differences
from acs_sidecar.spec.manifest.compiled import CompiledManifest, CompiledPoint
from acs_sidecar.spec.trace import Trace
from acs_sidecar.spec.values import Json, nesting_bound
from acs_sidecar.trials.decide import decide

__all__ = ["CaseError", "CaseResult", "run_cases"]

_INCLUDE = frozenset({"trace"})


class CaseError(Exception):
    """A case that cannot be run with its manifest; the message says what to change."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of a case. It passed when nothing differs and nothing kept it from running.

    `error` says what did; then there is no decision. `detail` is the service's own line on a deny by
    error. Times are in microseconds; `policy_us` is that of the policy alone, absent where the
    evaluation ended before it.
    """

    case: Case
    decision: str | None
    policy: str | None
    differences: tuple[Difference, ...] = ()
    detail: str | None = None
    error: str | None = None
    duration_us: float = 0
    policy_us: float | None = None

    @property
    def passed(self) -> bool:
        """True if everything was decided as expected."""
        return not self.differences and self.error is None


@dataclass(frozen=True, slots=True)
class _Injected:
    """Stands in for an annotator, and answers what the case says."""

    value: Json

    async def annotate(self, value: Json) -> Json:  # noqa: ARG002  # the port's signature
        return self.value


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
        prepared = _with_annotations(manifest, point, case)
    except CaseError as error:
        return CaseResult(case, None, policy, error=str(error))
    request = EvaluateRequest(
        point=case.point.value,
        snapshot=case.snapshot,
        nesting=nesting_bound(canonical(case.snapshot)),
        mode=case.mode,
        include=_INCLUDE,
    )
    decision = await decide(prepared, request)
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
    )


def _with_annotations(
    manifest: CompiledManifest, point: CompiledPoint | None, case: Case
) -> CompiledManifest:
    """Put what the case says in the place of the point's annotators; none is ever called."""
    uses = {use.name: use for use in point.config.annotators} if point else {}
    if unknown := sorted(case.annotations.keys() - uses):
        raise CaseError(f"`annotations.{unknown[0]}`: `{case.point}` has no annotator of this name")
    if missing := sorted(uses.keys() - case.annotations):
        raise CaseError(
            f"`{case.point}` has the annotator `{missing[0]}`, which is not called in a test: "
            f"set its result as `annotations.{missing[0]}`"
        )
    if point is None or not uses:
        return manifest
    injected = tuple((use, _Injected(case.annotations[name])) for name, use in sorted(uses.items()))
    stand_in = replace(point, annotate=AnnotatorRunner(injected, point.limits))
    points: Mapping[str, CompiledPoint] = {**manifest.points, case.point.value: stand_in}
    return replace(manifest, points=points)


def _policy_time(trace: Trace) -> float | None:
    moments = zip(trace.steps, trace.steps[1:], strict=False)
    return next(((ended - begun) / 1000 for (_, begun), (step, ended) in moments if step == "policy"), None)
