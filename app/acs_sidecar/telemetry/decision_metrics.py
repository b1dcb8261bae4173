"""What is counted of decisions (section 5): by point, mode, policy and error class, never by content."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from acs_sidecar.detectors.registry import DETECTORS, LOCAL_PROVIDERS
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.manifest.compiled import CompiledManifest, CompiledPoint, Provenance
from acs_sidecar.spec.points import Mode
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.verdict import Decision
from acs_sidecar.telemetry.catalogue import (
    ANNOTATOR_SECONDS,
    DETECTOR_FINDINGS,
    DURATION,
    INTERVENTIONS,
    OTHER,
    POLICY_SECONDS,
)
from acs_sidecar.telemetry.metrics import Counter, Histogram, Metrics

__all__ = ["NO_ERROR", "RUNTIME_ERROR", "UNKNOWN", "DecisionMetrics"]

NO_ERROR = "none"
RUNTIME_ERROR = "runtime_error"
UNKNOWN = "unknown"
MAX_POLICY_IDS = 100

_Key: TypeAlias = tuple[str, str, str, str, str, bool]
"""Policy, its type and the point, mode, verdict, and whether it is a runtime error."""


@dataclass(frozen=True, slots=True)
class _Series:
    """What one kind of decision is counted in."""

    counter: Counter
    duration: Histogram
    policy: Histogram


class DecisionMetrics:
    """Counts decisions. The series of a point are resolved when its manifest is loaded, or at first use.

    A policy id is a label when it is from an operator's manifest, up to 100 of them; others are
    `other`. Where no point was found, point and policy are `unknown`.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._series: dict[_Key, _Series] = {}
        self._policy_ids: set[str] = set()

    def loaded(self, manifest: CompiledManifest) -> None:
        """Initialize the series of a manifest to zero."""
        for point in manifest.points.values():
            policy = self._known(_policy(point, manifest.provenance))
            self._resolve((policy, point.policy_type, point.name, Mode.ENFORCE, Decision.DENY, True))
            for decided in Decision:
                self._resolve((policy, point.policy_type, point.name, Mode.ENFORCE, decided, False))

    def decided(self, decision: PolicyDecision) -> None:
        """Count one decision."""
        point, outcome, trace = decision.point, decision.outcome, decision.trace
        failed = isinstance(outcome, EvaluationError)
        decided = Decision.DENY if isinstance(outcome, EvaluationError) else outcome.verdict.decision
        if point is None:
            key: _Key = (UNKNOWN, UNKNOWN, UNKNOWN, decision.mode, decided, failed)
        else:
            policy = _policy(point, decision.manifest.provenance)
            key = (policy, point.policy_type, point.name, decision.mode, decided, failed)
        series = self._series.get(key) or self._resolve(key)
        series.counter.inc()
        series.duration.observe(decision.duration_ns / 1e6)
        if ran := trace.policy:
            series.policy.observe((ran[1] - ran[0]) / 1e9)
        if point and trace.annotators:
            self._annotated(decision, point)

    def _resolve(self, key: _Key) -> _Series:
        policy, policy_type, point, mode, decided, failed = key
        policy = self._known(policy)
        labels = (point, str(mode), policy, RUNTIME_ERROR if failed else NO_ERROR)
        found = self._series[key] = _Series(
            self._metrics.counter(INTERVENTIONS[decided], *labels),
            self._metrics.histogram(DURATION, *labels),
            self._metrics.histogram(POLICY_SECONDS, policy_type, policy),
        )
        return found

    def _annotated(self, decision: PolicyDecision, point: CompiledPoint) -> None:
        """Count what the annotators of a decision did; they wait for others, so that this may look up."""
        named = decision.manifest.provenance is not Provenance.INLINE
        types = {use.name: use.type for use in point.config.annotators}
        for name, run in decision.trace.annotators.items():
            labels = (name if named else OTHER, types[name], run.outcome)
            self._metrics.histogram(ANNOTATOR_SECONDS, *labels).observe((run.ended - run.started) / 1e9)
        for provider, category in _findings(decision, point):
            own = named or provider in DETECTORS
            self._metrics.count(DETECTOR_FINDINGS, provider, category if own else OTHER)

    def _known(self, policy: str) -> str:
        """Return a policy id while there are few enough of them."""
        if policy not in self._policy_ids:
            if len(self._policy_ids) >= MAX_POLICY_IDS:
                return OTHER
            self._policy_ids.add(policy)
        return policy


def _findings(decision: PolicyDecision, point: CompiledPoint) -> Iterator[tuple[str, str]]:
    """Yield provider and category of what local classifiers listed in values that they flagged."""
    policy_input = decision.trace.policy_input
    annotations = policy_input.value["annotations"] if policy_input else None
    for use in point.config.annotators:
        provider = use.invocation.get("provider")
        found = annotations.get(use.name) if isinstance(annotations, dict) else None
        if provider in LOCAL_PROVIDERS and isinstance(found, dict) and found["flagged"] is True:
            findings = found["findings"]
            for each in findings if isinstance(findings, list) else ():
                if isinstance(each, dict):
                    yield str(provider), str(each["category"])


def _policy(point: CompiledPoint, provenance: Provenance) -> str:
    return OTHER if provenance is Provenance.INLINE else point.config.policy
