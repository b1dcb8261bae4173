"""One decision without a server: through the decision service, with nothing recorded."""

import time

from acs_sidecar.decision.request import EvaluateRequest
from acs_sidecar.decision.service import DecisionService
from acs_sidecar.spec.decision import Decision
from acs_sidecar.spec.manifest.compiled import AnyManifest
from acs_sidecar.telemetry.event_sink import EventFilter, EventSink

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
