"""The points under attack with the test cases that carry payloads, and why one has none (section 8.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from acs_sidecar.assurance.carriers import carriers_among
from acs_sidecar.assurance.redteam.placement import text_places
from acs_sidecar.spec.manifest.cases import Case
from acs_sidecar.spec.manifest.compiled import CompiledManifest, CompiledPoint
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.verdict import Decision
from acs_sidecar.trials.injection import asked_elsewhere

__all__ = ["PointUnderTest", "points_under_test"]


@dataclass(frozen=True, slots=True)
class PointUnderTest:
    """A bound point and its carriers; with none, `not_tested` says why."""

    point: InterventionPoint
    carriers: Sequence[Case]
    not_tested: str | None = None


async def points_under_test(
    manifest: CompiledManifest, cases: Iterable[Case], wanted: frozenset[InterventionPoint], *, live: bool
) -> list[PointUnderTest]:
    """Return the bound points that are wanted (all, if none is named), in the order of the specification.

    A payload needs a carrier that has a text in its target.
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
    if not live and (asking := asked_elsewhere(compiled)):
        reason = f"the annotator `{asking[0]}` asks another server: run with --live"
        return PointUnderTest(point, (), reason)
    if not any(case.expected.get("decision") == Decision.ALLOW for case in cases):
        return PointUnderTest(point, (), "no test case expects `allow`")
    carriers = await carriers_among(manifest, cases, live=live)
    if not carriers:
        return PointUnderTest(point, (), "no test case is allowed as it stands")
    with_text = [case for case in carriers if _has_text(compiled, case)]
    if not with_text:
        return PointUnderTest(point, (), "no allowed test case has a text in its policy target")
    return PointUnderTest(point, with_text)


def _has_text(compiled: CompiledPoint, case: Case) -> bool:
    try:
        target = compiled.config.target.walk(case.snapshot)
    except EvaluationError:
        return False
    return any(True for _ in text_places(target))
