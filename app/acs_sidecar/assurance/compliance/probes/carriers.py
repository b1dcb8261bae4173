"""Carriers: test cases that are allowed, of which a probe changes one thing (section 8.3)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.manifest.cases import Case
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import Decision
from acs_sidecar.trials.decide import decide, trial_request
from acs_sidecar.trials.injection import InjectionError, with_local_classifiers

__all__ = ["CounterExample", "ProbedManifest", "probed_manifest", "stopped"]

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
    escalates: bool

    async def decision(self, case: Case, attempt: CounterExample) -> PolicyDecision:
        """Evaluate a counter-example at the point of its carrier. Raises `InjectionError`."""
        return await _decided(self.manifest, case, attempt)


async def probed_manifest(name: str, manifest: CompiledManifest, cases: Iterable[Case]) -> ProbedManifest:
    """Find the carriers among test cases by evaluating them."""
    carriers: dict[str, list[Case]] = {}
    escalates = False
    known = tuple(cases)
    for case in known:
        try:
            decision = await _decided(manifest, case, CounterExample(case.snapshot))
        except InjectionError:
            continue
        if decision.verdict.decision is Decision.ALLOW:
            carriers.setdefault(case.point.value, []).append(case)
        escalates |= decision.verdict.decision is Decision.ESCALATE
    return ProbedManifest(
        name, manifest, known, {point: tuple(found) for point, found in carriers.items()}, escalates
    )


def stopped(decision: PolicyDecision, attempt: CounterExample) -> bool:
    """True if the policy refused, or took the payload out. An evaluation that fails is no refusal."""
    if decision.error is not None:
        return decision.error.reason is Reason.TOOL_UNKNOWN
    if decision.verdict.decision in _REFUSALS:
        return True
    evaluation = decision.evaluation
    if decision.verdict.decision is not Decision.TRANSFORM or evaluation is None or attempt.payload is None:
        return False
    return not _holds(evaluation.transformed_target, attempt.payload)


async def _decided(manifest: CompiledManifest, case: Case, attempt: CounterExample) -> PolicyDecision:
    point = case.point.value
    prepared = with_local_classifiers(manifest, point, case.annotations, attempt.instead)
    return await decide(prepared, trial_request(point, attempt.snapshot, case.mode))


def _holds(value: Json, payload: str) -> bool:
    """True if any part of a payload is left: a word of it that is longer than a few characters."""
    match value:
        case str():
            return any(word in value for word in payload.split() if len(word) > 6)
        case list():
            return any(_holds(item, payload) for item in value)
        case dict():
            return any(_holds(name, payload) or _holds(item, payload) for name, item in value.items())
        case _:
            return False
