"""Every metric of the service: its name, what it tells, its labels and their bound (section 5).

Label values come from the operator's manifests and from the code, never from a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from acs_sidecar.spec.verdict import Decision

__all__ = [
    "ANNOTATOR_BREAKER_OPENINGS",
    "ANNOTATOR_SECONDS",
    "APPROVALS",
    "AUDIT_CHECKPOINTS",
    "AUDIT_COMMIT_SECONDS",
    "AUDIT_DAMAGED",
    "AUDIT_QUEUE",
    "AUDIT_RECORDS",
    "AUDIT_UNAVAILABLE",
    "AUDIT_UNRECORDED",
    "CATALOGUE",
    "DETECTOR_FINDINGS",
    "DROPPED",
    "DURATION",
    "FATAL_INPUTS",
    "FATAL_INPUT_REFUSALS",
    "FAULTS",
    "INLINE_CACHE",
    "INLINE_CACHE_BYTES",
    "INTERVENTIONS",
    "IN_FLIGHT",
    "MANIFESTS",
    "MANIFEST_COMPILES",
    "MANIFEST_RELOADS",
    "OTHER",
    "POLICY_SECONDS",
    "REJECTED",
    "REQUESTS",
    "STREAMS",
    "STREAMS_SETTLED",
    "WORKER_STARTS",
    "Kind",
    "Metric",
]

OTHER: Final = "other"


class Kind(StrEnum):
    """How the values of several workers become one: counters, histograms and `gauge` add up."""

    COUNTER = "counter"
    GAUGE = "gauge"
    LARGEST = "gauge, the maximum over workers"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, eq=False)
class Metric:
    """One metric. A counter is exposed with `_total` behind its name.

    `bounds` are the upper bounds of a histogram's buckets. A worker keeps at most `series` sets of
    label values; every further one is counted under `other`.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    series: int = 64

    @property
    def slots(self) -> int:
        """How many numbers one series takes: a histogram has its buckets, the last unbounded, and its sum."""
        return len(self.bounds) + 2 if self.kind is Kind.HISTOGRAM else 1


_MILLISECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)
_SECONDS = tuple(bound / 1_000 for bound in _MILLISECONDS)
_FAST_SECONDS = (5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 0.001, 0.005, 0.01, 0.025, 0.1, 1)
_INTERVENTION = ("intervention_point", "mode", "policy_id", "error_class")
_INTERVENTION_SERIES = 2_048

INTERVENTIONS: Mapping[str, Metric] = {
    decision: Metric(
        f"acs_intervention_{decision}",
        Kind.COUNTER,
        f"Evaluations whose verdict was {decision}.",
        _INTERVENTION,
        series=_INTERVENTION_SERIES,
    )
    for decision in Decision
}
DURATION = Metric(
    "acs_intervention_duration_ms",
    Kind.HISTOGRAM,
    "Time from request to verdict, before it is recorded, in milliseconds.",
    _INTERVENTION,
    _MILLISECONDS,
    _INTERVENTION_SERIES,
)
POLICY_SECONDS = Metric(
    "acs_policy_duration_seconds",
    Kind.HISTOGRAM,
    "Time that a policy took to return or fail.",
    ("policy_type", "policy_id"),
    _FAST_SECONDS,
    256,
)
ANNOTATOR_SECONDS = Metric(
    "acs_annotator_duration_seconds",
    Kind.HISTOGRAM,
    "Time that an annotator took; `outcome` is `ok`, `failed`, `timeout` or `cancelled`.",
    ("annotator", "type", "outcome"),
    _SECONDS,
    256,
)
ANNOTATOR_BREAKER_OPENINGS = Metric(
    "acs_annotator_breaker_openings",
    Kind.COUNTER,
    "Times that an annotator's circuit breaker opened after repeated failures.",
    ("annotator",),
    series=256,
)
DETECTOR_FINDINGS = Metric(
    "acs_detector_findings",
    Kind.COUNTER,
    "What local classifiers listed in values that they flagged; a category that a caller named is `other`.",
    ("provider", "category"),
    series=256,
)
APPROVALS = Metric(
    "acs_approvals",
    Kind.COUNTER,
    "Escalations resolved, by outcome, by who decided, and by the type of the resolver.",
    ("outcome", "by", "resolver_type"),
    series=128,
)
REQUESTS = Metric(
    "acs_http_requests",
    Kind.COUNTER,
    "Requests answered, by route and status.",
    ("route", "status"),
    series=512,
)
IN_FLIGHT = Metric("acs_http_requests_in_flight", Kind.GAUGE, "Decision requests being served.")
STREAMS = Metric("acs_streams_open", Kind.GAUGE, "Streams being answered.")
STREAMS_SETTLED = Metric(
    "acs_streams_settled",
    Kind.COUNTER,
    "Streams that ended, by how, and by why where they failed.",
    ("kind", "cause"),
)
REJECTED = Metric(
    "acs_requests_rejected", Kind.COUNTER, "Requests refused without an evaluation, by cause.", ("cause",)
)
FAULTS = Metric("acs_faults", Kind.COUNTER, "Internal errors; a decision was a deny.")
MANIFESTS = Metric("acs_manifests", Kind.LARGEST, "The operator's manifests that are loaded.", ("state",))
MANIFEST_COMPILES = Metric(
    "acs_manifest_compiles",
    Kind.COUNTER,
    "Manifests compiled; `outcome` is `ok` or `invalid`.",
    ("manifest_source", "outcome"),
)
MANIFEST_RELOADS = Metric(
    "acs_manifest_reloads",
    Kind.COUNTER,
    "Reloads of the operator's manifests; `outcome` is `ok`, `unchanged` or `failed`.",
    ("outcome",),
)
INLINE_CACHE = Metric(
    "acs_inline_cache_requests",
    Kind.COUNTER,
    "Lookups of compiled inline manifests; `outcome` is `hit` or `miss`.",
    ("outcome",),
)
INLINE_CACHE_BYTES = Metric(
    "acs_inline_cache_bytes", Kind.GAUGE, "Memory taken by compiled inline manifests, an upper bound."
)
AUDIT_RECORDS = Metric("acs_audit_records", Kind.COUNTER, "Records written to the audit log.")
AUDIT_CHECKPOINTS = Metric("acs_audit_checkpoints", Kind.COUNTER, "Checkpoints signed and written.")
AUDIT_COMMIT_SECONDS = Metric(
    "acs_audit_commit_duration_seconds",
    Kind.HISTOGRAM,
    "Time to write a group of records and the checkpoint that signs them.",
    bounds=_FAST_SECONDS,
)
AUDIT_QUEUE = Metric("acs_audit_queue_length", Kind.GAUGE, "Records that wait for commit.")
AUDIT_UNAVAILABLE = Metric(
    "acs_audit_unavailable_workers",
    Kind.GAUGE,
    "Workers whose audit log cannot be written: they deny every request.",
)
AUDIT_UNRECORDED = Metric("acs_audit_unrecorded_denials", Kind.GAUGE, "Denials that are not yet recorded.")
AUDIT_DAMAGED = Metric(
    "acs_audit_damaged_logs", Kind.LARGEST, "Audit logs that do not match their checkpoints."
)
DROPPED = Metric(
    "acs_telemetry_dropped",
    Kind.COUNTER,
    "Log lines, spans and exports dropped because their receiver was slow or unavailable.",
    ("sink",),
)
FATAL_INPUTS = Metric(
    "acs_fatal_inputs", Kind.LARGEST, "Policy inputs that are not evaluated: each has ended two workers."
)
FATAL_INPUT_REFUSALS = Metric(
    "acs_fatal_input_refusals", Kind.COUNTER, "Denials of inputs that have ended two workers."
)
WORKER_STARTS = Metric("acs_worker_starts", Kind.COUNTER, "Workers started, replacements included.")

CATALOGUE: tuple[Metric, ...] = (
    *INTERVENTIONS.values(),
    DURATION,
    POLICY_SECONDS,
    ANNOTATOR_SECONDS,
    ANNOTATOR_BREAKER_OPENINGS,
    DETECTOR_FINDINGS,
    APPROVALS,
    REQUESTS,
    IN_FLIGHT,
    STREAMS,
    STREAMS_SETTLED,
    REJECTED,
    FAULTS,
    MANIFESTS,
    MANIFEST_COMPILES,
    MANIFEST_RELOADS,
    INLINE_CACHE,
    INLINE_CACHE_BYTES,
    AUDIT_RECORDS,
    AUDIT_CHECKPOINTS,
    AUDIT_COMMIT_SECONDS,
    AUDIT_QUEUE,
    AUDIT_UNAVAILABLE,
    AUDIT_UNRECORDED,
    AUDIT_DAMAGED,
    DROPPED,
    FATAL_INPUTS,
    FATAL_INPUT_REFUSALS,
    WORKER_STARTS,
)
