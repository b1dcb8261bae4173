"""A process that decides: one request a line in, the response's bytes out; for tests of determinism."""

import asyncio
import sys
import time

import orjson

from acs_sidecar.decision.admission import Admission
from acs_sidecar.decision.answer import recorded_json
from acs_sidecar.decision.caller import Sender
from acs_sidecar.decision.refusal import RefusalError, Refused
from acs_sidecar.decision.request import INCLUDES
from acs_sidecar.decision.service import DecisionService
from acs_sidecar.manifests.catalog import Catalog, InlineManifests, OperatorManifests
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.manifest.compiled import InlineMode
from acs_sidecar.telemetry.event_sink import EventSink
from acs_sidecar.telemetry.metrics import Metrics
from acs_sidecar.telemetry.options import EventFilter
from acs_sidecar.transports.http.bodies import parse_evaluate
from acs_sidecar.transports.http.problems import refusal_body


def decision_service(**settings: str) -> DecisionService:
    """The real service in this process; every inline manifest is trusted."""
    compiler = build_compiler(load_settings(settings).settings, HttpClient(), None)
    inline = InlineManifests(InlineMode.TRUSTED, compiler, 256, Metrics())
    catalog = Catalog(OperatorManifests({}, None, 0), inline)
    return DecisionService(
        Admission(catalog, INCLUDES), None, EventSink(EventFilter.OFF), time.perf_counter_ns
    )


async def decide(service: DecisionService, body: bytes) -> bytes:
    """Answer one request as the HTTP interface would."""
    try:
        request = parse_evaluate(body, None)
    except RefusalError as error:
        return refusal_body(error, verdict=True)
    recorded = await service.decide(request, Sender(None, None))
    if isinstance(recorded, Refused):
        return refusal_body(recorded.error, verdict=True)
    return orjson.dumps(recorded_json(recorded, request.include))


def main() -> None:
    """Answer line after line until the input ends."""
    service = decision_service()
    with asyncio.Runner() as runner:
        for line in sys.stdin.buffer:
            sys.stdout.buffer.write(runner.run(decide(service, line)) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
