"""OTLP of a running service, received and decoded; and receivers that are dead, slow or wrong (section 5)."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from acs_sidecar.settings.tree import SettingsError, load_settings
from tests.audit.log.logs import all_records
from tests.conftest import Service, Start
from tests.otlp import Received, attributes, receiver
from tests.transports.http.echo import ask, manifest, with_annotator
from tests.transports.http.telemetry.scrapes import scrape, total
from tests.transports.http.telemetry.test_events import SPAN, TRACE, events
from tests.waiting import wait_for

__all__ = ["manifest"]

ALLOW = {"decision": "allow"}
SERVER = "POST /v1/evaluate/{intervention_point}"


def traced(service: Service, output: Any, flags: str = "01") -> Any:
    """One evaluation within the caller's trace."""
    headers = {"traceparent": f"00-{TRACE}-{SPAN}-{flags}"}
    body = {"snapshot": {"v": output, "text": "y"}}
    status, _, reply = service.request("POST", "/v1/evaluate/input", body, headers)
    assert status == 200
    return json.loads(reply)


def test_the_caller_s_trace_goes_on(start: Start, tmp_path: Path) -> None:
    """One server span, with annotator, policy and audit append below it; record and event name it."""
    path = with_annotator(tmp_path, {"type": "classifier", "provider": "secrets"})
    with receiver() as received:
        service = start("--manifests", path, ACS_OTLP_ENDPOINT=received.url, ACS_AUDIT_INSTANCE="host")
        body = traced(service, {"decision": "warn", "reason": "r", "message": "CANARY"})
        spans = {span.name: span for span in received.await_spans(4)}
        logged = events(service)
    assert spans.keys() == {SERVER, "annotator", "policy", "audit append"}
    server = spans[SERVER]
    assert (server.trace_id.hex(), server.parent_span_id.hex()) == (TRACE, SPAN)
    assert server.kind == Span.SPAN_KIND_SERVER
    for child in ("annotator", "policy", "audit append"):
        assert spans[child].trace_id == server.trace_id
        assert spans[child].parent_span_id == server.span_id
        times = (spans[child].start_time_unix_nano, spans[child].end_time_unix_nano)
        assert server.start_time_unix_nano <= times[0] <= times[1] <= server.end_time_unix_nano
    assert abs(server.start_time_unix_nano / 1e9 - time.time()) < 60
    found = attributes(server)
    expected = {
        "http.route": "/v1/evaluate/{intervention_point}",
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "acs.decision": "warn",
        "acs.reason_code": "r",
        "acs.policy_id": "echo",
        "acs.annotators": ["a"],
        "acs.log_index": body["audit"]["index"],
        "acs.input_identity": body["input_identity"],
    }
    assert {name: found[name] for name in expected} == expected
    record = next(
        record for record in all_records(tmp_path / "var" / "audit") if record["event"] == "decision"
    )
    assert (record["trace_id"], record["span_id"]) == (TRACE, server.span_id.hex())
    assert [(event["trace_id"], event["span_id"]) for event in logged] == [(TRACE, server.span_id.hex())]
    resource = attributes(received.resources[0])
    assert (resource["service.name"], resource["service.instance.id"]) == ("acs-sidecar", "host/0")
    assert received.meters == {"agent_control_specification"}
    assert b"CANARY" not in b"".join(received.raw)


def test_only_what_the_caller_samples_is_exported(start: Start, tmp_path: Path, manifest: str) -> None:
    """An unsampled request has ids in its record and no span; without a caller's trace one begins here."""
    with receiver() as received:
        service = start("--manifests", manifest, ACS_OTLP_ENDPOINT=received.url)
        traced(service, ALLOW, flags="00")
        ask(service, ALLOW)
        service.request("POST", "/v1/evaluate/input", b"{", {"traceparent": f"00-{TRACE}-{SPAN}-01"})
        service.request("PROPFIND", "/v1/evaluate/CANARY/b", b"{", {"traceparent": "CANARY"})
        item = {"snapshot": {"v": ALLOW}, "intervention_point": "input"}
        service.post("/v1/evaluate:batch", {"requests": [item, item]})
        service.stop()
        named = {span.name: span for span in received.spans if span.kind == Span.SPAN_KIND_SERVER}
    servers = [span for span in received.spans if span.kind == Span.SPAN_KIND_SERVER]
    assert len(servers) == 4
    statuses = sorted(attributes(span)["http.response.status_code"] for span in servers)
    assert statuses == [200, 200, 400, 404]
    batch = named["POST /v1/evaluate:batch"]
    assert sum(span.parent_span_id == batch.span_id for span in received.spans) == 4
    assert "acs.decision" not in attributes(batch)
    unknown = named["_OTHER"]
    assert (attributes(unknown)["http.route"], unknown.parent_span_id) == ("unknown", b"")
    records = [record for record in all_records(tmp_path / "var" / "audit") if record["event"] == "decision"]
    assert len({record["span_id"] for record in records}) == 5
    assert records[0]["trace_id"] == TRACE
    assert b"CANARY" not in b"".join(received.raw)


def _instances(received: Received) -> set[str]:
    """The workers that have exported."""
    return {attributes(resource)["service.instance.id"].rpartition("/")[2] for resource in received.resources}


def test_metrics_are_those_of_prometheus(start: Start, manifest: str) -> None:
    """Each worker exports its own, under the meter of the specification; together they are the scrape."""
    with receiver() as received:
        service = start(
            "--manifests",
            manifest,
            "--workers",
            "2",
            ACS_OTLP_ENDPOINT=received.url,
            ACS_OTLP_SIGNALS="metrics",
            ACS_OTLP_INTERVAL_S="1",
        )
        for _ in range(20):
            ask(service, ALLOW)
        seen = scrape(service)
        wait_for(lambda: _instances(received) == {"0", "1"})
        service.stop()
    counted: dict[str, float] = {}
    durations = 0
    for export in received.exports[-2:]:
        for metric in export:
            if metric.name == "acs_intervention_duration_ms":
                assert metric.unit == "ms"
                for point in metric.histogram.data_points:
                    assert sum(point.bucket_counts) == point.count
                    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
                    durations += point.count
            elif metric.HasField("sum"):
                assert metric.sum.is_monotonic
                values = sum(point.as_double for point in metric.sum.data_points)
                counted[metric.name] = counted.get(metric.name, 0) + values
    assert counted["acs_intervention_allow_total"] == total(seen["acs_intervention_allow_total"]) == 20
    assert durations == 20
    assert counted.keys() <= seen.keys()
    assert received.spans == []


def test_standard_variables_are_respected(start: Start, manifest: str) -> None:
    """Headers, attributes, the service's name and the sampler, as every OpenTelemetry program has them."""
    with receiver() as received:
        service = start(
            "--manifests",
            manifest,
            ACS_OTLP_ENDPOINT=received.url + "/",
            OTEL_EXPORTER_OTLP_HEADERS="x-tenant=blue",
            OTEL_SERVICE_NAME="policy",
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
            OTEL_TRACES_SAMPLER="parentbased_always_off",
        )
        ask(service, ALLOW)
        traced(service, ALLOW)
        service.stop()
    assert {headers["x-tenant"] for headers in received.headers} == {"blue"}
    resource = attributes(received.resources[0])
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("policy", "test")
    assert [span.trace_id.hex() for span in received.spans] == [TRACE] * 3


@contextmanager
def bad_receiver(behaviour: str) -> Iterator[str]:
    """The URL of a receiver that is not there, never answers, or answers nonsense."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.settimeout(0.1)
        connections: list[socket.socket] = []

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                connections.append(connection)
                if behaviour == "garbage":
                    connection.sendall(b"\x00\xff CANARY nonsense\r\n\r\n" * 100)
                    connection.close()

        thread = threading.Thread(target=serve)
        if behaviour == "dead":
            listener.close()
        else:
            thread.start()
        yield url
        stop.set()
        if thread.is_alive():
            thread.join()
        for connection in connections:
            connection.close()


@pytest.mark.parametrize("behaviour", ["dead", "silent", "garbage"])
def test_a_bad_receiver_changes_and_delays_no_verdict(start: Start, manifest: str, behaviour: str) -> None:
    """Not there, never answering, or answering nonsense: verdicts as before, what is lost is counted."""
    item = {"snapshot": {"v": {"decision": "warn"}}, "intervention_point": "input"}
    with bad_receiver(behaviour) as url:
        service = start(
            "--manifests",
            manifest,
            ACS_OTLP_ENDPOINT=url,
            ACS_OTLP_INTERVAL_S="1",
            OTEL_EXPORTER_OTLP_TIMEOUT="1",
        )
        took: list[float] = []
        for _ in range(200):
            began = time.monotonic()
            assert ask(service, {"decision": "warn"})["verdict"]["decision"] == "warn"
            took.append(time.monotonic() - began)
        # An export that nobody answers lasts a second; a busy machine may be slow now and then.
        assert sorted(took)[190] < 0.5
        status, body = service.post("/v1/evaluate:batch", {"requests": [item] * 256})
        assert {result["verdict"]["decision"] for result in body["results"]} == {"warn"}
        wait_for(lambda: total(scrape(service).get("acs_telemetry_dropped_total", {}), sink="otlp") != 0)
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < 10
    assert status == 200


def test_a_receiver_killed_under_load_changes_no_verdict(start: Start, manifest: str) -> None:
    """Every answer is the same before and after, and spans come again when it is back."""
    verdicts: list[str] = []
    stop = threading.Event()

    def load(service: Service) -> None:
        while not stop.is_set():
            verdicts.append(ask(service, {"decision": "warn"})["verdict"]["decision"])

    with receiver() as received:
        service = start(
            "--manifests", manifest, ACS_OTLP_ENDPOINT=received.url, OTEL_EXPORTER_OTLP_TIMEOUT="1"
        )
        clients = [threading.Thread(target=load, args=(service,)) for _ in range(4)]
        for client in clients:
            client.start()
        received.await_spans(50)
    before = len(verdicts)
    time.sleep(2)
    stop.set()
    for client in clients:
        client.join()
    assert len(verdicts) > before + 20
    assert set(verdicts) == {"warn"}
    allowed = total(scrape(service)["acs_intervention_warn_total"])
    assert allowed == len(verdicts)


@pytest.mark.parametrize("url", ["collector:4318", "ftp://127.0.0.1/", "http://", "http://h/?token=1"])
def test_the_endpoint_must_be_a_base_url(url: str) -> None:
    """Anything else stops the start with what is expected."""
    with pytest.raises(
        SettingsError, match=re.escape("ACS_OTLP_ENDPOINT: must be a URL such as http://127.0.0.1:4318")
    ):
        load_settings({"ACS_OTLP_ENDPOINT": url})


def test_without_the_extra_the_start_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Configured and not installed: said with the command that installs it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    expected = "ACS_OTLP_ENDPOINT: OTLP is not installed: `pip install 'acs-sidecar[otlp]'`"
    with pytest.raises(SettingsError) as refused:
        load_settings({"ACS_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
    assert str(refused.value) == expected


def test_nothing_of_otlp_is_loaded_without_it(start: Start, manifest: str) -> None:
    """A service that exports nothing never reads the SDK's code."""
    service = start("--manifests", manifest)
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    assert children
    for pid in children:
        names = [
            Path(f"/proc/{pid}/task/{task.name}/comm").read_text().strip()
            for task in Path(f"/proc/{pid}/task").iterdir()
        ]
        assert "otlp" not in names
        assert "google/_upb" not in Path(f"/proc/{pid}/maps").read_text()
