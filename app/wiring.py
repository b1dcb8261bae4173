"""The one place that builds adapters and plugs them together."""

import importlib.metadata
import time
from functools import partial
from pathlib import Path

from app.annotators.endpoint import HttpClient, endpoint_annotator
from app.catalog import AnyManifest, Catalog, InlineManifests, OperatorManifests
from app.compiler import ManifestCompiler
from app.config import Settings
from app.core.compiled import InlineMode, InvalidManifest, Provenance
from app.core.diagnostics import Diagnostic, ManifestError
from app.core.manifest import document_digest
from app.core.outbound import OutboundAllow
from app.evaluators.custom import load_adapters
from app.evaluators.registry import policy_types
from app.evaluators.sandbox import Sandbox, SandboxSettings
from app.runtime import Runtime
from app.service import DecisionService
from app.stores.manifest_files import ManifestFile, find_manifests, read_manifest_file
from app.stores.sources import DirectorySources
from app.telemetry.log import LogSink

__all__ = ["build", "build_compiler", "compile_file", "load_operator_manifests"]

ENGINES = ("cedarpy", "celine-regorus")


def build(settings: Settings) -> Runtime:
    """Build everything, the operator's manifests compiled.

    Must be called on the thread that will run the event loop: engines do not change threads.
    Raises `ManifestError` when the operator's manifests cannot be served, `AdapterError` when a
    custom evaluator cannot.
    """
    client = HttpClient()
    inline_mode = _inline_mode(settings)
    sandbox = _sandbox(settings) if inline_mode is InlineMode.SANDBOXED else None
    compiler = build_compiler(settings, client, sandbox)
    operator = load_operator_manifests(settings, compiler)
    catalog = Catalog(operator, InlineManifests(inline_mode, compiler, settings.inline_cache))
    service = DecisionService(catalog, None, LogSink(settings.telemetry_events), time.perf_counter_ns)

    async def start() -> None:
        if sandbox:
            await sandbox.start()

    async def close() -> None:
        await client.close()
        if sandbox:
            await sandbox.close()

    return Runtime(
        settings=settings,
        compiler=compiler,
        catalog=catalog,
        service=service,
        engines={name: importlib.metadata.version(name) for name in ENGINES},
        start=start,
        close=close,
    )


def build_compiler(settings: Settings, client: HttpClient, sandbox: Sandbox | None) -> ManifestCompiler:
    """Build the compiler with every policy and annotator type of this version."""
    adapters = load_adapters()
    return ManifestCompiler(
        types=policy_types(adapters),
        inline_types=policy_types(adapters, frozenset(settings.inline_adapters)),
        annotator_types={"endpoint": partial(endpoint_annotator, client=client)},
        limits=settings.limits,
        outbound=OutboundAllow(settings.outbound_allow),
        sandbox=sandbox,
    )


def load_operator_manifests(settings: Settings, compiler: ManifestCompiler) -> OperatorManifests:
    """Load and compile the operator's set (contract 3.1). Raises `ManifestError`."""
    files = _configured_files(settings)
    loaded: dict[str, AnyManifest] = {}
    findings: list[Diagnostic] = []
    for file in files:
        manifest = compile_file(file, compiler)
        if isinstance(manifest, InvalidManifest):
            findings.extend(manifest.error.diagnostics)
        loaded[file.name] = manifest
    if findings and settings.manifests_strict:
        raise ManifestError(findings)
    default = settings.default_manifest
    if default is not None and default not in loaded:
        known = ", ".join(f"`{name}`" for name in loaded) or "none"
        raise ManifestError(
            [
                Diagnostic(
                    "default-missing", f"ACS_DEFAULT_MANIFEST `{default}` is not loaded; loaded: {known}"
                )
            ]
        )
    return OperatorManifests(loaded, default)


def compile_file(file: ManifestFile, compiler: ManifestCompiler) -> AnyManifest:
    """Compile one manifest file; an invalid one becomes the manifest that denies everything."""
    digest = None
    try:
        document = read_manifest_file(file)
        digest = document_digest(document)
        sources = DirectorySources(file.path.resolve().parent)
        return compiler.compile_operator(file.name, document, sources, file.label)
    except ManifestError as error:
        return InvalidManifest(file.name, Provenance.OPERATOR, error, digest)


def _configured_files(settings: Settings) -> tuple[ManifestFile, ...]:
    """List what is configured; the default directory may be absent, for inline manifests alone."""
    default_place: Path = Settings.model_fields["manifests"].default
    if settings.manifests == default_place and not settings.manifests.exists():
        return ()
    return find_manifests(settings.manifests)


def _inline_mode(settings: Settings) -> InlineMode:
    """Choose the default of contract 2.5: deny beside an operator's manifest or in public, else sandboxed."""
    if settings.inline_manifests is not None:
        return settings.inline_manifests
    if _configured_files(settings) or not settings.local:
        return InlineMode.DENY
    return InlineMode.SANDBOXED


def _sandbox(settings: Settings) -> Sandbox:
    return Sandbox(
        SandboxSettings(
            warm_children=settings.sandbox_children,
            max_children=settings.sandbox_max_children,
            policy_timeout_ms=settings.limits.policy_timeout_ms,
            max_policy_memory_bytes=settings.limits.max_policy_memory_bytes,
            max_policy_output_bytes=settings.limits.max_policy_output_bytes,
            inline_adapters=frozenset(settings.inline_adapters),
        )
    )
