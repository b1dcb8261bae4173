"""What Prometheus reads: the numbers of all workers, added up (section 5)."""

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import assert_never

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from acs_sidecar.telemetry import catalogue
from acs_sidecar.telemetry.catalogue import CATALOGUE, Kind
from acs_sidecar.telemetry.shared import SharedNumbers

__all__ = ["Totals", "render", "totals"]

Totals = Mapping[str, Mapping[tuple[str, ...], list[float]]]
"""Metric → label values → its numbers."""


def totals(shared: SharedNumbers) -> Totals:
    """Join the regions of all writers: sums, or for a few gauges the largest value."""
    largest = {metric.name for metric in CATALOGUE if metric.kind is Kind.LARGEST}
    joined: dict[str, dict[tuple[str, ...], list[float]]] = {}
    for metric, labels, numbers in shared.values():
        series = joined.setdefault(metric, {})
        before = series.get(labels)
        if before is None:
            series[labels] = numbers
        else:
            join = max if metric in largest else float.__add__
            series[labels] = [join(*pair) for pair in zip(before, numbers, strict=True)]
    return joined


def render(shared: SharedNumbers, build: Mapping[str, str], accept: str) -> tuple[bytes, str]:
    """Return the body and the Content-Type of a scrape, in the format that an `Accept` header asks for.

    `build` holds versions by name.
    """
    registry = CollectorRegistry()
    registry.register(_Numbers(shared, {name.replace("-", "_"): text for name, text in build.items()}))
    try:
        encoder, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # what stands as a version is compared as it stands
        encoder, content_type = choose_encoder("")
    return encoder(registry), content_type


class _Numbers(Collector):
    """What the library asks for the metrics."""

    def __init__(self, shared: SharedNumbers, build: dict[str, str]) -> None:
        self._shared = shared
        self._build = build

    def describe(self) -> Iterable[Metric]:
        """Describe nothing: names are unique by the catalogue."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Yield every metric with its series."""
        build = InfoMetricFamily("acs_build", "The version of the service and of its engines.")
        build.add_metric((), self._build)
        yield build
        joined = totals(self._shared)
        for metric in CATALOGUE:
            yield _family(metric, joined.get(metric.name, {}))


def _family(metric: catalogue.Metric, series: Mapping[tuple[str, ...], list[float]]) -> Metric:
    match metric.kind:
        case Kind.COUNTER:
            counter = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, (value,) in series.items():
                counter.add_metric(labels, value)
            return counter
        case Kind.HISTOGRAM:
            histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
            bounds = [*(str(float(bound)) for bound in metric.bounds), "+Inf"]
            for labels, numbers in series.items():
                buckets = list(zip(bounds, accumulate(numbers[:-1]), strict=True))
                histogram.add_metric(labels, buckets, numbers[-1])
            return histogram
        case Kind.GAUGE | Kind.LARGEST:
            gauge = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, (value,) in series.items():
                gauge.add_metric(labels, value)
            return gauge
        case _:
            assert_never(metric.kind)
