"""What is counted of the parts of a service that know no metrics themselves (section 5)."""

from collections.abc import Callable, Iterable, Sized
from typing import Protocol

from acs_sidecar.spec.manifest.compiled import CompiledManifest, InvalidManifest
from acs_sidecar.telemetry import catalogue
from acs_sidecar.telemetry.decision_metrics import DecisionMetrics
from acs_sidecar.telemetry.metrics import Metrics

__all__ = [
    "AuditState",
    "RefusedInputs",
    "commit_counter",
    "follow_audit_log",
    "follow_fatal_inputs",
    "follow_manifests",
]


class AuditState(Protocol):
    """What an audit log shows of itself."""

    @property
    def queued(self) -> int:
        """Records that wait for commit."""
        ...

    @property
    def failure(self) -> str | None:
        """Why records cannot be written."""
        ...

    @property
    def unrecorded(self) -> int:
        """Denials that are not yet recorded."""
        ...

    @property
    def damage(self) -> Sized:
        """The logs that were found damaged."""
        ...


class RefusedInputs(Protocol):
    """What a worker shows of the inputs that it does not evaluate."""

    refusals: int

    @property
    def refused(self) -> int:
        """How many inputs are refused."""
        ...


def commit_counter(metrics: Metrics) -> Callable[[int, float], None]:
    """Return the callback for the commits of an audit log: number of records, seconds."""
    records = metrics.counter(catalogue.AUDIT_RECORDS)
    checkpoints = metrics.counter(catalogue.AUDIT_CHECKPOINTS)
    duration = metrics.histogram(catalogue.AUDIT_COMMIT_SECONDS)

    def committed(count: int, seconds: float) -> None:
        records.inc(count)
        checkpoints.inc()
        duration.observe(seconds)

    return committed


def follow_audit_log(metrics: Metrics, audit: AuditState) -> None:
    """Sample the state of an audit log."""
    metrics.sample(metrics.gauge(catalogue.AUDIT_QUEUE), lambda: audit.queued)
    metrics.sample(metrics.gauge(catalogue.AUDIT_UNAVAILABLE), lambda: audit.failure is not None)
    metrics.sample(metrics.gauge(catalogue.AUDIT_UNRECORDED), lambda: audit.unrecorded)
    metrics.sample(metrics.gauge(catalogue.AUDIT_DAMAGED), lambda: len(audit.damage))


def follow_fatal_inputs(metrics: Metrics, inputs: RefusedInputs) -> None:
    """Sample what is not evaluated any more because it ended workers."""
    metrics.sample(metrics.gauge(catalogue.FATAL_INPUTS), lambda: inputs.refused)
    metrics.follow(metrics.counter(catalogue.FATAL_INPUT_REFUSALS), lambda: inputs.refusals)


def follow_manifests(
    metrics: Metrics, decisions: DecisionMetrics, loaded: Iterable[CompiledManifest | InvalidManifest]
) -> None:
    """Count an operator's set that was just compiled; to be called for each set that replaces it, too."""
    valid = 0
    invalid = 0
    for manifest in loaded:
        if isinstance(manifest, CompiledManifest):
            decisions.loaded(manifest)
            metrics.count(catalogue.MANIFEST_COMPILES, manifest.provenance, "ok")
            valid += 1
        else:
            metrics.count(catalogue.MANIFEST_COMPILES, manifest.provenance, "invalid")
            invalid += 1
    metrics.gauge(catalogue.MANIFESTS, "valid").set(valid)
    metrics.gauge(catalogue.MANIFESTS, "invalid").set(invalid)
