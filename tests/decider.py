"""A process that decides: one request a line in, the response's bytes out; for tests of determinism."""

import asyncio
import sys
import time

import orjson

from app.annotators.http import HttpClient
from app.catalog import Catalog, InlineManifests, OperatorManifests
from app.config import load_settings
from app.core.compiled import InlineMode
from app.loading import build_compiler
from app.service import DecisionService
from app.telemetry.event_sink import EventFilter, EventSink
from app.telemetry.metrics import Metrics
from app.wire.problems import ProblemError
from app.wire.requests import parse_evaluate
from app.wire.responses import decision_json


def decision_service() -> DecisionService:
    """The real service in this process; every inline manifest is trusted."""
    compiler = build_compiler(load_settings({}).settings, HttpClient(), None)
    inline = InlineManifests(InlineMode.TRUSTED, compiler, 256, Metrics())
    catalog = Catalog(OperatorManifests({}, None, 0), inline)
    return DecisionService(catalog, None, EventSink(EventFilter.OFF), time.perf_counter_ns)


async def decide(service: DecisionService, body: bytes) -> bytes:
    """Answer one request as the HTTP interface would."""
    try:
        request = parse_evaluate(body, None)
        recorded = await service.decide(request)
        return orjson.dumps(decision_json(recorded.decision, recorded.position, request.include))
    except ProblemError as problem:
        return problem.body()


def main() -> None:
    """Answer line after line until the input ends."""
    service = decision_service()
    with asyncio.Runner() as runner:
        for line in sys.stdin.buffer:
            sys.stdout.buffer.write(runner.run(decide(service, line)) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
