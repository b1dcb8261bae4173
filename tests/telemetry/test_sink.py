"""What the service tells goes to metrics and events, and no text of an error or a manifest comes along."""

import asyncio
import json
import os
from typing import Any

import pytest
from structlog.testing import capture_logs

from acs_sidecar.decision.admission import Admission
from acs_sidecar.decision.caller import Sender
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.decision.request import INCLUDES
from acs_sidecar.decision.service import DecisionService
from acs_sidecar.manifests.catalog import Catalog, InlineManifests, OperatorManifests
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.document.text import parse_document
from acs_sidecar.spec.manifest.compiled import InlineMode
from acs_sidecar.spec.ports import NoSources
from acs_sidecar.telemetry.decision_metrics import MAX_POLICY_IDS
from acs_sidecar.telemetry.event_sink import EventSink
from acs_sidecar.telemetry.exposition import totals
from acs_sidecar.telemetry.metrics import Metrics
from acs_sidecar.telemetry.options import EventFilter
from acs_sidecar.telemetry.sink import Telemetry
from acs_sidecar.telemetry.writer import LineWriter
from acs_sidecar.transports.http.bodies import parse_evaluate


def manifest(policy: str) -> dict[str, Any]:
    """A manifest with one policy of this name."""
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {policy: {"type": "test", "output": {"decision": "warn"}}},
        "intervention_points": {"input": {"policy_target": "$", "policy": {"id": policy}}},
    }


def test_a_fault_is_counted_and_told_without_its_text() -> None:
    """The type and the place of an error are the code's; its message may be content."""
    metrics = Metrics()
    telemetry = Telemetry(metrics, EventSink(EventFilter.OFF))
    with capture_logs() as lines:
        try:
            raise ValueError("CANARY")
        except ValueError as error:
            telemetry.fault(error)
    assert totals(metrics.shared)["acs_faults"] == {(): [1]}
    (line,) = lines
    assert (line["event"], line["error_type"]) == ("evaluation_fault", "ValueError")
    assert "CANARY" not in json.dumps(line)


@pytest.mark.parametrize(("events", "logged"), [(EventFilter.NOTABLE, 1), (EventFilter.OFF, 0)])
def test_a_refused_request_is_counted_by_cause_and_told(events: EventFilter, logged: int) -> None:
    """With the service's own words, and its status."""
    read, write = os.pipe()
    metrics = Metrics()
    writer = LineWriter(write, lambda event: json.dumps({**event}))
    telemetry = Telemetry(metrics, EventSink(events, 0, writer, {Cause.OVERLOAD: 429}))
    telemetry.refused(RefusalError(Cause.OVERLOAD, "too many"), None)
    assert writer.drain(5)
    os.close(write)
    with os.fdopen(read) as lines:
        seen = [json.loads(line) for line in lines]
    assert [(line["event"], line["status"], line["cause"], line["detail"]) for line in seen] == [
        ("request_refused", 429, "overload", "too many")
    ] * logged
    assert totals(metrics.shared)["acs_requests_rejected"] == {("overload",): [1]}


def test_policy_names_are_labels_up_to_a_bound() -> None:
    """An operator's first hundred by name, the others together; every decision is counted once."""
    metrics = Metrics()
    compiler = build_compiler(load_settings({}).settings, HttpClient(), None)
    many = MAX_POLICY_IDS + 20
    loaded = {}
    for number in range(many):
        document = parse_document(json.dumps(manifest(f"p{number}")))
        loaded[f"m{number}"] = compiler.compile_operator(f"m{number}", document, NoSources())
    inline = InlineManifests(InlineMode.TRUSTED, compiler, 4, metrics)
    catalog = Catalog(OperatorManifests(loaded, None, 0), inline)
    telemetry = Telemetry(metrics, EventSink(EventFilter.OFF))
    for one in loaded.values():
        telemetry.decisions.loaded(one)
    service = DecisionService(Admission(catalog, INCLUDES), None, telemetry, lambda: 0)

    async def decide() -> None:
        for number in range(many):
            body = json.dumps({"snapshot": {}, "manifest_ref": f"m{number}"}).encode()
            await service.decide(parse_evaluate(body, "input"), Sender(None, None))
        body = json.dumps({"snapshot": {}, "manifest": manifest("p0")}).encode()
        await service.decide(parse_evaluate(body, "input"), Sender(None, None))

    asyncio.run(decide())
    warned = totals(metrics.shared)["acs_intervention_warn"]
    assert len(warned) == MAX_POLICY_IDS + 1
    assert warned["input", "enforce", "p0", "none"] == [1]
    assert warned["input", "enforce", "other", "none"] == [21]
    assert sum(value for (value,) in warned.values()) == many + 1
