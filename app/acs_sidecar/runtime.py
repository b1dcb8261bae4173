"""The parts of one running process, plugged together by `acs_sidecar.wiring`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from acs_sidecar.access.files import AccessFiles
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.audit.read.reader import AuditReader
from acs_sidecar.decision.service import DecisionService
from acs_sidecar.manifests.bundle import ManifestBundle
from acs_sidecar.manifests.catalog import Catalog
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.manifests.reload import ManifestReload
from acs_sidecar.settings.tree import Settings
from acs_sidecar.telemetry.metrics import Metrics
from acs_sidecar.telemetry.tracing import Tracer

__all__ = ["Runtime"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What the HTTP layer and the commands work with.

    `start` must have run before the first request and `close` after the last, on the same loop.
    `manifests` lets another operator's set take over, `refresh` takes what else changed: audit key, callers
    """

    settings: Settings
    compiler: ManifestCompiler
    catalog: Catalog
    access: AccessFiles
    manifests: ManifestReload
    bundle: ManifestBundle | None
    service: DecisionService
    audit: FileAuditLog | None
    reader: AuditReader | None
    engines: dict[str, str]
    metrics: Metrics
    tracer: Tracer | None
    start: Callable[[], Awaitable[None]]
    refresh: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]
