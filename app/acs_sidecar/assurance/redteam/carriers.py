"""The allowed test cases that carry payloads, and why a point has none (section 8.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from acs_sidecar.annotators.classifier.type import LocalClassifier
from acs_sidecar.annotators.runner import AnnotatorRunner
from acs_sidecar.assurance.redteam.placement import text_places
from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.manifest.cases import Case
from acs_sidecar.spec.manifest.compiled import CompiledManifest, CompiledPoint
from acs_sidecar.spec.points import InterventionPoint, Mode
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Decision
from acs_sidecar.trials.decide import decide, trial_request

__all__ = ["PointUnderTest", "decision_on", "points_under_test"]


@dataclass(frozen=True, slots=True)
class PointUnderTest:
    """A bound point and its carriers; with none, `not_tested` says why."""

    point: InterventionPoint
    carriers: Sequence[Case]
    not_tested: str | None = None


async def decision_on(
    manifest: CompiledManifest, point: InterventionPoint, snapshot: dict[str, Json], mode: Mode
) -> PolicyDecision | None:
    """Decide on a snapshot; `None` if the service would refuse the request before any policy."""
    try:
        return await decide(manifest, trial_request(point.value, snapshot, mode))
    except RefusalError:
        return None


async def points_under_test(
    manifest: CompiledManifest, cases: Iterable[Case], wanted: frozenset[InterventionPoint], *, live: bool
) -> list[PointUnderTest]:
    """Return the bound points that are wanted (all, if none is named), in the order of the specification.

    A carrier is a case that expects `allow`, is allowed as it stands, and has a text in its target.
    """
    of_point: dict[InterventionPoint, list[Case]] = {}
    for case in cases:
        of_point.setdefault(case.point, []).append(case)
    return [
        await _point_under_test(manifest, compiled, of_point.get(point, []), live)
        for point in InterventionPoint
        if (compiled := manifest.points.get(point.value)) and (not wanted or point in wanted)
    ]


async def _point_under_test(
    manifest: CompiledManifest, compiled: CompiledPoint, cases: Sequence[Case], live: bool
) -> PointUnderTest:
    point = compiled.config.name
    if not live and (asking := _asking(compiled)):
        reason = f"the annotator `{asking}` asks another server: run with --live"
        return PointUnderTest(point, (), reason)
    allowed = [case for case in cases if case.expected.get("decision") == Decision.ALLOW]
    if not allowed:
        return PointUnderTest(point, (), "no test case expects `allow`")
    carriers = []
    for case in allowed:
        decision = await decision_on(manifest, point, case.snapshot, case.mode)
        if decision and not decision.error and decision.verdict.decision is Decision.ALLOW:
            carriers.append(case)
    if not carriers:
        return PointUnderTest(point, (), "no test case is allowed as it stands")
    with_text = [case for case in carriers if _has_text(compiled, case)]
    if not with_text:
        return PointUnderTest(point, (), "no allowed test case has a text in its policy target")
    return PointUnderTest(point, with_text)


def _asking(compiled: CompiledPoint) -> str | None:
    """Return the name of an annotator of the point that is no local classifier."""
    runner = compiled.annotate
    if not isinstance(runner, AnnotatorRunner):
        return None
    uses = (use.name for use, annotator in runner.annotators if not isinstance(annotator, LocalClassifier))
    return next(uses, None)


def _has_text(compiled: CompiledPoint, case: Case) -> bool:
    try:
        target = compiled.config.target.walk(case.snapshot)
    except EvaluationError:
        return False
    return any(True for _ in text_places(target))
