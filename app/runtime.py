"""The parts of one running process, plugged together by `app.wiring`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.access.files import Access
from app.catalog import Catalog
from app.compiler import ManifestCompiler
from app.config import Settings
from app.reload import ManifestReload
from app.service import DecisionService
from app.stores.audit_log import FileAuditLog
from app.stores.audit_reader import AuditReader
from app.stores.manifest_bundle import ManifestBundle
from app.telemetry.metrics import Metrics
from app.telemetry.tracing import Tracer

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
    access: Access
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
