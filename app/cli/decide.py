"""One decision without a server: through the decision service, with nothing recorded."""

import time

from app.catalog import AnyManifest
from app.core.decision import Decision
from app.service import DecisionService
from app.telemetry.event_sink import EventFilter, EventSink
from app.wire.requests import EvaluateRequest

__all__ = ["decide"]


class _OneManifest:
    """The manifest source of a command: always the same one."""

    def __init__(self, manifest: AnyManifest) -> None:
        self._manifest = manifest

    async def find(self, request: EvaluateRequest) -> AnyManifest:  # noqa: ARG002  # the port's signature
        return self._manifest


async def decide(manifest: AnyManifest, request: EvaluateRequest) -> Decision:
    """Decide on a request as the service would with this manifest."""
    service = DecisionService(_OneManifest(manifest), None, EventSink(EventFilter.OFF), time.perf_counter_ns)
    return (await service.decide(request)).decision
