"""One decision without a server: through the decision service, with nothing recorded."""

import time

from acs_sidecar.decision.admission import Admission
from acs_sidecar.decision.caller import Sender
from acs_sidecar.decision.refusal import Refused
from acs_sidecar.decision.request import INCLUDES, EvaluateRequest
from acs_sidecar.decision.service import DecisionService
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.manifest.compiled import AnyManifest
from acs_sidecar.spec.owner import Owner
from acs_sidecar.spec.points import Mode
from acs_sidecar.spec.values import Json, JsonObject, nesting_bound
from acs_sidecar.telemetry.event_sink import EventSink
from acs_sidecar.telemetry.options import EventFilter

__all__ = ["decide", "trial_request"]


class _OneManifest:
    """The manifest source of a command: always the same one."""

    def __init__(self, manifest: AnyManifest) -> None:
        self._manifest = manifest

    def named(self, reference: str | None) -> AnyManifest:  # noqa: ARG002  # the port's signature
        return self._manifest

    async def brought(
        self,
        manifest: str | dict[str, Json],  # noqa: ARG002  # the port's signature
        nesting: int,  # noqa: ARG002  # the port's signature
        signature: JsonObject | None,  # noqa: ARG002  # the port's signature
        owner: Owner,  # noqa: ARG002  # the port's signature
    ) -> AnyManifest:
        return self._manifest


def trial_request(
    point: str, snapshot: dict[str, Json], mode: Mode, include: frozenset[str] = frozenset()
) -> EvaluateRequest:
    """Return the request for a verdict on a snapshot that no body brought."""
    nesting = nesting_bound(canonical(snapshot))
    return EvaluateRequest(point=point, snapshot=snapshot, nesting=nesting, mode=mode, include=include)


async def decide(manifest: AnyManifest, request: EvaluateRequest) -> PolicyDecision:
    """Decide on a request as the service would with this manifest. Raises `RefusalError`."""
    admission = Admission(_OneManifest(manifest), INCLUDES)
    service = DecisionService(admission, None, EventSink(EventFilter.OFF), time.perf_counter_ns)
    recorded = await service.decide(request, Sender(None, None))
    if isinstance(recorded, Refused):
        raise recorded.error
    return recorded.decision
