"""From the policies and bindings of a manifest to one evaluator per point (section 1.7)."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from acs_sidecar.engines.in_process import is_engine_fault
from acs_sidecar.spec.canonical import canonical, digest
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.model import Manifest, member_path
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.policy_statement import PolicyStatement, united
from acs_sidecar.spec.ports import (
    CompiledPolicy,
    CompileRequest,
    Evaluator,
    ManifestFacts,
    PointBinding,
    PolicyType,
    SourceFile,
    SourceReader,
)
from acs_sidecar.spec.values import JsonObject

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

    Plain data, so that it can be sent to a child process.
    """

    path: str
    type: str
    definition: JsonObject
    bindings: tuple[PointBinding, ...]
    manifest: ManifestFacts = field(default_factory=ManifestFacts)


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


def facts_of(manifest: Manifest) -> ManifestFacts:
    """Return what a compile of a policy is told of its manifest."""
    return ManifestFacts(
        version=str(manifest.value["agent_control_specification_version"]),
        tools=manifest.tools,
        can_escalate="default_resolver" in manifest.approval,
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
    for name in policies.keys() - {binding.policy for binding in bindings}:
        declared = policies[name]
        path = member_path(("policies", name))
        grouped[name.encode()] = (path, str(declared["type"]), declared, [])
    return tuple(
        PolicyJob(path, kind, definition, tuple(points), manifest)
        for path, kind, definition, points in grouped.values()
    )


def compile_policies(
    jobs: Iterable[PolicyJob], types: Mapping[str, PolicyType], sources: SourceReader
) -> CompiledPolicies:
    """Compile and bind every job. Raises `ManifestError` with the findings of all that failed."""
    evaluators: dict[InterventionPoint, Evaluator] = {}
    digests: dict[InterventionPoint, str] = {}
    statements: list[PolicyStatement] = []
    failures: list[ManifestError] = []
    for job in jobs:
        recorder = _RecordingReader(sources)
        try:
            policy = _compile(job, types[job.type], recorder)
        except ManifestError as failure:
            failures.append(failure)
            continue
        policy_digest = digest({"definition": dict(job.definition), "files": dict(recorder.digests)})
        for binding in job.bindings:
            try:
                evaluators[binding.point] = policy.bind(binding)
            except ManifestError as failure:
                failures.append(failure)
            digests[binding.point] = policy_digest
        statements.append(policy.statement)
    statement = united(statements)
    if failures:
        raise ManifestError(
            [*(finding for failure in failures for finding in failure.diagnostics), *statement.warnings],
            failures[0].reason,
        )
    return CompiledPolicies(evaluators, digests, statement)


def _compile(job: PolicyJob, policy_type: PolicyType, sources: SourceReader) -> CompiledPolicy:
    """Compile one policy; a compiler that fails in a way it did not foresee makes the manifest invalid."""
    try:
        return policy_type.compile(CompileRequest(job.path, job.definition, sources, job.manifest))
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
