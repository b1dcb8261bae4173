"""Manifests in use with the carriers that probes change, and what counts as a refusal (section 8.3)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from acs_sidecar.assurance.carriers import carriers_among, case_decision
from acs_sidecar.assurance.redteam.placement import holds_run_of
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.manifest.cases import Case
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import Decision
from acs_sidecar.trials.injection import InjectionError

__all__ = ["CounterExample", "ProbedManifest", "escalates", "probed_manifest", "stopped"]

_REFUSALS = (Decision.DENY, Decision.ESCALATE)


@dataclass(frozen=True, slots=True)
class CounterExample:
    """One counter-example: a carrier's snapshot with one change.

    `payload` is the text that was put in; a transform counts as a refusal only when it is gone afterwards.
    `instead` are results of annotators that the probe sets.
    """

    snapshot: dict[str, Json]
    payload: str | None = None
    instead: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProbedManifest:
    """A manifest in use with its test cases, and with the carriers of each point."""

    name: str
    manifest: CompiledManifest
    cases: tuple[Case, ...]
    carriers: dict[str, tuple[Case, ...]]

    async def decision(self, case: Case, attempt: CounterExample) -> PolicyDecision | None:
        """Evaluate a counter-example at the point of its carrier; `None` for one that is no request.

        Raises `InjectionError`.
        """
        return await case_decision(self.manifest, case, attempt.snapshot, attempt.instead)


async def probed_manifest(name: str, manifest: CompiledManifest, cases: Iterable[Case]) -> ProbedManifest:
    """Find the carriers among test cases by evaluating them."""
    known = tuple(cases)
    carriers: dict[str, list[Case]] = {}
    for case in await carriers_among(manifest, known):
        carriers.setdefault(case.point.value, []).append(case)
    return ProbedManifest(name, manifest, known, {point: tuple(found) for point, found in carriers.items()})


async def escalates(one: ProbedManifest) -> bool:
    """True if some test case escalates."""
    for case in one.cases:
        try:
            decision = await case_decision(one.manifest, case, case.snapshot)
        except InjectionError:
            continue
        if decision and decision.verdict.decision is Decision.ESCALATE:
            return True
    return False


def stopped(decision: PolicyDecision, attempt: CounterExample) -> bool:
    """True if the policy refused, or took the payload out. An evaluation that fails is no refusal."""
    if decision.error is not None:
        return decision.error.reason is Reason.TOOL_UNKNOWN
    if decision.verdict.decision in _REFUSALS:
        return True
    if decision.verdict.decision is not Decision.TRANSFORM or attempt.payload is None:
        return False
    return not holds_run_of(attempt.payload, decision.transformed_target())
