"""From a document to a compiled manifest: validation, policies, annotators (sections 1.3, 2.5)."""

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace

from acs_sidecar.annotators.runner import AnnotatorRunner
from acs_sidecar.approval.plan import ResolverType, approval_plan
from acs_sidecar.engines.compilation import (
    CompiledPolicies,
    bindings_of,
    compile_policies,
    facts_of,
    policy_jobs,
)
from acs_sidecar.engines.fatal_inputs import EvaluationGuard
from acs_sidecar.engines.in_process import InProcess
from acs_sidecar.engines.registry import outlives_fork
from acs_sidecar.engines.slow_lane import SlowLane
from acs_sidecar.manifests.own_annotators import with_own_annotators
from acs_sidecar.sandbox.calls import SandboxProgram
from acs_sidecar.sandbox.sandbox import Sandbox
from acs_sidecar.sandbox.wire import Preparation
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.document.locations import placed, placed_error
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.compiled import (
    CompiledManifest,
    CompiledPoint,
    Provenance,
    Tool,
    ToolCatalogue,
    no_annotators,
)
from acs_sidecar.spec.manifest.declaration import declared_members
from acs_sidecar.spec.manifest.diagnostics import MAX_FINDINGS, Diagnostic, ManifestError, first_findings
from acs_sidecar.spec.manifest.identity import ManifestIdentity, document_identity
from acs_sidecar.spec.manifest.inline import inline_findings
from acs_sidecar.spec.manifest.lints import lints, without_needed
from acs_sidecar.spec.manifest.member_catalog import MemberCatalog
from acs_sidecar.spec.manifest.model import (
    AnnotatorUse,
    Manifest,
    Point,
    document_of,
    read_manifest,
)
from acs_sidecar.spec.manifest.url_allowlist import OutboundAllow
from acs_sidecar.spec.owner import NOBODY, Owner
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.policy_statement import PolicyStatement, Requirement, unmet_requirements
from acs_sidecar.spec.ports import (
    Annotator,
    AnnotatorContext,
    AnnotatorType,
    NoSources,
    PolicyDispatch,
    PolicyType,
    SourceReader,
)
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json

__all__ = ["InlineCompile", "InlineDocument", "ManifestCompiler"]

InlineDocument = str | dict[str, Json]

QUICK_MS = 3.0
"""A manifest that a child reads and compiles within this time may be compiled on the event loop."""

_PLACED_BYTES = 4_096
"""A text in which the places of findings about annotators are looked up on the event loop."""

_SHORT_BYTES = 1_024
"""A text that is read for its digest on the event loop: YAML of this length takes less than 5 ms."""

NO_DOCUMENT = Document(None, {})
_FIXED_BYTES = 16_384
_ASSEMBLED_TIMES = 16
_IN_PROCESS_TIMES = 64
"""Bytes kept for a byte of text: of points read again, and of policies compiled in this process."""


@dataclass(frozen=True, slots=True)
class InlineCompile:
    """A caller's manifest, compiled, and an upper bound on the bytes that it takes to keep it."""

    manifest: CompiledManifest
    kept_bytes: int


@dataclass(frozen=True, slots=True)
class _Policies:
    """What the rest of a compile needs to know of the policies, wherever they run."""

    dispatch: Mapping[InterventionPoint, PolicyDispatch]
    digests: Mapping[InterventionPoint, str]
    statement: PolicyStatement


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestCompiler:
    """Compiles manifests against one server's engines, annotator types and limits.

    `types` serve operator's and vouched-for manifests; `inline_types` the sandboxed ones. `members` declares
    what their policies, annotators and resolvers may have. `environment` holds the variables that an
    operator's manifest may name. `in_process` is whether an inline manifest may be compiled and evaluated in
    this process, once a child has shown that it compiles quickly. `guard` watches what is evaluated in it,
    and long evaluations in it take turns in `lane`.
    What a policy requires beyond what the service `provides` makes its manifest invalid where this one is
    `serving`, and is a warning elsewhere.
    """

    types: Mapping[str, PolicyType]
    inline_types: Mapping[str, PolicyType]
    members: MemberCatalog
    annotator_types: Mapping[str, AnnotatorType]
    resolver_types: Mapping[str, ResolverType]
    limits: Limits
    environment: Mapping[str, str]
    outbound: OutboundAllow
    sandbox: Sandbox | None
    in_process: bool = False
    guard: EvaluationGuard | None = None
    lane: SlowLane = field(default_factory=SlowLane)
    provides: frozenset[Requirement] = frozenset()
    serving: bool = False

    def compile_operator(
        self,
        name: str,
        document: Document,
        sources: SourceReader,
        known: MutableMapping[str, CompiledPolicies] | None = None,
    ) -> CompiledManifest:
        """Compile an operator's manifest, merged with those that it extends. Raises `ManifestError`.

        Its policies are those that `known` has for its name; otherwise they are compiled, and added where
        a fork may take them over.
        """
        manifest = read_manifest(document, self.limits, self.members)
        compiled = known.get(name) if known else None
        if compiled is None:
            jobs = policy_jobs(*bindings_of(manifest), self.types, facts_of(manifest, self.limits))
            compiled = compile_policies(jobs, self.types, sources)
            if known is not None and all(outlives_fork(job.definition) for job in jobs):
                known[name] = compiled
        policies = self._in_process(compiled)
        context = AnnotatorContext(sources=sources, environment=self.environment, outbound=None)
        return self._finished(name, Provenance.OPERATOR, manifest, policies, context)

    async def compile_inline(
        self,
        inline_document: InlineDocument,
        written: bytes,
        provenance: Provenance = Provenance.INLINE,
        owner: Owner = NOBODY,
    ) -> InlineCompile:
        """Compile an inline manifest, in the sandbox if there is one.

        `written` is what `document_bytes` makes of it; `provenance` is `SIGNED` for one whose signature was
        verified; `owner` is who brings it. Raises `ManifestError`, with the digest where the whole of it
        could be read.
        """
        if self.sandbox is None:
            return self._compile_here(inline_document, written, provenance)
        prepared, program = await self.sandbox.prepare(written, owner)
        if self.in_process and prepared.milliseconds < QUICK_MS:
            return self._compile_here(inline_document, written, provenance)
        try:
            return self._assemble(prepared, program, provenance)
        except ManifestError as error:
            error.digest = prepared.digest
            if len(written) > _PLACED_BYTES:
                raise
            raise placed_error(error, document_of(inline_document)) from None

    def _assemble(
        self, prepared: Preparation, program: SandboxProgram, provenance: Provenance
    ) -> InlineCompile:
        """Make of what a child prepared what the service needs: annotators, and ways to the policies."""
        if self.sandbox is None:
            raise TypeError("nothing is prepared without a sandbox")
        # Read again, though a child read it: it is short, and what a child says is checked.
        read = read_manifest(Document(prepared.manifest, {}), self.limits, self.members, MAX_FINDINGS)
        if findings := inline_findings(read, self.members, self.outbound):
            raise ManifestError(findings)
        limits, _ = self.limits.clamp(read.limits)
        manifest = replace(read, digest=prepared.digest, document=NO_DOCUMENT)
        sandboxed = self.sandbox.bind(prepared, program, limits.policy_timeout_ms)
        policies = _Policies(sandboxed.dispatch, sandboxed.digests, sandboxed.statement)
        catalogue, context = ToolCatalogue(prepared.catalogue), self._inline_context()
        compiled = self._finished(None, provenance, manifest, policies, context, catalogue=catalogue)
        texts = len(prepared.catalogue) + len(prepared.jobs)
        return InlineCompile(compiled, texts + _ASSEMBLED_TIMES * prepared.assembled_bytes + _FIXED_BYTES)

    async def identity_inline(
        self, inline_document: InlineDocument, written: bytes, owner: Owner = NOBODY
    ) -> ManifestIdentity | None:
        """Return digest and name of a caller's manifest, which is not compiled. Raises `ManifestError`."""
        if self.sandbox is None or len(written) <= _SHORT_BYTES:
            return document_identity(document_of(inline_document))
        return await self.sandbox.identity(written, owner)

    def _compile_here(
        self, inline_document: InlineDocument, written: bytes, provenance: Provenance
    ) -> InlineCompile:
        document = document_of(inline_document)
        try:
            manifest = read_manifest(document, self.limits, self.members, MAX_FINDINGS)
            if findings := inline_findings(manifest, self.members, self.outbound):
                raise ManifestError(findings)
            jobs = policy_jobs(*bindings_of(manifest), self.inline_types, facts_of(manifest, self.limits))
            policies = self._in_process(compile_policies(jobs, self.inline_types, NoSources()))
            compiled = self._finished(None, provenance, manifest, policies, self._inline_context())
        except ManifestError as error:
            raise placed_error(error, document) from None
        # Where each member stood takes many times the room of what it says.
        kept = replace(compiled.manifest, document=NO_DOCUMENT)
        warnings = placed(first_findings(compiled.warnings), document)
        compiled = replace(compiled, manifest=kept, statement=replace(compiled.statement, warnings=warnings))
        return InlineCompile(compiled, _IN_PROCESS_TIMES * len(written) + _FIXED_BYTES)

    def _in_process(self, compiled: CompiledPolicies) -> _Policies:
        dispatch = {
            point: InProcess(evaluator, compiled.digests[point], self.guard, self.lane)
            for point, evaluator in compiled.evaluators.items()
        }
        return _Policies(dispatch, compiled.digests, compiled.statement)

    def _inline_context(self) -> AnnotatorContext:
        return AnnotatorContext(sources=NoSources(), environment={}, outbound=self.outbound)

    def _finished(
        self,
        name: str | None,
        provenance: Provenance,
        manifest: Manifest,
        policies: _Policies,
        context: AnnotatorContext,
        *,
        catalogue: ToolCatalogue | None = None,
    ) -> CompiledManifest:
        limits, clamped = self.limits.clamp(manifest.limits)
        tools: Mapping[str, Tool] = (
            {tool: Tool.project(tool, entry) for tool, entry in manifest.tools.items()}
            if catalogue is None
            else catalogue
        )
        findings: list[Diagnostic] = []
        points: dict[str, CompiledPoint] = {}
        built: dict[bytes, Annotator] = {}
        for declared in manifest.points.values():
            point = with_own_annotators(declared, policies.statement.annotators, manifest.dialect.paths)
            annotators = self._annotators(point, context, built, findings)
            points[point.name.value] = CompiledPoint(
                config=point,
                tools=tools,
                limits=limits,
                annotate=no_annotators if findings or not annotators else AnnotatorRunner(annotators, limits),
                policy=policies.dispatch[point.name],
                policy_type=str(manifest.policies[point.policy]["type"]),
                policy_digest=policies.digests[point.name],
                dialect=manifest.dialect,
            )
        unmet = unmet_requirements(policies.statement.requires, self.provides)
        if self.serving:
            findings.extend(unmet)
        if findings:
            raise ManifestError([*dict.fromkeys(findings)])
        approval, approval_warnings = approval_plan(manifest.approval, self.resolver_types, context)
        clamps = (_clamped(limit, limits) for limit in clamped)
        # Of a manifest that a child read, the lints came with the warnings of its policies.
        linted = lints(manifest) if catalogue is None else ()
        remarks = (replace(finding, severity="warning") for finding in unmet)
        stated = without_needed(policies.statement.warnings, manifest)
        warnings = (*clamps, *linted, *approval_warnings, *remarks, *stated)
        statement = replace(policies.statement, warnings=warnings)
        return CompiledManifest(name, provenance, manifest, points, statement, approval)

    def _annotators(
        self,
        point: Point,
        context: AnnotatorContext,
        built: dict[bytes, Annotator],
        findings: list[Diagnostic],
    ) -> tuple[tuple[AnnotatorUse, Annotator], ...]:
        """Build a point's annotators. One that another point uses alike is the same: its connections too."""
        annotators = []
        for use in point.annotators:
            alike = canonical([use.name, dict(use.invocation)])
            path = member_path(("intervention_points", point.name.value, "annotations", use.name))
            try:
                if alike not in built:
                    built[alike] = self.annotator_types[use.type](
                        use.name, path, use.invocation, self._trusted(context, use)
                    )
                annotators.append((use, built[alike]))
            except ManifestError as error:
                if error.reason is Reason.ADAPTER_UNSUPPORTED:
                    raise
                findings.extend(_where_declared(finding, path, use) for finding in error.diagnostics)
        return tuple(annotators)

    def _trusted(self, context: AnnotatorContext, use: AnnotatorUse) -> AnnotatorContext:
        """Leave an annotator from a URL the variables that a local manifest names for it, and no others."""
        if not use.remote:
            return context
        declared = declared_members(use.invocation, self.members.annotator(use.invocation))
        named = {value for _, member, value in declared if member.environment and isinstance(value, str)}
        environment = {name: context.environment[name] for name in named if name in context.environment}
        return replace(context, environment=environment)


def _where_declared(finding: Diagnostic, binding: str, use: AnnotatorUse) -> Diagnostic:
    """Locate a finding at the binding that has its member, or else at the declaration."""
    member = (finding.path or "").removeprefix(f"{binding}.")
    if member == finding.path or re.split(r"[.\[]", member)[0] in use.bound:
        return finding
    return replace(finding, path=f"{member_path(('annotators', use.name))}.{member}")


def _clamped(limit: str, limits: Limits) -> Diagnostic:
    return Diagnostic(
        "limit-clamped",
        f"exceeds the server's limit and was clamped to {getattr(limits, limit)}",
        f"limits.{limit}",
        severity="warning",
    )
