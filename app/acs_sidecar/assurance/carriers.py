"""Carriers: allowed test cases, into which attacks and counter-examples are put (sections 8.3, 8.4)."""

from collections.abc import Iterable
from types import MappingProxyType

from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.manifest.cases import Case
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.points import InterventionPoint, Mode
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import Decision
from acs_sidecar.trials.decide import decide, trial_request
from acs_sidecar.trials.injection import InjectionError, with_local_classifiers

__all__ = ["carriers_among", "case_decision", "snapshot_decision"]

_NOTHING: JsonObject = MappingProxyType({})


async def carriers_among(
    manifest: CompiledManifest, cases: Iterable[Case], *, live: bool = False
) -> list[Case]:
    """Return the cases that expect `allow` and are allowed as they stand."""
    found = []
    for case in cases:
        if case.expected.get("decision") != Decision.ALLOW:
            continue
        try:
            decision = await case_decision(manifest, case, case.snapshot, live=live)
        except InjectionError:
            continue
        if decision and not decision.error and decision.verdict.decision is Decision.ALLOW:
            found.append(case)
    return found


async def case_decision(
    manifest: CompiledManifest,
    case: Case,
    snapshot: dict[str, Json],
    instead: JsonObject = _NOTHING,
    *,
    live: bool = False,
) -> PolicyDecision | None:
    """Decide on a snapshot in the place of a case's own, as `snapshot_decision` does."""
    return await snapshot_decision(
        manifest, case.point, snapshot, case.mode, annotations=case.annotations, instead=instead, live=live
    )


async def snapshot_decision(
    manifest: CompiledManifest,
    point: InterventionPoint,
    snapshot: dict[str, Json],
    mode: Mode,
    *,
    annotations: JsonObject = _NOTHING,
    instead: JsonObject = _NOTHING,
    live: bool = False,
) -> PolicyDecision | None:
    """Decide on a snapshot; `None` if the service would refuse the request before any policy.

    Local classifiers look at it; of others the annotations are given, unless `live` asks them. Raises
    `InjectionError` where one is not given.
    """
    prepared = manifest if live else with_local_classifiers(manifest, point.value, annotations, instead)
    try:
        return await decide(prepared, trial_request(point.value, snapshot, mode))
    except RefusalError:
        return None
