"""Exports metrics and spans by OTLP, from a thread that nobody waits for (section 5).

Needs the extra `otlp`; imported only when `ACS_OTLP_ENDPOINT` is set. What the settings do not say is read
from the standard variables `OTEL_EXPORTER_OTLP_*`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME` and
`OTEL_TRACES_SAMPLER`.
"""

import threading
import time
from collections.abc import Callable, Sequence

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from acs_sidecar.telemetry.otlp_metrics import metrics_data
from acs_sidecar.telemetry.otlp_spans import SpanBuilder
from acs_sidecar.telemetry.shared import Region
from acs_sidecar.telemetry.tracing import Tracer

__all__ = ["OtlpExport", "resource"]

SERVICE = "acs-sidecar"
_BATCH = 128
_STOP_SECONDS = 2.0


def resource(version: str, instance: str) -> Resource:
    """Describe this process; the standard variables add to it, and may name the service."""
    described = Resource.create({"service.version": version, "service.instance.id": instance})
    if str(described.attributes["service.name"]).startswith("unknown_service"):
        return described.merge(Resource({"service.name": SERVICE}))
    return described


class OtlpExport:
    """Sends the metrics of one process every `interval` seconds, and its spans as they come.

    `lost` counts the spans and the exports of metrics that the receiver did not take.
    """

    def __init__(
        self,
        endpoint: str,
        describes: Resource,
        region: Region | None,
        tracer: Tracer | None,
        *,
        interval: float,
        clock: Callable[[], int],
    ) -> None:
        """Begin nothing yet. `region` holds the metrics, `tracer` the spans; `None` exports none."""
        base = endpoint.rstrip("/")
        self.lost = 0
        self._resource = describes
        self._region = region
        self._tracer = tracer
        self._interval = interval
        self._begun = time.time_ns()
        self._metrics = OTLPMetricExporter(endpoint=f"{base}/v1/metrics")
        self._traces = OTLPSpanExporter(endpoint=f"{base}/v1/traces")
        self._builder = SpanBuilder(describes, clock)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="otlp", daemon=True)

    def start(self) -> None:
        """Begin to export."""
        self._thread.start()

    def stop(self) -> None:
        """Export the rest. Blocks for at most two seconds."""
        self._stopping.set()
        if self._tracer:
            self._tracer.wake()
        self._thread.join(_STOP_SECONDS)
        self._traces.shutdown()  # type: ignore[no-untyped-call]  # the library leaves it untyped
        self._metrics.shutdown()

    def _work(self) -> None:
        due = time.monotonic() + self._interval
        while not self._stopping.is_set():
            self._export_spans(max(0.0, due - time.monotonic()))
            if time.monotonic() >= due:
                self._export_metrics()
                due = time.monotonic() + self._interval
        while self._export_spans(0):
            pass
        self._export_metrics()

    def _export_spans(self, seconds: float) -> int:
        """Export some spans, after waiting at most so long for the first; return the number of requests."""
        if self._tracer is None:
            self._stopping.wait(seconds)
            return 0
        taken = self._tracer.take(_BATCH, seconds)
        if spans := self._builder.build(taken):
            self._attempt(len(spans), lambda: self._sent(spans))
        return len(taken)

    def _sent(self, spans: Sequence[ReadableSpan]) -> bool:
        return self._traces.export(spans) is SpanExportResult.SUCCESS

    def _export_metrics(self) -> None:
        region = self._region
        if region is not None:
            data = metrics_data(region, self._resource, self._begun, time.time_ns())
            self._attempt(1, lambda: self._metrics.export(data) is MetricExportResult.SUCCESS)

    def _attempt(self, worth: int, send: Callable[[], bool]) -> None:
        """Send; whatever the receiver or the exporter does, the thread goes on."""
        try:
            sent = send()
        except Exception:  # noqa: BLE001  # the boundary of the thread: an export that fails is counted
            sent = False
        if not sent:
            self.lost += worth
