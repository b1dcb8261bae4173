"""From the policies and bindings of a manifest to one evaluator per point (section 1.7)."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from acs_sidecar.engines.combined_findings import of_combinations
from acs_sidecar.engines.in_process import explain, invoke, is_engine_fault
from acs_sidecar.engines.overlaid_findings import CompileFindings, of_all_compiles
from acs_sidecar.engines.stock.library import library_digest
from acs_sidecar.spec.canonical import canonical, digest
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.combination import COMBINE, combined_names
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.model import Manifest
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.policy_statement import PolicyStatement, united
from acs_sidecar.spec.ports import (
    CompiledPolicy,
    CompileRequest,
    Evaluator,
    ManifestFacts,
    PointBinding,
    PolicyInput,
    PolicyOutput,
    PolicyType,
    SourceFile,
    SourceReader,
    is_idle,
)
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.startup import without_collection

__all__ = [
    "Binding",
    "CompiledPolicies",
    "PolicyJob",
    "bindings_of",
    "compile_policies",
    "facts_of",
    "policy_jobs",
]


@dataclass(frozen=True, slots=True)
class Binding:
    """A point's binding as the manifest has it: which policy, and the members besides `id`."""

    point: InterventionPoint
    policy: str
    members: JsonObject
    target_kind: str | None
    projects_tool: bool
    annotations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyJob:
    """One compile: a policy definition with its overlay applied, and the points that share it.

    Plain data, so that it can be sent to a child process. `name` is set for a policy without an overlay;
    `combines` are the names of those that it combines, whose jobs come before it.
    """

    path: str
    type: str
    definition: JsonObject
    bindings: tuple[PointBinding, ...]
    manifest: ManifestFacts = field(default_factory=ManifestFacts)
    name: str = ""
    combines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompiledPolicies:
    """An evaluator and a policy digest per point, and what the policies state together."""

    evaluators: Mapping[InterventionPoint, Evaluator]
    digests: Mapping[InterventionPoint, str]
    statement: PolicyStatement


def bindings_of(manifest: Manifest) -> tuple[Mapping[str, JsonObject], list[Binding]]:
    """Return a manifest's policies and the bindings of its points."""
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


def facts_of(manifest: Manifest, limits: Limits) -> ManifestFacts:
    """Return what a compile of a policy is told of its manifest; `limits` are the server's."""
    return ManifestFacts(
        version=str(manifest.value["agent_control_specification_version"]),
        tools=manifest.tools,
        can_escalate="default_resolver" in manifest.approval,
        limits=limits.clamp(manifest.limits)[0],
    )


def policy_jobs(
    policies: Mapping[str, JsonObject],
    bindings: Sequence[Binding],
    types: Mapping[str, PolicyType],
    manifest: ManifestFacts,
) -> tuple[PolicyJob, ...]:
    """Group the bindings of a validated manifest into compiles, and add the policies that nothing binds.

    Every definition is compiled, so that it is checked, bound or not. A binding's members overlay the
    definition; those that the type reads when it binds do not change the compile, so points that differ
    only in them share one.
    """
    grouped: dict[bytes, tuple[str, str, JsonObject, list[PointBinding]]] = {}
    for binding in bindings:
        declared = policies[binding.policy]
        kind = str(declared["type"])
        overlay = {
            name: value for name, value in binding.members.items() if name not in types[kind].bind_members
        }
        definition = {**declared, **overlay}
        job = grouped.setdefault(
            binding.policy.encode() + b"\0" + canonical(definition),
            (member_path(("policies", binding.policy)), kind, definition, []),
        )
        job[3].append(
            PointBinding(
                point=binding.point,
                path=f"intervention_points.{binding.point}.policy",
                definition=definition,
                members=binding.members,
                target_kind=binding.target_kind,
                projects_tool=binding.projects_tool,
                annotations=binding.annotations,
            )
        )
    bound = {binding.policy for binding in bindings}
    for name, declared in policies.items():
        if name in bound:
            continue
        path = member_path(("policies", name))
        grouped[name.encode()] = (path, str(declared["type"]), declared, [])
    combined = {name for _, _, definition, _ in grouped.values() for name in combined_names(definition)}
    plain: dict[str, str] = {}
    for name in sorted(combined & policies.keys()):
        declared, path = policies[name], member_path(("policies", name))
        if declared.get("adapter") == COMBINE:
            continue
        plain[path] = name
        if name.encode() not in grouped:
            key = name.encode() + b"\0" + canonical(declared)
            grouped.setdefault(key, (path, str(declared["type"]), declared, []))
    combinable = frozenset(plain.values())
    jobs = [
        PolicyJob(
            path,
            kind,
            definition,
            tuple(points),
            manifest,
            name=plain[path] if path in plain and definition == policies[plain[path]] else "",
            combines=tuple(name for name in combined_names(definition) if name in combinable),
        )
        for path, kind, definition, points in grouped.values()
    ]
    return tuple(sorted(jobs, key=lambda job: bool(job.combines)))


def compile_policies(
    jobs: Iterable[PolicyJob], types: Mapping[str, PolicyType], sources: SourceReader
) -> CompiledPolicies:
    """Compile and bind every job. Raises `ManifestError` with the findings of all that failed."""
    evaluators: dict[InterventionPoint, Evaluator] = {}
    digests: dict[InterventionPoint, str] = {}
    compiled: list[tuple[PolicyJob, CompiledPolicy | None]] = []
    named: dict[str, tuple[_InvokedPolicy, str]] = {}
    failures: list[ManifestError] = []
    combinations: dict[str, Sequence[str]] = {}
    for job in jobs:
        recorder = _RecordingReader(sources)
        if failures and job.combines and not named.keys() >= set(job.combines):
            continue
        combined = {name: named[name] for name in job.combines}
        try:
            policy = _compile(job, types[job.type], recorder, combined)
        except ManifestError as failure:
            findings = _findings(job, types, failure.diagnostics).placed()
            failures.append(ManifestError([*findings], failure.reason))
            compiled.append((job, None))
            continue
        compiled.append((job, policy))
        policy_digest = _digest(job, recorder.digests, combined)
        if job.name:
            named[job.name] = (
                _InvokedPolicy(policy, job.definition, types[job.type].bind_members),
                policy_digest,
            )
        for binding in job.bindings:
            if job.combines:
                combinations[binding.path] = job.combines
            try:
                evaluators[binding.point] = policy.bind(binding)
            except ManifestError as failure:
                failures.append(failure)
                compiled[-1] = (job, None)  # what else it finds may only follow from that
            digests[binding.point] = policy_digest
    statements = [(job, policy.statement if policy else PolicyStatement()) for job, policy in compiled]
    warnings = of_all_compiles([_findings(job, types, statement.warnings) for job, statement in statements])
    statement = replace(
        united(statement for _, statement in statements),
        warnings=tuple(of_combinations(warnings, combinations)) if combinations else warnings,
    )
    if failures:
        errors = dict.fromkeys(finding for failure in failures for finding in failure.diagnostics)
        raise ManifestError([*errors, *statement.warnings], failures[0].reason)
    if any(found.severity == "error" for found in statement.warnings):
        raise ManifestError(statement.warnings)
    return CompiledPolicies(evaluators, digests, statement)


def _findings(
    job: PolicyJob, types: Mapping[str, PolicyType], findings: Sequence[Diagnostic]
) -> CompileFindings:
    """Return what a compile found, and what of the definition its bindings overlay."""
    for binding in job.bindings[:1]:
        overlaid = binding.members.keys() - types[job.type].bind_members
        return CompileFindings(job.path, findings, binding.path, overlaid)
    return CompileFindings(job.path, findings)


def _digest(
    job: PolicyJob, files: Mapping[str, str], combined: Mapping[str, tuple["_InvokedPolicy", str]]
) -> str:
    content: dict[str, Json] = {"definition": dict(job.definition), "files": dict(files)}
    if "library" in job.definition:
        content["library"] = library_digest(job.type)
    if combined:
        content["policies"] = {name: policy_digest for name, (_, policy_digest) in combined.items()}
    return digest(content)


@dataclass(frozen=True, slots=True)
class _InvokedPolicy:
    """A policy that another combines: bound as it is defined, it fails with `EvaluationError` alone."""

    policy: CompiledPolicy
    definition: JsonObject
    bind_members: frozenset[str]

    @property
    def statement(self) -> PolicyStatement:
        return self.policy.statement

    def bind(self, binding: PointBinding) -> Evaluator:
        return _Invoked(self.policy.bind(replace(binding, definition=self.definition)))


@dataclass(frozen=True, slots=True)
class _Invoked:
    evaluator: Evaluator

    @property
    def idle(self) -> bool:
        return is_idle(self.evaluator)

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        return invoke(self.evaluator, policy_input)

    def explain(self, policy_input: PolicyInput) -> dict[str, Json]:
        """Return the explanation, empty where the policy has none."""
        return explain(self.evaluator, policy_input) or {}


def _compile(
    job: PolicyJob,
    policy_type: PolicyType,
    sources: SourceReader,
    combined: Mapping[str, tuple["_InvokedPolicy", str]],
) -> CompiledPolicy:
    """Compile one policy; a compiler that fails in a way it did not foresee makes the manifest invalid."""
    try:
        policies = {name: policy for name, (policy, _) in combined.items()}
        with without_collection():
            return policy_type.compile(
                CompileRequest(job.path, job.definition, sources, job.manifest, policies)
            )
    except (ManifestError, MemoryError):
        raise
    except BaseException as error:
        if not is_engine_fault(error):
            raise
        message = f"the {job.type} compiler failed ({type(error).__name__})"
        raise ManifestError([Diagnostic("policy-compile-failed", message, job.path)]) from error


@dataclass(slots=True)
class _RecordingReader:
    """Passes reads on and keeps the digest of each file, for the policy's own digest."""

    inner: SourceReader
    digests: dict[str, str] = field(default_factory=dict)

    def read(self, path: str) -> SourceFile:
        return self._record(path, (self.inner.read(path),))[0]

    def read_tree(self, path: str) -> tuple[SourceFile, ...]:
        return self._record(path, self.inner.read_tree(path))

    def fetched(self, url: str) -> SourceFile:
        return self._record(url, (self.inner.fetched(url),))[0]

    def fetched_tree(self, url: str) -> tuple[SourceFile, ...]:
        return self._record(url, self.inner.fetched_tree(url))

    def _record(self, path: str, files: tuple[SourceFile, ...]) -> tuple[SourceFile, ...]:
        for file in files:
            self.digests[f"{path}:{file.name}"] = hashlib.sha256(file.content).hexdigest()
        return files
