"""From what was read to the operator's manifests, compiled and held to the settings (section 3.1)."""

import os
import time
from collections.abc import Mapping, MutableMapping, Sized
from dataclasses import dataclass, replace
from functools import partial

import structlog

from acs_sidecar.access.approval_keys import FileApprovalKey
from acs_sidecar.annotators.classifier.remote import remote_providers
from acs_sidecar.annotators.classifier.type import classifier_annotator, local_providers
from acs_sidecar.annotators.endpoint import endpoint_annotator
from acs_sidecar.annotators.host import or_host
from acs_sidecar.annotators.llm.type import llm_annotator
from acs_sidecar.audit.log.keys import KeyFileError
from acs_sidecar.audit.log.open_log import Durability
from acs_sidecar.engines.adapters.custom import load_adapters
from acs_sidecar.engines.compilation import CompiledPolicies
from acs_sidecar.engines.fatal_inputs import EvaluationGuard
from acs_sidecar.engines.registry import policy_types
from acs_sidecar.engines.rego.documents import DataBounds
from acs_sidecar.manifests.bundle import ManifestBundle
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.manifests.composition import ReadManifest
from acs_sidecar.manifests.discovery import build_bundle, read_operator_manifests
from acs_sidecar.manifests.member_tables import member_catalog
from acs_sidecar.manifests.reload import Reloaded, ReloadOutcome, compile_set, keep_sources, pack
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.resolvers.command import command_resolver
from acs_sidecar.resolvers.signed import signed_resolver
from acs_sidecar.resolvers.webhook import webhook_resolver
from acs_sidecar.sandbox.preparation import InlineRules
from acs_sidecar.sandbox.sandbox import Sandbox
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.dialects.versions import document_dialect
from acs_sidecar.spec.document.locations import placed
from acs_sidecar.spec.manifest.compiled import (
    AnyManifest,
    CompiledManifest,
    InlineMode,
    InvalidManifest,
    Provenance,
)
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.url_allowlist import OutboundAllow
from acs_sidecar.spec.policy_statement import Requirement

__all__ = [
    "LoadedSet",
    "build_compiler",
    "check_approval_key",
    "compile_manifest",
    "inline_mode",
    "inline_rules",
    "load_operator_manifests",
    "refuse_reload",
    "refuse_what_cannot_serve",
]


@dataclass(frozen=True, slots=True)
class LoadedSet:
    """An operator's set for the workers: packed, and those of its policies that they can take over.

    `fault` says why an earlier set serves, where it does.
    """

    packed: bytes
    policies: dict[str, CompiledPolicies]
    fault: Reloaded | None = None


def load_operator_manifests(settings: Settings) -> LoadedSet:
    """Read and compile the operator's set, with the key of its approvals.

    Where `ACS_MANIFESTS_URL` has no bundle that serves, the kept one does. Raises as `build` does.
    """
    bundle = build_bundle(settings)
    try:
        loaded = _load(settings, bundle)
    except ManifestError as error:
        if bundle is None:
            error.advice = "manifests are invalid: correct them, or set ACS_MANIFESTS_STRICT=false"
            raise
        if bundle.kept() is None:
            error.advice = "ACS_MANIFESTS_URL has no valid bundle, and no earlier one is stored"
            raise
        structlog.stdlib.get_logger("acs.manifests").error(
            "manifests_kept",
            findings=[str(finding) for finding in error.diagnostics],
            detail="the bundle is invalid; the last valid one is used",
        )
        loaded = _load(settings, bundle, kept=True)
        why = f"{error.diagnostics[0].code} at start; see the service log"
        return replace(loaded, fault=Reloaded(ReloadOutcome.FAILED, time.time(), why))
    if bundle:
        bundle.keep()
    return loaded


def _load(settings: Settings, bundle: ManifestBundle | None, *, kept: bool = False) -> LoadedSet:
    """Compile a set, for its findings and its policies."""
    compiler = build_compiler(settings, HttpClient(), None, serving=True)
    manifests = keep_sources(read_operator_manifests(settings, bundle, kept=kept))
    policies: dict[str, CompiledPolicies] = {}
    candidate = compile_set(manifests, partial(compile_manifest, compiler=compiler, known=policies))
    refuse_what_cannot_serve(settings, candidate.by_name)
    check_approval_key(FileApprovalKey(settings.approval_key_file), candidate.by_name)
    return LoadedSet(pack(manifests), policies)


def compile_manifest(
    read: ReadManifest,
    compiler: ManifestCompiler,
    known: MutableMapping[str, CompiledPolicies] | None = None,
) -> AnyManifest:
    """Compile one manifest; an invalid one becomes the manifest that denies everything.

    `known` has policies of the set that it is in, by manifest, and receives others.
    """
    name, document = read.file.name, read.content
    if isinstance(document, ManifestError):
        return InvalidManifest(name, Provenance.OPERATOR, document, read.digest)
    try:
        manifest = compiler.compile_operator(name, document, read.sources, known)
    except ManifestError as error:
        found = ManifestError(placed(error.diagnostics, document), error.reason)
        dialect = document_dialect(document.value)
        return InvalidManifest(name, Provenance.OPERATOR, found, read.digest, dialect)
    statement = replace(manifest.statement, warnings=placed(manifest.warnings, document))
    return replace(manifest, statement=statement)


def build_compiler(
    settings: Settings,
    client: HttpClient,
    sandbox: Sandbox | None,
    *,
    in_process: bool = False,
    guard: EvaluationGuard | None = None,
    serving: bool = False,
) -> ManifestCompiler:
    """Build the compiler with every policy and annotator type of this version.

    It is `serving` where what it compiles may not need more than the settings provide.
    """
    adapters = load_adapters()
    data_bounds = DataBounds(settings.policy_data_max_nodes, settings.policy_data_max_bytes)
    providers = {**local_providers(), **remote_providers(client)}
    return ManifestCompiler(
        types=policy_types(adapters, data_bounds=data_bounds),
        inline_types=policy_types(adapters, frozenset(settings.inline_adapters)),
        members=member_catalog(adapters),
        annotator_types={
            "classifier": or_host(partial(classifier_annotator, providers=providers)),
            "endpoint": or_host(partial(endpoint_annotator, client=client)),
            "llm": or_host(partial(llm_annotator, client=client)),
        },
        resolver_types={
            "token": signed_resolver,
            "console": signed_resolver,
            "webhook": partial(webhook_resolver, client=client),
            "command": partial(command_resolver, allowed=settings.approval_commands),
        },
        limits=settings.limits,
        environment=os.environ,
        outbound=OutboundAllow(settings.outbound_allow),
        sandbox=sandbox,
        in_process=in_process,
        guard=guard,
        provides=_provided(settings),
        serving=serving,
    )


def _provided(settings: Settings) -> frozenset[Requirement]:
    """Return what policies may require of a service with these settings."""
    kept = settings.audit_durability is not Durability.NONE
    return frozenset({Requirement.SIGNED_AUDIT} if kept else ())


def inline_rules(settings: Settings) -> InlineRules:
    """Return what every inline manifest is held to, for the children that read them."""
    return InlineRules(
        member_catalog(load_adapters()), settings.limits, OutboundAllow(settings.outbound_allow)
    )


def inline_mode(settings: Settings, manifests: Sized) -> InlineMode:
    """Choose the default of section 2.5: deny beside operator's `manifests` or in public, else sandboxed."""
    if settings.inline_manifests is not None:
        return settings.inline_manifests
    if settings.manifests_url or not settings.local or manifests:
        return InlineMode.DENY
    return InlineMode.SANDBOXED


def refuse_what_cannot_serve(settings: Settings, by_name: Mapping[str, AnyManifest]) -> None:
    """Check a compiled set against the settings (section 3.1). Raises `ManifestError`."""
    findings = [
        finding
        for manifest in by_name.values()
        if isinstance(manifest, InvalidManifest)
        for finding in manifest.error.diagnostics
    ]
    if findings and settings.manifests_strict:
        raise ManifestError(findings)
    default = settings.default_manifest
    if default is not None and default not in by_name:
        known = ", ".join(f"`{name}`" for name in by_name) or "none"
        message = f"ACS_DEFAULT_MANIFEST `{default}` is not loaded: must be one of {known}"
        raise ManifestError([Diagnostic("default-missing", message)])


def refuse_reload(settings: Settings, key: FileApprovalKey, by_name: Mapping[str, AnyManifest]) -> None:
    """Check a candidate set against the settings and the keys that it requires.

    Raises `ManifestError`.
    """
    refuse_what_cannot_serve(settings, by_name)
    try:
        check_approval_key(key, by_name)
    except KeyFileError as error:
        raise ManifestError([Diagnostic("approval-key-unusable", str(error))]) from None


def check_approval_key(key: FileApprovalKey, by_name: Mapping[str, AnyManifest]) -> None:
    """Read the key of approvals where a set will need it. Raises `KeyFileError`."""
    if any(isinstance(one, CompiledManifest) and one.approval is not None for one in by_name.values()):
        key.load()
