"""What a running service says of itself: whether it is ready, how its annotators do (sections 2.3, 5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from acs_sidecar.audit.read.reader import NotInLogError
from acs_sidecar.console.service_client import ServiceClient, ServiceError

__all__ = ["AnnotatorCalls", "ReadinessCheck", "ServiceState", "ServiceStatus"]

_DURATIONS: Final = "acs_annotator_duration_seconds_count"
_OPENINGS: Final = "acs_annotator_breaker_openings_total"


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """One condition of readiness: `ok`, `warning` or `failed`, and why."""

    name: str
    state: str
    detail: str


@dataclass(slots=True)
class AnnotatorCalls:
    """Calls of one annotator since the service was started, by outcome, and openings of its breaker."""

    by_outcome: dict[str, int] = field(default_factory=dict)
    openings: int = 0


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What a service said. `problem` says why it did not, or what it kept to itself."""

    ready: bool = False
    version: str | None = None
    checks: tuple[ReadinessCheck, ...] = ()
    annotators: Mapping[str, AnnotatorCalls] = field(default_factory=dict)
    problem: str | None = None


class ServiceState:
    """Asks a service; blocks."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    @property
    def address(self) -> str:
        """Where the service is."""
        return self._client.address.text

    def status(self) -> ServiceStatus:
        """Return what the service says now. Raises nothing."""
        ready, version = False, None
        checks: tuple[ReadinessCheck, ...] = ()
        try:
            found = self._client.json("/readyz", accept=frozenset({HTTPStatus.SERVICE_UNAVAILABLE}))
            ready = found.get("ready") is True
            listed = found.get("checks")
            checks = tuple(
                ReadinessCheck(str(one.get("name")), str(one.get("state")), str(one.get("detail")))
                for one in (listed if isinstance(listed, list) else ())
                if isinstance(one, dict)
            )
            named = self._client.json("/v1/info").get("version")
            version = named if isinstance(named, str) else None
            return ServiceStatus(ready, version, checks, _annotators(self._client.get("/metrics").decode()))
        except (ServiceError, NotInLogError, UnicodeDecodeError) as error:
            problem = error.strerror if isinstance(error, ServiceError) else str(error)
            return ServiceStatus(ready, version, checks, problem=problem)


def _annotators(metrics: str) -> dict[str, AnnotatorCalls]:
    """Read how often each annotator was called out of Prometheus text. Raises `ServiceError`."""
    found: dict[str, AnnotatorCalls] = {}
    try:
        samples = [sample for family in text_string_to_metric_families(metrics) for sample in family.samples]
    except ValueError:
        raise ServiceError("the metrics of the service cannot be read") from None
    for sample in samples:
        if sample.name not in (_DURATIONS, _OPENINGS):
            continue
        calls = found.setdefault(sample.labels.get("annotator", ""), AnnotatorCalls())
        if sample.name == _OPENINGS:
            calls.openings += int(sample.value)
        else:
            outcome = sample.labels.get("outcome", "")
            calls.by_outcome[outcome] = calls.by_outcome.get(outcome, 0) + int(sample.value)
    return found
