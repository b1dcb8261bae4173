"""From a document to a compiled manifest: validation, policies, annotators (sections 1.3, 2.5)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from acs_sidecar.annotators.runner import AnnotatorRunner
from acs_sidecar.approval.plan import ResolverType, approval_plan
from acs_sidecar.engines.compilation import Binding, PolicyJob, compile_policies, policy_jobs
from acs_sidecar.engines.in_process import InProcess
from acs_sidecar.sandbox.sandbox import Sandbox
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.compiled import (
    CompiledManifest,
    CompiledPoint,
    Provenance,
    Tool,
    no_annotators,
)
from acs_sidecar.spec.manifest.declaration import declared_members
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.inline import inline_findings
from acs_sidecar.spec.manifest.lints import lints
from acs_sidecar.spec.manifest.member_catalog import MemberCatalog
from acs_sidecar.spec.manifest.model import AnnotatorUse, Manifest, Point, member_path, read_manifest
from acs_sidecar.spec.manifest.url_allowlist import OutboundAllow
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import (
    Annotator,
    AnnotatorContext,
    AnnotatorType,
    ManifestFacts,
    NoSources,
    PolicyDispatch,
    PolicyType,
    SourceReader,
)
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import JsonObject

__all__ = ["ManifestCompiler"]


@dataclass(frozen=True, slots=True)
class _Policies:
    """What the rest of a compile needs to know of the policies, wherever they run."""

    dispatch: Mapping[InterventionPoint, PolicyDispatch]
    digests: Mapping[InterventionPoint, str]
    warnings: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestCompiler:
    """Compiles manifests against one server's engines, annotator types and limits.

    `types` serve operator's and vouched-for manifests; `inline_types` the sandboxed ones. `members` declares
    what their policies, annotators and resolvers may have. `environment` holds the variables that an
    operator's manifest may name.
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

    def compile_operator(self, name: str, document: Document, sources: SourceReader) -> CompiledManifest:
        """Compile an operator's manifest, merged with those that it extends. Raises `ManifestError`."""
        manifest = read_manifest(document, self.limits, self.members)
        policies = _in_process(
            policy_jobs(*_bindings(manifest), self.types, _facts(manifest)), self.types, sources
        )
        context = AnnotatorContext(sources=sources, environment=self.environment, outbound=None)
        return self._finished(name, Provenance.OPERATOR, manifest, policies, context)

    async def compile_inline(
        self, document: Document, provenance: Provenance = Provenance.INLINE
    ) -> CompiledManifest:
        """Compile an inline manifest, in the sandbox if there is one.

        `provenance` is `SIGNED` for one whose signature was verified. Raises `ManifestError`.
        """
        manifest = read_manifest(document, self.limits, self.members)
        if findings := inline_findings(manifest, self.members, self.outbound):
            raise ManifestError(findings)
        jobs = policy_jobs(*_bindings(manifest), self.inline_types, _facts(manifest))
        if self.sandbox is None:
            policies = _in_process(jobs, self.inline_types, NoSources())
        else:
            limits, _ = self.limits.clamp(manifest.limits)
            sandboxed = await self.sandbox.compile(manifest.digest, jobs, limits.policy_timeout_ms)
            policies = _Policies(sandboxed.dispatch, sandboxed.digests, sandboxed.warnings)
        context = AnnotatorContext(sources=NoSources(), environment={}, outbound=self.outbound)
        return self._finished(None, provenance, manifest, policies, context)

    def _finished(
        self,
        name: str | None,
        provenance: Provenance,
        manifest: Manifest,
        policies: _Policies,
        context: AnnotatorContext,
    ) -> CompiledManifest:
        limits, clamped = self.limits.clamp(manifest.limits)
        tools = {tool: Tool.project(tool, entry) for tool, entry in manifest.tools.items()}
        findings: list[Diagnostic] = []
        points: dict[str, CompiledPoint] = {}
        built: dict[bytes, Annotator] = {}
        for point in manifest.points.values():
            annotators = self._annotators(point, context, built, findings)
            points[point.name.value] = CompiledPoint(
                config=point,
                tools=tools,
                limits=limits,
                annotate=AnnotatorRunner(annotators, limits) if annotators else no_annotators,
                policy=policies.dispatch[point.name],
                policy_type=str(manifest.policies[point.policy]["type"]),
                policy_digest=policies.digests[point.name],
            )
        if findings:
            raise ManifestError([*dict.fromkeys(findings)])
        approval, approval_warnings = approval_plan(manifest.approval, self.resolver_types, context)
        clamps = (_clamped(limit, limits) for limit in clamped)
        warnings = (*clamps, *lints(manifest), *approval_warnings, *policies.warnings)
        return CompiledManifest(name, provenance, manifest, points, warnings, approval)

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


def _in_process(
    jobs: tuple[PolicyJob, ...], types: Mapping[str, PolicyType], sources: SourceReader
) -> _Policies:
    compiled = compile_policies(jobs, types, sources)
    dispatch = {point: InProcess(evaluator) for point, evaluator in compiled.evaluators.items()}
    return _Policies(dispatch, compiled.digests, compiled.warnings)


def _bindings(manifest: Manifest) -> tuple[Mapping[str, JsonObject], list[Binding]]:
    bindings = [
        Binding(
            point.name,
            point.policy,
            point.policy_members,
            point.target_kind,
            projects_tool=point.tool_name is not None,
            annotations=tuple(use.name for use in point.annotators),
        )
        for point in manifest.points.values()
    ]
    return manifest.policies, bindings


def _facts(manifest: Manifest) -> ManifestFacts:
    return ManifestFacts(
        version=str(manifest.value["agent_control_specification_version"]),
        tools=manifest.tools,
        can_escalate="default_resolver" in manifest.approval,
    )


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
