"""What the core asks of the outside: each port is a contract that every adapter must keep.

A policy goes through three shapes. A `PolicyType` knows one engine. `compile` turns a definition
into a `CompiledPolicy` (sources read, parsed, checked: the expensive part, shared by all points
that use it). `bind` turns that into an `Evaluator` for one point, which is what a request meets.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from acs_sidecar.spec.canonical import digest_bytes
from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.dialects.versions import DIALECT_03, dialect_of
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.declaration import MemberTable
from acs_sidecar.spec.manifest.url_allowlist import OutboundAllow
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.policy_statement import DecisionNotes, PolicyStatement
from acs_sidecar.spec.printable import is_utf8, printable
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import Verdict

__all__ = [
    "POLICY_INPUT_MEMBERS",
    "POLICY_TARGET_MEMBERS",
    "Adapter",
    "Annotator",
    "AnnotatorContext",
    "AnnotatorType",
    "CompileRequest",
    "CompiledPolicy",
    "Evaluator",
    "ExplainingEvaluator",
    "ManifestFacts",
    "MemberPolicy",
    "NoSources",
    "PointBinding",
    "PolicyDispatch",
    "PolicyInput",
    "PolicyOutput",
    "PolicyType",
    "SourceError",
    "SourceFile",
    "SourceReader",
    "is_idle",
]


POLICY_INPUT_MEMBERS = ("intervention_point", "policy_target", "snapshot", "annotations", "tool")
"""The members of the policy input (section 1.5)."""

POLICY_TARGET_MEMBERS = ("kind", "path", "value")
"""Those of its `policy_target`."""


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles its cost
class PolicyInput:
    """The policy input of section 1.5 as a value (exactly its five members) and as canonical bytes.

    Whoever receives it MUST NOT change `value`: parts of it are the caller's snapshot.
    """

    value: Mapping[str, Json]
    canonical: bytes
    _identity: str = field(default="", init=False, repr=False, compare=False)

    @property
    def identity(self) -> str:
        """The input identity of section 1.8, computed once."""
        if not self._identity:
            self._identity = digest_bytes(self.canonical)
        return self._identity


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles its cost
class PolicyOutput:
    """What a policy answered, before it is normalised into a verdict (section 1.10).

    `trace` is what `include: ["trace"]` may show of the dispatch: names of the manifest, decisions and
    times only. `notes` go into the audit record. `failure` stands in the place of `value` where the
    evaluation failed and the others still say something. `verdict` is what `checked_verdict` gives for
    `value`, where the policy has asked for it already; without `value`, the policy made the verdict itself.
    """

    value: Json
    trace: Mapping[str, Json] = field(default_factory=dict)
    notes: DecisionNotes | None = None
    failure: EvaluationError | None = None
    verdict: Verdict | None = None

    def as_json(self) -> Json:
        """Return what a policy writes to say this: `value`, or the verdict where there is no value."""
        return self.verdict.as_json() if self.value is None and self.verdict is not None else self.value


class Evaluator(Protocol):
    """A policy bound to one intervention point."""

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Evaluate once, synchronously, without I/O, clock or randomness.

        MUST be a function of `policy_input` alone. MUST raise `EvaluationError` for every failure it
        foresees, with a detail free of snapshot values and engine text; anything else that it raises
        is taken as `policy_invocation_failed`. Called from one thread at a time in any one process.
        """
        ...


def is_idle(evaluator: Evaluator) -> bool:
    """True if an evaluator has the attribute `idle` and says so: it always gives `not_applicable` (17.2)."""
    return getattr(evaluator, "idle", False) is True


@runtime_checkable
class ExplainingEvaluator(Evaluator, Protocol):
    """An evaluator that can also say how it comes to its output (section 2.7)."""

    def explain(self, policy_input: PolicyInput) -> JsonObject:
        """Return which parts of the policy applied to the input and which nearly did, as JSON.

        Called after `evaluate` with the same input, whether that failed or not: nothing that it returns or
        raises changes a verdict. MUST be a function of `policy_input` alone and take time and memory of the
        same order as `evaluate`. It may quote the policy and the input, and MUST NOT hold a value of a
        member that is declared `secret`. More than `MAX_EXPLANATION_BYTES` are not shown.
        """
        ...


@dataclass(frozen=True, slots=True)
class PointBinding:
    """The point a policy is bound to, and the members that its binding overlays.

    `definition` is the whole policy definition, `members` are those of the binding besides `id`.
    `target_kind` is the configured `policy_target_kind`; `projects_tool` tells whether the point has
    `tool_name_from`; `annotations` are the names of its annotators. `path` names the binding in
    diagnostics (`intervention_points.output.policy`).
    """

    point: InterventionPoint
    path: str
    definition: JsonObject
    members: JsonObject
    target_kind: str | None
    projects_tool: bool
    annotations: tuple[str, ...] = ()


class CompiledPolicy(Protocol):
    """A policy whose sources were read, parsed and checked."""

    @property
    def statement(self) -> PolicyStatement:
        """What the policy states of itself so far, what follows from its bindings included."""
        ...

    def bind(self, binding: PointBinding) -> Evaluator:
        """Return the evaluator for one point. Raises `ManifestError`."""
        ...


class MemberPolicy(CompiledPolicy, Protocol):
    """A policy that another combines: its evaluators raise nothing but `EvaluationError`."""

    @property
    def bind_members(self) -> frozenset[str]:
        """The members of a binding that `bind` reads."""
        ...


class PolicyType(Protocol):
    """One engine: the value of `type` in a policy definition (section 1.7)."""

    @property
    def bind_members(self) -> frozenset[str]:
        """Members that `bind` reads; policies that differ only in them share one compile."""
        ...

    def compile(self, request: "CompileRequest") -> CompiledPolicy:
        """Compile the definition of `request`.

        MUST check every member of its own
        type, reject source that would crash or hang the engine before the engine sees it, and raise
        `ManifestError` for everything that is wrong, with as much place as the engine gives.
        """
        ...


class Adapter(Protocol):
    """One kind of evaluator behind the policy type `custom` (section 1.7)."""

    @property
    def name(self) -> str:
        """The name of its entry point, which manifests use."""
        ...

    @property
    def inline_safe(self) -> bool:
        """True if an inline manifest may use it.

        True only if neither a definition nor an input can make it read files or the environment, use the
        network, or run code.
        """
        ...

    @property
    def members(self) -> MemberTable:
        """What its policies may have besides `type` and `adapter`; nothing else reaches it."""
        ...

    def compile(self, request: "CompileRequest") -> CompiledPolicy:
        """Check and prepare a policy, as `PolicyType.compile` does. Raises `ManifestError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFacts:
    """What a policy may know of the manifest that declares it; plain data, for a child process.

    `version` is that of the specification that the manifest is written for, `tools` are its tools by name.
    `can_escalate` tells whether the manifest names a resolver for escalations, `limits` what holds for each
    evaluation under it.
    """

    version: str = ""
    tools: Mapping[str, JsonObject] = field(default_factory=dict)
    can_escalate: bool = False
    limits: Limits = field(default_factory=Limits)

    @property
    def dialect(self) -> Dialect:
        """The dialect of that version."""
        return dialect_of(self.version) or DIALECT_03


@dataclass(frozen=True, slots=True)
class CompileRequest:
    """Everything that a policy is compiled from.

    `path` names the policy in diagnostics (`policies.<name>`). `definition` is overlaid by the binding.
    `policies` are those that it combines, compiled, by name.
    """

    path: str
    definition: JsonObject
    sources: "SourceReader"
    manifest: ManifestFacts = field(default_factory=ManifestFacts)
    policies: Mapping[str, MemberPolicy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that a policy reads. `name` is relative to the manifest, with `/`, for diagnostics.

    Raises `SourceError` for a name that is not UTF-8, which no finding, record or response could hold.
    """

    name: str
    content: bytes

    def __post_init__(self) -> None:
        """Check the name."""
        if not is_utf8(self.name):
            raise SourceError(f"`{printable(self.name)}` has a name that is not UTF-8: rename it")


class SourceError(Exception):
    """A file that cannot be used; the message says why, without a path of the file system."""


class SourceReader(Protocol):
    """Reads the files that a manifest names. Paths are relative to the manifest (section 3.2).

    Every method raises `SourceError` when the path leaves the manifest's directory, does not exist,
    or passes a bound; and always, for a manifest that may not name files (section 2.5).
    """

    def read(self, path: str) -> SourceFile:
        """Read one file."""
        ...

    def read_tree(self, path: str) -> tuple[SourceFile, ...]:
        """Read a file (one entry), or a directory or `.tar.gz` (every regular file below it).

        Entries of a directory or archive are named relative to it and come in byte order of name.
        """
        ...

    def fetched(self, url: str) -> SourceFile:
        """Return the content fetched from `url` and checked against its pin before compilation.

        Nothing is fetched here: a URL that was not is a `SourceError`.
        """
        ...

    def fetched_tree(self, url: str) -> tuple[SourceFile, ...]:
        """Return the entries of the `.tar.gz` that was fetched from `url`, as `read_tree` would."""
        ...


class NoSources:
    """The reader of a manifest that may not name files: refuses every read."""

    def read(self, path: str) -> SourceFile:
        """Raise `SourceError`."""
        raise SourceError(f"`{path}` cannot be read: this manifest is not allowed to read files")

    def read_tree(self, path: str) -> tuple[SourceFile, ...]:
        """Raise `SourceError`."""
        raise SourceError(f"`{path}` cannot be read: this manifest is not allowed to read files")

    def fetched(self, url: str) -> SourceFile:  # noqa: ARG002  # the port's signature
        """Raise `SourceError`."""
        raise SourceError("this manifest is not allowed to fetch URLs")

    def fetched_tree(self, url: str) -> tuple[SourceFile, ...]:  # noqa: ARG002  # the port's signature
        """Raise `SourceError`."""
        raise SourceError("this manifest is not allowed to fetch URLs")


class Annotator(Protocol):
    """One annotator of one point, ready to be called (section 1.6)."""

    async def annotate(self, value: Json) -> Json:
        """Annotate the value at the path `from`.

        Raises `EvaluationError` with `annotation_failed` or `annotation_timeout`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorContext:
    """What the annotators and resolvers of one manifest may reach, by who vouches for it (section 2.5).

    `sources` reads its files; `environment` holds the variables that it may name, none for a manifest that
    is not the operator's; `outbound` lists where they may call, `None` for anywhere.
    """

    sources: SourceReader
    environment: Mapping[str, str]
    outbound: OutboundAllow | None


AnnotatorType = Callable[[str, str, JsonObject, AnnotatorContext], Annotator]
"""Builds an annotator from its name, its path in diagnostics, its invocation and what it may reach.

Raises `ManifestError` with everything that is wrong with the invocation.
"""


class PolicyDispatch(Protocol):
    """How the service reaches an evaluator: in this process, or in a sandboxed child."""

    async def dispatch(self, policy_input: PolicyInput) -> PolicyOutput:
        """Evaluate once. Raises what `Evaluator.evaluate` raises.

        The death of a child, or its time running out, is `policy_invocation_failed`.
        """
        ...

    async def explain(self, policy_input: PolicyInput) -> dict[str, Json] | None:
        """Explain how the policy evaluates an input (section 2.7); `None` where it cannot.

        MUST NOT raise for a failure: that is an explanation with the member `unavailable`.
        """
        ...
