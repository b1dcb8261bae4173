"""How the service counts: `metrics.count(REJECTED, "token")`, on the thread of the event loop.

What is counted for every request is resolved once, with `counter`, `gauge` or `histogram`, and kept: an
increment then costs a fraction of a microsecond. A new metric is a line in `acs_sidecar.telemetry.catalogue`.
"""

import asyncio
from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Callable

from acs_sidecar.telemetry.catalogue import CATALOGUE, OTHER, Kind, Metric
from acs_sidecar.telemetry.shared import Numbers, SharedNumbers

__all__ = ["Counter", "Gauge", "Histogram", "Metrics"]

SAMPLE_SECONDS = 1.0


class Counter:
    """A number that only grows."""

    __slots__ = ("_numbers", "_slot")

    def __init__(self, numbers: Numbers, slot: int) -> None:
        self._numbers = numbers
        self._slot = slot

    def inc(self, amount: float = 1.0) -> None:
        """Add to it."""
        self._numbers[self._slot] += amount


class Gauge:
    """A number that is what it is now; of a worker that died nothing is left."""

    __slots__ = ("_numbers", "_slot")

    def __init__(self, numbers: Numbers, slot: int) -> None:
        self._numbers = numbers
        self._slot = slot

    def set(self, value: float) -> None:
        """Replace it."""
        self._numbers[self._slot] = value


class Histogram:
    """How often values fell between which bounds."""

    __slots__ = ("_bounds", "_first", "_numbers", "_sum")

    def __init__(self, numbers: Numbers, slot: int, bounds: tuple[float, ...]) -> None:
        self._numbers = numbers
        self._bounds = bounds
        self._first = slot
        self._sum = slot + len(bounds) + 1

    def observe(self, value: float) -> None:
        """Add a value, in the unit of the metric."""
        self._numbers[self._first + bisect_left(self._bounds, value)] += 1.0
        self._numbers[self._sum] += value


class Metrics:
    """The metrics of one process; `shared` is what a scrape reads, wherever it is answered.

    Not thread-safe: what happens in another thread is counted when the event loop learns of it.
    Label values that are too many for a metric become `other`.
    """

    def __init__(self, shared: SharedNumbers | None = None, worker: int = 0) -> None:
        self.shared = shared or SharedNumbers(1)
        self.region = self.shared.regions[worker]
        self._slots = {(series.metric, series.labels): series.first for series in self.region.series()}
        self._per_metric = Tally(metric for metric, _ in self._slots)
        self._unseen = memoryview(bytearray(8 * max(metric.slots for metric in CATALOGUE))).cast("d")
        self._timer: asyncio.TimerHandle | None = None
        self._samples: list[tuple[Gauge, Callable[[], float]]] = []
        self._followed: list[tuple[Counter, Callable[[], float], list[float]]] = []
        gauges = {metric.name for metric in CATALOGUE if metric.kind in {Kind.GAUGE, Kind.LARGEST}}
        for (name, _), slot in self._slots.items():
            if name in gauges:
                self.region.numbers[slot] = 0.0

    def counter(self, metric: Metric, *labels: str) -> Counter:
        """Return one series of a counter, to keep."""
        return Counter(*self._place(metric, labels))

    def gauge(self, metric: Metric, *labels: str) -> Gauge:
        """Return one series of a gauge, to keep."""
        return Gauge(*self._place(metric, labels))

    def histogram(self, metric: Metric, *labels: str) -> Histogram:
        """Return one series of a histogram, to keep."""
        return Histogram(*self._place(metric, labels), metric.bounds)

    def count(self, metric: Metric, *labels: str) -> None:
        """Add one to a counter, where that is rare enough to look the series up each time."""
        self.counter(metric, *labels).inc()

    def sample(self, gauge: Gauge, value: Callable[[], float]) -> None:
        """Read a gauge from a callback at each collection."""
        self._samples.append((gauge, value))

    def follow(self, counter: Counter, value: Callable[[], float]) -> None:
        """Read a counter from a callback at each collection."""
        self._followed.append((counter, value, [0.0]))

    def refresh(self) -> None:
        """Update the sampled metrics."""
        for gauge, value in self._samples:
            gauge.set(value())
        for counter, value, before in self._followed:
            now = value()
            counter.inc(now - before[0])
            before[0] = now

    def start(self) -> None:
        """Refresh each second, so that a scrape of another worker finds it."""
        self.refresh()
        self._timer = asyncio.get_running_loop().call_later(SAMPLE_SECONDS, self.start)

    def stop(self) -> None:
        """Refresh no more."""
        if self._timer:
            self._timer.cancel()

    def _place(self, metric: Metric, labels: tuple[str, ...]) -> tuple[Numbers, int]:
        """Find or make the numbers of a series; without room they are counted where nobody reads."""
        if len(labels) != len(metric.labels):
            raise ValueError(f"{metric.name} has the labels {metric.labels}, not {len(labels)} of them")
        known = self._slots.get((metric.name, labels))
        if known is not None:
            return self.region.numbers, known
        if self._per_metric[metric.name] >= metric.series:
            labels = (OTHER,) * len(labels)
            known = self._slots.get((metric.name, labels))
            if known is not None:
                return self.region.numbers, known
        made = self.region.allocate(metric.name, labels, metric.slots)
        if made is None:
            return self._unseen, 0
        self._slots[metric.name, labels] = made.first
        self._per_metric[metric.name] += 1
        return self.region.numbers, made.first
