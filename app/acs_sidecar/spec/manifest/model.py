"""The manifest: validation and its frozen model (section 1.3)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from acs_sidecar.spec.canonical import canonical, digest, digest_bytes
from acs_sidecar.spec.dialects.annotation_needs import NEEDS_HINT, may_read, needs_faults, needs_of
from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.dialects.versions import (
    VERSION,
    VERSION_RULE,
    dialect_of,
    document_dialect,
    settled_members,
)
from acs_sidecar.spec.document.bounds import DocumentBoundError, DocumentError, Members, check_bounds
from acs_sidecar.spec.document.suggestions import did_you_mean, one_of
from acs_sidecar.spec.document.text import Document, parse_document
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError, first_findings
from acs_sidecar.spec.manifest.host_annotations import HOST, is_from_host
from acs_sidecar.spec.manifest.member_catalog import MemberCatalog
from acs_sidecar.spec.manifest.members import (
    APPROVAL_MEMBERS,
    APPROVAL_NUMBERS,
    LIMIT_MEMBERS,
    MANIFEST_MEMBERS,
    ON_TIMEOUT,
    POINT_MEMBERS,
    AnnotatorKind,
    PolicyKind,
)
from acs_sidecar.spec.manifest.shape_reader import ShapeReader
from acs_sidecar.spec.path import ALL_ROOTS, SNAPSHOT_ONLY, Path, PathSyntaxError, Root, parse_path
from acs_sidecar.spec.points import POINT_NAMES, TOOL_POINTS, InterventionPoint
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "AnnotatorUse",
    "Manifest",
    "Members",
    "Point",
    "document_digest",
    "document_of",
    "read_manifest",
]

PROMPT_MEMBERS = ("system_prompt", "prompt", "system_prompt_file", "system_prompt_url")


@dataclass(frozen=True, slots=True)
class AnnotatorUse:
    """An annotator as one point uses it: the declaration overlaid by the binding (section 1.6).

    `bound` names the members that are the binding's; `remote` tells that it was declared in a manifest from a
    URL (section 3.3). `needs` are the annotations that it may read (section 6.3).
    """

    name: str
    type: str
    source: Path
    invocation: JsonObject
    bound: frozenset[str] = frozenset()
    remote: bool = False
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """The configuration of one intervention point; `annotators` in ascending name order."""

    name: InterventionPoint
    target: Path
    target_kind: str | None
    tool_name: Path | None
    annotators: tuple[AnnotatorUse, ...]
    policy: str
    policy_members: JsonObject


@dataclass(frozen=True, slots=True)
class Manifest:
    """A valid manifest. `value` is the whole of it as JSON, `digest` is over its canonical form.

    `document` knows where each member came from.
    """

    value: JsonObject
    digest: str
    dialect: Dialect
    points: Mapping[InterventionPoint, Point]
    policies: Mapping[str, JsonObject]
    tools: Mapping[str, JsonObject]
    limits: JsonObject
    approval: JsonObject
    document: Document


def document_of(content: Json) -> Document:
    """Parse a manifest from text (YAML or JSON) or from an object that was parsed already.

    Raises `ManifestError`: with `resource_limit_exceeded` where a bound was the cause.
    """
    try:
        if isinstance(content, str):
            parsed = parse_document(content)
            return replace(parsed, value=settled_members(parsed.value))
        check_bounds(content)
    except DocumentError as error:
        bound = isinstance(error, DocumentBoundError)
        code = "document-too-large" if bound else "document-syntax"
        raise ManifestError(
            [Diagnostic(code, error.message, line=error.line, column=error.column)],
            Reason.RESOURCE_LIMIT_EXCEEDED if bound else Reason.MANIFEST_INVALID,
        ) from None
    return Document(settled_members(content), {})


def document_digest(document: Document) -> str | None:
    """Return the manifest digest (section 1.3), of an invalid manifest too where its text can be read."""
    try:
        return digest(document.value) if isinstance(document.value, dict) else None
    except TypeError:
        return None


def read_manifest(
    document: Document, server_limits: Limits, catalog: MemberCatalog, most_findings: int | None = None
) -> Manifest:
    """Validate a merged manifest. Raises `ManifestError` with every finding, or the first ones."""
    manifest = (reading := _ManifestReader(document, catalog)).manifest(server_limits)
    if manifest and not reading.findings:
        return manifest
    raise ManifestError(first_findings(reading.findings, most_findings), reading.reason)


class _ManifestReader(ShapeReader):
    """One validation of a merged document."""

    def __init__(self, document: Document, catalog: MemberCatalog) -> None:
        super().__init__(document)
        self.reason = Reason.MANIFEST_INVALID
        self._value = document.value
        self._catalog = catalog
        self._dialect = document_dialect(document.value)

    def manifest(self, server_limits: Limits) -> Manifest | None:
        value = self._value
        if not isinstance(value, dict):
            self._wrong((), "manifest-not-an-object", "a manifest must be a mapping")
            return None
        try:
            text = canonical(value)
        except TypeError:
            self._wrong((), "document-syntax", "the manifest holds a value that JSON cannot represent")
            return None
        if len(text) > server_limits.max_merged_manifest_bytes:
            limit = server_limits.max_merged_manifest_bytes
            message = f"the merged manifest exceeds `max_merged_manifest_bytes` ({limit})"
            self._wrong((), "manifest-too-large", message)
            self.reason = Reason.RESOURCE_LIMIT_EXCEEDED
            return None
        self._only(value, MANIFEST_MEMBERS, ())
        self._version(value.get(VERSION))
        if value.get("metadata", {}) is not None or not self._dialect.agent_contexts:
            self._object(value, "metadata")
        policies = self._policies(value)
        tools = self._objects(value, "tools")
        annotators = self._annotators(value)
        approval = self._approval(value)
        limits = self._limits(value)
        points = self._points(value, policies, annotators)
        return Manifest(
            value,
            digest_bytes(text),
            self._dialect,
            points,
            policies,
            tools,
            limits,
            approval,
            self._document,
        )

    # -- members -----------------------------------------------------------------------------------

    def _version(self, version: Json) -> None:
        if dialect_of(version) is None:
            self._wrong((VERSION,), "version-unsupported", VERSION_RULE)

    def _policies(self, value: JsonObject) -> Mapping[str, JsonObject]:
        policies = self._objects(value, "policies", required=True)
        for name, policy in policies.items():
            self._type_of(("policies", name), policy, PolicyKind)
        return policies

    def _annotators(self, value: JsonObject) -> Mapping[str, JsonObject]:
        annotators = self._objects(value, "annotators")
        for name, annotator in annotators.items():
            self._type_of(("annotators", name), annotator, AnnotatorKind)
            if self._dialect.needs and "needs" in annotator:
                message = "is set where the annotator is bound: move it to `annotations` of the point"
                self._wrong(("annotators", name, "needs"), "member-not-allowed", message)
        return annotators

    def _type_of(self, path: Members, declared: JsonObject, allowed: Iterable[str]) -> None:
        names = [str(name) for name in allowed]
        if declared.get("type") not in names:
            listed = ", ".join(f"`{name}`" for name in names)
            self._wrong((*path, "type"), "type-unknown", f"must be one of {listed}")

    def _approval(self, value: JsonObject) -> JsonObject:
        approval = self._object(value, "approval")
        self._only(approval, APPROVAL_MEMBERS, ("approval",))
        for name in APPROVAL_NUMBERS:
            if name in approval:
                self._positive(approval[name], ("approval", name))
        if "on_timeout" in approval and approval["on_timeout"] not in ON_TIMEOUT:
            self._wrong(
                ("approval", "on_timeout"), "value-not-allowed", "must be `deny`, `allow` or `suspend`"
            )
        resolvers = self._objects(approval, "resolvers", ("approval",))
        for name, resolver in resolvers.items():
            if _blank(kind := resolver.get("type")):
                path = ("approval", "resolvers", name, "type")
                self._missing(path, kind, "a resolver type such as `token`")
        self._default_resolver(approval, resolvers)
        return approval

    def _default_resolver(self, approval: JsonObject, resolvers: Mapping[str, JsonObject]) -> None:
        if "default_resolver" not in approval:
            return
        name = approval["default_resolver"]
        path = ("approval", "default_resolver")
        if _blank(name):
            self._missing(path, name, "the name of one of `approval.resolvers`")
        elif resolvers and name not in resolvers:
            self._wrong(path, "name-unknown", f"`{name}` is not one of `approval.resolvers`")

    def _limits(self, value: JsonObject) -> JsonObject:
        limits = self._object(value, "limits")
        self._only(limits, LIMIT_MEMBERS, ("limits",))
        for name, limit in limits.items():
            self._positive(limit, ("limits", name))
        return limits

    def _points(
        self, value: JsonObject, policies: Mapping[str, JsonObject], annotators: Mapping[str, JsonObject]
    ) -> Mapping[InterventionPoint, Point]:
        points: dict[InterventionPoint, Point] = {}
        for name, config in self._objects(value, "intervention_points", required=True).items():
            path = ("intervention_points", name)
            if name not in POINT_NAMES:
                hint = did_you_mean(name, POINT_NAMES)
                self._wrong(path, "point-unknown", f"{one_of(InterventionPoint)}{hint}")
                continue
            point = self._point(InterventionPoint(name), config, path, policies, annotators)
            if point:
                points[point.name] = point
        return points

    def _point(
        self,
        name: InterventionPoint,
        config: JsonObject,
        path: Members,
        policies: Mapping[str, JsonObject],
        annotators: Mapping[str, JsonObject],
    ) -> Point | None:
        self._only(config, POINT_MEMBERS, path)
        target = self._path(config.get("policy_target"), (*path, "policy_target"), SNAPSHOT_ONLY)
        kind = config.get("policy_target_kind")
        if kind is not None and _blank(kind):
            self._wrong((*path, "policy_target_kind"), "wrong-type", "must be a string that is not blank")
        tool_name = None
        if "tool_name_from" in config:
            tool_path = (*path, "tool_name_from")
            tool_name = self._path(config["tool_name_from"], tool_path, SNAPSHOT_ONLY)
            if name not in TOOL_POINTS:
                self._wrong(
                    tool_path, "member-not-allowed", "is allowed only at `pre_tool_call` and `post_tool_call`"
                )
        policy, members = self._binding(config, path, policies)
        uses = self._annotations(config, path, annotators)
        if target is None or policy is None:
            return None
        kind_text = kind if isinstance(kind, str) else None
        return Point(name, target, kind_text, tool_name, uses, policy, members)

    def _binding(
        self, config: JsonObject, path: Members, policies: Mapping[str, JsonObject]
    ) -> tuple[str | None, JsonObject]:
        path = (*path, "policy")
        binding = config.get("policy")
        if not isinstance(binding, dict):
            self._missing(path, binding, "an object with the `id` of a policy")
            return None, {}
        policy = binding.get("id")
        if not isinstance(policy, str) or not policy.strip():
            self._missing((*path, "id"), policy, "the name of one of `policies`")
            return None, {}
        if policy not in policies:
            self._wrong((*path, "id"), "name-unknown", f"`{policy}` is not one of `policies`")
            return None, {}
        table = self._catalog.policy(policies[policy])
        for name in sorted(binding.keys() & {member for member in table if table[member].fixed}):
            self._wrong((*path, name), "member-not-allowed", "a binding cannot override it: declare a policy")
        members = {name: value for name, value in binding.items() if name != "id"}
        query = members.get("query", policies[policy].get("query"))
        own = policies[policy]
        if own.get("type") == PolicyKind.REGO and _blank(query) and "library" not in own:
            expected = "a reference such as `data.agent.verdict`, here or in the policy"
            self._missing((*path, "query"), query, expected)
        return policy, members

    def _annotations(
        self, config: JsonObject, path: Members, annotators: Mapping[str, JsonObject]
    ) -> tuple[AnnotatorUse, ...]:
        uses: list[AnnotatorUse] = []
        bindings = self._objects(config, "annotations", path)
        needs = needs_of(bindings) if self._dialect.needs else dict.fromkeys(bindings, ())
        for fault in needs_faults(bindings) if self._dialect.needs else ():
            self._wrong((*path, "annotations", *fault.place), fault.code, fault.message)
        own = {"from", "needs"} if self._dialect.needs else {"from"}
        for name, binding in sorted(bindings.items()):
            here = (*path, "annotations", name)
            for forbidden in ("annotator", "type"):
                if forbidden in binding:
                    self._wrong(
                        (*here, forbidden), "member-not-allowed", "the key is the annotator's name: remove it"
                    )
            source = self._path(binding.get("from"), (*here, "from"), ALL_ROOTS)
            if source and not may_read(source, needs[name]):
                message = "an annotation cannot read other annotations" + self._dialect.needs * NEEDS_HINT
                self._wrong((*here, "from"), "path-forbidden", message)
            if name not in annotators:
                self._wrong(here, "name-unknown", f"`{name}` is not one of `annotators`")
            elif source:
                overlay = {key: value for key, value in binding.items() if key not in own}
                invocation = {**annotators[name], **overlay}
                if invocation.get("provider") == HOST and not is_from_host(source):
                    message = "what the host brings lies below `$snap.annotations` or `$snap.envelope`"
                    self._wrong((*here, "from"), "path-forbidden", message)
                self._one_prompt(here, invocation)
                kind = str(annotators[name].get("type"))
                remote = self._document.origin(("annotators", name)).remote
                use = AnnotatorUse(name, kind, source, invocation, frozenset(overlay), remote, needs[name])
                uses.append(use)
        return tuple(uses)

    def _one_prompt(self, path: Members, invocation: JsonObject) -> None:
        sources = [name for name in PROMPT_MEMBERS if name in invocation]
        if invocation.get("type") == "llm" and len(sources) > 1:
            listed = " and ".join(f"`{name}`" for name in sources)
            self._wrong(path, "prompt-ambiguous", f"only one prompt source is allowed, found {listed}")

    # -- shapes ------------------------------------------------------------------------------------

    def _objects(
        self, parent: JsonObject, name: str, path: Members = (), *, required: bool = False
    ) -> Mapping[str, JsonObject]:
        """Read a member that maps names to objects."""
        found: dict[str, JsonObject] = {}
        value = self._object(parent, name, path)
        if required and not value:
            self._missing((*path, name), parent.get(name), "an object with at least one entry")
        for key, entry in value.items():
            if not key.strip():
                self._wrong((*path, name, key), "name-blank", "a name must not be blank")
            elif isinstance(entry, dict):
                found[key] = entry
            else:
                self._wrong((*path, name, key), "wrong-type", "must be an object")
        return found

    def _positive(self, value: Json, path: Members) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            self._wrong(path, "value-not-allowed", "must be an integer above 0")

    def _path(self, text: Json, path: Members, roots: frozenset[Root]) -> Path | None:
        if not isinstance(text, str) or not text.strip():
            self._missing(path, text, "a path such as `$snap.input`")
            return None
        try:
            return parse_path(text, roots, self._dialect.paths)
        except PathSyntaxError as error:
            self._wrong(path, "path-syntax", str(error))
            return None


def _blank(value: Json) -> bool:
    return not isinstance(value, str) or not value.strip()
