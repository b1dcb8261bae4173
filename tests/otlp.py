"""A receiver of OTLP over HTTP that decodes the protocol buffers, for tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.waiting import wait_for


@dataclass
class Received:
    """Everything that was exported so far, decoded."""

    url: str
    resources: list[Resource] = field(default_factory=list)
    meters: set[str] = field(default_factory=set)
    spans: list[Span] = field(default_factory=list)
    exports: list[list[Metric]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def take(self, path: str, body: bytes) -> None:
        """Decode one export."""
        if path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body)
            for group in traces.resource_spans:
                self.resources.append(group.resource)
                for scope in group.scope_spans:
                    self.meters.add(scope.scope.name)
                    self.spans += scope.spans
        elif path == "/v1/metrics":
            metrics = ExportMetricsServiceRequest.FromString(body)
            for exported in metrics.resource_metrics:
                self.resources.append(exported.resource)
                for measured in exported.scope_metrics:
                    self.meters.add(measured.scope.name)
                    self.exports.append([*measured.metrics])
        else:
            raise ValueError(path)

    def await_spans(self, count: int) -> list[Span]:
        """Wait until so many spans have come."""
        wait_for(lambda: len(self.spans) >= count)
        return self.spans


@contextmanager
def receiver() -> Iterator[Received]:
    """Receive on a free port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that the library asks for
            body = self.rfile.read(int(self.headers["content-length"]))
            received.raw.append(body)
            received.headers.append({name.lower(): value for name, value in self.headers.items()})
            received.take(self.path, body)
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # the library's signature
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received = Received(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield received
        finally:
            server.shutdown()
            thread.join()


def attributes(of: Span | Resource) -> dict[str, Any]:
    """The attributes as Python values."""
    found: dict[str, Any] = {}
    for pair in of.attributes:
        kind = pair.value.WhichOneof("value")
        value = getattr(pair.value, kind)
        found[pair.key] = [item.string_value for item in value.values] if kind == "array_value" else value
    return found
