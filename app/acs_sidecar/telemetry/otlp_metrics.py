"""The metrics of one process as the OpenTelemetry SDK's values (section 5)."""

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from acs_sidecar.telemetry import catalogue
from acs_sidecar.telemetry.catalogue import CATALOGUE, Kind
from acs_sidecar.telemetry.shared import Region

__all__ = ["METER", "metrics_data"]

METER = "agent_control_specification"
_UNITS = {"_ms": "ms", "_seconds": "s"}


def metrics_data(region: Region, resource: Resource, begun: int, now: int) -> MetricsData:
    """Return every metric of a process; `begun` and `now` are Unix nanoseconds.

    Names are those of Prometheus: counters with `_total`. Sums are cumulative.
    """
    series: dict[str, list[tuple[tuple[str, ...], list[float]]]] = {}
    for one in region.series():
        numbers = [*region.numbers[one.first : one.first + one.slots]]
        series.setdefault(one.metric, []).append((one.labels, numbers))
    metrics = [
        _metric(metric, series[metric.name], begun, now) for metric in CATALOGUE if metric.name in series
    ]
    scope = ScopeMetrics(InstrumentationScope(METER), metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _metric(
    metric: catalogue.Metric, series: list[tuple[tuple[str, ...], list[float]]], begun: int, now: int
) -> Metric:
    unit = next((unit for ending, unit in _UNITS.items() if metric.name.endswith(ending)), "1")
    if metric.kind is Kind.HISTOGRAM:
        histograms = [_histogram_point(metric, labels, numbers, begun, now) for labels, numbers in series]
        histogram = Histogram(histograms, AggregationTemporality.CUMULATIVE)
        return Metric(metric.name, metric.help, unit, histogram)
    points = [
        NumberDataPoint(dict(zip(metric.labels, labels, strict=True)), begun, now, value)
        for labels, (value,) in series
    ]
    if metric.kind is Kind.COUNTER:
        total = Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True)
        return Metric(f"{metric.name}_total", metric.help, unit, total)
    return Metric(metric.name, metric.help, unit, Gauge(points))


def _histogram_point(
    metric: catalogue.Metric, labels: tuple[str, ...], numbers: list[float], begun: int, now: int
) -> HistogramDataPoint:
    counts = [int(count) for count in numbers[:-1]]
    return HistogramDataPoint(
        attributes=dict(zip(metric.labels, labels, strict=True)),
        start_time_unix_nano=begun,
        time_unix_nano=now,
        count=sum(counts),
        sum=numbers[-1],
        bucket_counts=counts,
        explicit_bounds=metric.bounds,
        min=None,  # type: ignore[arg-type]  # the protocol has them optional, and they are not kept
        max=None,  # type: ignore[arg-type]  # as above
    )
