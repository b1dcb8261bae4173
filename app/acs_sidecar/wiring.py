"""The one place that builds adapters and plugs them together."""

import asyncio
import importlib.metadata
import socket
import time
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import structlog

import acs_sidecar
from acs_sidecar.access.approval_keys import FileApprovalKey
from acs_sidecar.access.approvers import read_approvers
from acs_sidecar.access.callers import read_callers
from acs_sidecar.access.files import AccessFiles
from acs_sidecar.access.reread import Reread
from acs_sidecar.access.signing import read_trust
from acs_sidecar.access.tls import TlsFiles, server_context
from acs_sidecar.approval.approvers import Approvers
from acs_sidecar.approval.resolution import Approvals
from acs_sidecar.audit.format.origin import origin_part
from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.audit.log.keys import AuditKey, ensure_key
from acs_sidecar.audit.log.open_log import Durability
from acs_sidecar.audit.log.opening import AuditLogSettings
from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.log.rotation import announce_checkpoint, rotate_key
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.audit.read.reader import AuditReader, NotInLogError, UnknownLogError
from acs_sidecar.decision.admission import Admission
from acs_sidecar.decision.ports import Receipts
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.decision.service import DecisionService
from acs_sidecar.engines.compilation import CompiledPolicies
from acs_sidecar.engines.fatal_inputs import EvaluationGuard
from acs_sidecar.engines.registry import load_engines
from acs_sidecar.manifests.bundle import ManifestBundle
from acs_sidecar.manifests.catalog import Catalog, InlineManifests, OperatorManifests
from acs_sidecar.manifests.composition import ReadManifest
from acs_sidecar.manifests.discovery import build_bundle, read_operator_manifests
from acs_sidecar.manifests.loading import (
    build_compiler,
    check_approval_key,
    compile_manifest,
    inline_mode,
    inline_rules,
    refuse_reload,
    refuse_what_cannot_serve,
)
from acs_sidecar.manifests.reload import ManifestReload, compile_set
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.runtime import Runtime
from acs_sidecar.sandbox.sandbox import Sandbox, SandboxSettings
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.manifest.compiled import InlineMode
from acs_sidecar.spec.values import Json
from acs_sidecar.telemetry.catalogue import (
    ANNOTATOR_BREAKER_OPENINGS,
    DROPPED,
    INLINE_CACHE_BYTES,
    MANIFEST_RELOADS,
    OTHER,
    WORKER_STARTS,
)
from acs_sidecar.telemetry.event_sink import EventSink
from acs_sidecar.telemetry.log import event_writer
from acs_sidecar.telemetry.metrics import Metrics
from acs_sidecar.telemetry.options import FULL
from acs_sidecar.telemetry.service_metrics import (
    commit_counter,
    follow_audit_log,
    follow_fatal_inputs,
    follow_manifests,
)
from acs_sidecar.telemetry.shared import SharedNumbers
from acs_sidecar.telemetry.sink import Telemetry
from acs_sidecar.telemetry.tracing import Tracer
from acs_sidecar.transports.http.problems import status_of

if TYPE_CHECKING:
    from acs_sidecar.telemetry.otlp import OtlpExport

__all__ = ["audit_key", "build", "build_access", "build_sandbox"]

ENGINES = ("cedarpy", "gordon-to-regorus")


def build(
    settings: Settings,
    manifests: Collection[ReadManifest],
    key: AuditKey | None,
    worker: int = 0,
    shared: SharedNumbers | None = None,
    *,
    loaded_at: float,
    policies: dict[str, CompiledPolicies] | None = None,
    guard: EvaluationGuard | None = None,
    more_follow: Callable[[int], bool | None] = lambda _records: None,
) -> Runtime:
    """Build everything, the operator's `manifests` compiled; `key` signs the audit log, if one is kept.

    `manifests` serve since `loaded_at` (Unix time), in other workers perhaps; `policies` are those of them
    that were compiled before this process was forked.
    `shared` is where all workers of the service keep their metrics, `guard` what refuses fatal inputs.
    `more_follow` says of a number of records whether a commit of them should wait for others.
    Must be called on the event loop that will serve: engines do not change threads.
    Raises `ManifestError` when the operator's manifests cannot be served, `AdapterError` when a
    custom evaluator cannot, `KeyFileError` when the key of approvals cannot be used, and
    `AccessFileError` when a file of trust cannot.
    """
    access = build_access(settings)
    metrics = Metrics(shared, worker)
    client = HttpClient(partial(_breaker_counter, metrics))
    inline_trust = inline_mode(settings, manifests)
    sandbox = build_sandbox(settings) if inline_trust is not InlineMode.DENY else None
    compiler = build_compiler(
        settings,
        client,
        sandbox,
        in_process=inline_trust is not InlineMode.SANDBOXED,
        guard=guard,
        serving=True,
    )
    if inline_trust in {InlineMode.TRUSTED, InlineMode.SIGNED}:  # no request waits for an import
        load_engines(compiler.inline_types)
    compile_one = partial(compile_manifest, compiler=compiler)
    candidate = compile_set(manifests, partial(compile_one, known=policies))
    refuse_what_cannot_serve(settings, candidate.by_name)
    operator = OperatorManifests(candidate.by_name, settings.default_manifest, loaded_at)
    metrics.count(WORKER_STARTS)
    if guard is not None:
        follow_fatal_inputs(metrics, guard)
    inline = InlineManifests(
        inline_trust,
        compiler,
        settings.inline_cache,
        metrics,
        most_bytes=settings.inline_cache_bytes,
        keys=access.manifest_keys,
        max_age=settings.signed_manifests_max_age,
    )
    metrics.sample(metrics.gauge(INLINE_CACHE_BYTES), lambda: inline.cache.size)
    catalog = Catalog(operator, inline)
    config = _audit_settings(settings, worker, catalog)
    audit = _audit_log(config, key, metrics, more_follow) if key else None
    approval_key = FileApprovalKey(settings.approval_key_file)
    check_approval_key(approval_key, candidate.by_name)
    approvals = _approvals(settings, approval_key, access.approvers)
    tracer, export = _otlp(settings, metrics, worker)
    telemetry = Telemetry(metrics, _events(settings, metrics), tracer)
    reader = AuditReader(settings.audit_dir) if audit else None
    service = DecisionService(
        Admission(catalog, frozenset(settings.include)),
        audit,
        telemetry,
        time.perf_counter_ns,
        approvals=approvals,
        receipts=_receipts(reader, audit) if reader and audit else None,
        timed=settings.telemetry_level >= FULL,
        vocabulary=settings.dialect,
    )
    engines = {name: _version_of(name) for name in ENGINES}

    opened = AsyncExitStack()
    opened.push_async_callback(client.close)

    async def refresh() -> None:
        await access.refresh()
        if audit:
            await rotate_key(audit, settings.audit_key_file)

    bundle = build_bundle(settings)

    swapped = partial(_follow_swaps, metrics, telemetry, bundle)
    swapped(operator, False)
    reload = ManifestReload(
        catalog,
        candidate,
        audit,
        look=partial(read_operator_manifests, settings, bundle),
        compile_one=compile_one,
        check=partial(refuse_reload, settings, approval_key),
        swapped=swapped,
        ended=lambda outcome: metrics.count(MANIFEST_RELOADS, outcome),
    )
    return Runtime(
        settings=settings,
        compiler=compiler,
        catalog=catalog,
        access=access,
        manifests=reload,
        bundle=bundle,
        service=service,
        audit=audit,
        reader=reader,
        engines=engines,
        metrics=metrics,
        tracer=tracer,
        start=partial(
            _start,
            opened,
            metrics=metrics,
            export=export,
            audit=audit,
            sandbox=sandbox,
            access=access,
        ),
        refresh=refresh,
        close=opened.aclose,
    )


async def _start(
    opened: AsyncExitStack,
    *,
    metrics: Metrics,
    export: "OtlpExport | None",
    audit: FileAuditLog | None,
    sandbox: Sandbox | None,
    access: AccessFiles,
) -> None:
    """Start the parts one after the other; when one fails, close what is in `opened`, last first."""
    try:
        metrics.start()
        opened.callback(metrics.stop)
        if export:
            export.start()
            opened.push_async_callback(asyncio.to_thread, export.stop)
        if audit:
            await audit.start()
            opened.push_async_callback(audit.close)
        if sandbox:
            await sandbox.start()
            opened.push_async_callback(sandbox.close)
        access.watch()
        opened.push_async_callback(access.close)
    except BaseException:
        await opened.aclose()
        raise


def audit_key(settings: Settings) -> AuditKey | None:
    """Load the key of the audit log, or make it; `None` when no log is kept.

    To be called once, before workers are forked. Raises `KeyFileError`.
    """
    log = structlog.stdlib.get_logger("acs.audit")
    if settings.audit_durability is Durability.NONE:
        log.warning("audit_off", detail="no audit log is written: verdicts cannot be proven")
        return None
    key, generated = ensure_key(settings.audit_key_file, settings.audit_dir)
    if generated:
        log.warning(
            "audit_key_generated",
            path=str(settings.audit_key_file.resolve()),
            vkey=str(key.verifier_key(settings.audit_name)),
            detail="keep it, and hand its verifier key to those who verify the log",
        )
    return key


def build_access(settings: Settings) -> AccessFiles:
    """Read the files that say who is trusted. Raises `AccessFileError`."""
    callers = None
    if (file := settings.auth_tokens_file) is not None:
        callers = Reread("callers", (file,), partial(read_callers, file))
    manifest_keys = None
    if (file := settings.inline_trust_file) is not None:
        manifest_keys = Reread("keys of manifests", (file,), partial(read_trust, file))
    tls = None
    if settings.tls_cert_file is not None and settings.tls_key_file is not None:
        files = TlsFiles(
            settings.tls_cert_file,
            settings.tls_key_file,
            settings.tls_client_ca_file,
            client_optional=settings.tls_client_certificate == "optional",
        )
        tls = Reread("certificates", files.paths, partial(server_context, files))
    approvers = None
    if (file := settings.approval_trust_file) is not None:
        approvers = Reread("approvers", (file,), partial(read_approvers, file))
    return AccessFiles(callers=callers, manifest_keys=manifest_keys, tls=tls, approvers=approvers)


def _version_of(engine: str) -> str:
    try:
        return importlib.metadata.version(engine)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def build_sandbox(settings: Settings) -> Sandbox:
    """Build the sandbox of inline manifests, which is not started yet."""
    return Sandbox(
        SandboxSettings(
            warm_children=settings.sandbox_children,
            max_children=settings.sandbox_max_children,
            policy_timeout_ms=settings.limits.policy_timeout_ms,
            max_policy_memory_bytes=settings.limits.max_policy_memory_bytes,
            max_policy_output_bytes=settings.limits.max_policy_output_bytes,
            inline_adapters=frozenset(settings.inline_adapters),
            rules=inline_rules(settings),
        )
    )


def _audit_log(
    config: AuditLogSettings, key: AuditKey, metrics: Metrics, more_follow: Callable[[int], bool | None]
) -> FileAuditLog:
    audit = FileAuditLog(config, key, announce_checkpoint, commit_counter(metrics), more_follow)
    follow_audit_log(metrics, audit)
    return audit


def _audit_settings(settings: Settings, worker: int, catalog: Catalog) -> AuditLogSettings:
    return AuditLogSettings(
        directory=settings.audit_dir,
        name=settings.audit_name,
        instance=settings.audit_instance or origin_part(socket.gethostname()),
        worker=str(worker),
        durability=settings.audit_durability,
        refuse_on_damage=settings.audit_on_damage == "refuse",
        facts={"version": acs_sidecar.__version__},
        manifests=catalog.digests,
    )


def _events(settings: Settings, metrics: Metrics) -> EventSink:
    writer = event_writer()
    if writer:
        metrics.follow(metrics.counter(DROPPED, "log"), lambda: writer.dropped)
    statuses = {cause: status_of(cause) for cause in Cause}
    return EventSink(settings.telemetry_events, settings.telemetry_level, writer, statuses)


def _receipts(reader: AuditReader, audit: FileAuditLog) -> Receipts:
    """Read receipts off the event loop."""

    async def receipt(position: AuditPosition) -> Json:
        try:
            found = await asyncio.to_thread(reader.receipt, position.log, position.index, audit.view())
        except (UnknownLogError, NotInLogError) as error:
            raise RefusalError(Cause.NOT_FOUND, str(error)) from None
        except LogDamagedError:
            raise RefusalError(Cause.FAULT, "the audit log is damaged at this position") from None
        return found.as_json()

    return receipt


def _otlp(settings: Settings, metrics: Metrics, worker: int) -> tuple[Tracer | None, "OtlpExport | None"]:
    """Build what is exported by OTLP, if anything is: the tracer, and who sends its spans and the metrics."""
    if settings.otlp_endpoint is None:
        return None, None
    from acs_sidecar.telemetry.otlp import OtlpExport, resource  # noqa: PLC0415  # needs an extra, and is slow to load

    clock = time.perf_counter_ns
    tracer = Tracer(clock) if "traces" in settings.otlp_signals else None
    export = OtlpExport(
        settings.otlp_endpoint,
        resource(acs_sidecar.__version__, f"{settings.audit_instance or socket.gethostname()}/{worker}"),
        metrics.region if "metrics" in settings.otlp_signals else None,
        tracer,
        interval=settings.otlp_interval_s,
        clock=clock,
    )
    lost = metrics.counter(DROPPED, "otlp")
    metrics.follow(lost, lambda: export.lost + (tracer.dropped if tracer else 0))
    return tracer, export


def _breaker_counter(metrics: Metrics, annotator: str | None) -> Callable[[], None]:
    """Count the openings of a breaker from zero on, from when its annotator is compiled."""
    return metrics.counter(ANNOTATOR_BREAKER_OPENINGS, annotator or OTHER).inc


def _follow_swaps(
    metrics: Metrics,
    telemetry: Telemetry,
    bundle: ManifestBundle | None,
    operator: OperatorManifests,
    read_here: bool,
) -> None:
    """Update metrics and the stored bundle to the active set."""
    follow_manifests(metrics, telemetry.decisions, operator.by_name.values())
    if bundle and read_here:
        bundle.keep()


def _approvals(settings: Settings, key: FileApprovalKey, approvers: Reread[Approvers] | None) -> Approvals:
    return Approvals(
        settings.audit_name,
        key,
        lambda: approvers.value if approvers else None,
        lambda: time.time_ns() // 1_000,
    )
