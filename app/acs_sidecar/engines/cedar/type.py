"""The `cedar` policy type: Cedar policies over a snapshot, evaluated in this process (section 1.7.1)."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.admission import ContextAdmission
from acs_sidecar.engines.cedar.context import ContextSource, agent_context, default_context, undeclared
from acs_sidecar.engines.cedar.context_lint import BoundContext, unknown_members
from acs_sidecar.engines.cedar.definition import read_definition
from acs_sidecar.engines.cedar.entities import compile_entities, entity_ancestors
from acs_sidecar.engines.cedar.explanation.policies import CedarRequest, policies_explained
from acs_sidecar.engines.cedar.policies import Policies, compile_policies
from acs_sidecar.engines.cedar.query import Query, binding_query
from acs_sidecar.engines.cedar.reads import Reads
from acs_sidecar.engines.cedar.schema.source import compile_schema
from acs_sidecar.engines.cedar.slicing.answers import PolicySlice
from acs_sidecar.engines.cedar.slicing.reach import BoundRequest, unreachable
from acs_sidecar.engines.cedar.slicing.slices import PolicySlices
from acs_sidecar.engines.cedar.stock.library import CedarLibrary, PointFacts, cedar_library, is_of_library
from acs_sidecar.engines.cedar.syntax import EntityUid
from acs_sidecar.engines.cedar.uids import AgentOfSnapshot, EngineUid, FixedUid, ProjectedTool, UidSource
from acs_sidecar.engines.cedar.values import (
    Convert,
    may_not_convert,
    mentions_escape,
    plain,
    refuse_escapes,
    unfit,
)
from acs_sidecar.engines.findings import SourceLocation, invalid
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.manifest.lints import unread_annotation
from acs_sidecar.spec.policy_statement import PolicyStatement
from acs_sidecar.spec.ports import (
    CompileRequest,
    Evaluator,
    PointBinding,
    PolicyInput,
    PolicyOutput,
    PolicyType,
)
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["CEDAR", "CedarEvaluator"]

_UNSPECIFIED = "unspecified"


class _CedarType:
    @property
    def bind_members(self) -> frozenset[str]:
        return frozenset({"query", "principal", "action", "resource", "context"})

    def compile(self, request: CompileRequest) -> "_CedarPolicy":
        """Compile the schema, then entities and policies against it."""
        dialect = request.manifest.dialect
        given = read_definition(
            request.path, request.definition, request.sources, fixed_request=dialect.agent_contexts
        )
        schema = compile_schema(given.schema) if given.schema else None
        handle = schema.handle if schema else None
        entities = compile_entities(given.entities, handle)
        alone = not given.policies
        library = cedar_library(request.path, request.definition, request.sources, entities, alone=alone)
        texts = library.texts(dialect.paths.target_root) if library else ()
        policies = compile_policies((*given.policies, *texts), given.links, schema, dialect)
        admission = (
            ContextAdmission(schema.declarations, policies.reads, exact=dialect.agent_contexts)
            if schema
            else None
        )
        slices = PolicySlices(policies.scoped, policies.whole, entity_ancestors(entities))
        return _CedarPolicy(
            request.path,
            policies,
            slices,
            entities,
            admission,
            given.query,
            request.manifest.tools,
            dialect,
            library,
        )


@dataclass(frozen=True, slots=True)
class _CedarPolicy:
    path: str
    policies: Policies
    slices: PolicySlices
    entities: engine.Entities
    admission: ContextAdmission | None
    query: Query
    tools: Mapping[str, JsonObject]
    dialect: Dialect
    library: CedarLibrary | None
    binding_warnings: list[Diagnostic] = field(default_factory=list)
    bound: list[BoundRequest] = field(default_factory=list)
    contexts: list[BoundContext | None] = field(default_factory=list)

    @property
    def statement(self) -> PolicyStatement:
        dead = unreachable(self.policies.scoped, self.bound, self.tools, self.slices.ancestors)
        found = (*self.policies.warnings, *dead, *self._unknown(), *self.binding_warnings)
        if self.library is None:
            return PolicyStatement(found)
        own = (one for one in found if not is_of_library(SourceLocation(one.path or "", one.source)))
        stock = self.library.stock
        added = (*stock.unbound(), *stock.lints(self.tools))
        return PolicyStatement((*own, *added), annotators=(*stock.own,))

    def _unknown(self) -> Iterator[Diagnostic]:
        known = [one for one in self.contexts if one is not None]
        if self.admission is None and len(known) == len(self.contexts):
            yield from unknown_members(self.policies.reads, known, self.policies.scoped, self.path)

    def bind(self, binding: PointBinding) -> Evaluator:
        """Fix where each part of the request comes from, and hold the types against the schema."""
        if self.dialect.agent_contexts:
            _check_fixed(binding)
        query = binding_query(binding.members, binding.path).over(self.query)
        principal = query.principal or AgentOfSnapshot(self.dialect)
        action = query.action or FixedUid(EntityUid("Action", binding.point.value))
        resource = query.resource or _default_resource(binding)
        if self.admission and isinstance(action, FixedUid):
            _check_types(
                self.admission,
                binding.path,
                principal,
                action.uid,
                resource,
                fixed=self.dialect.agent_contexts,
            )
        self.bound.append(BoundRequest(principal, action, resource))
        self.contexts.append(_bound_context(binding, query, self.dialect))
        decimals = self._decimals(query, action, binding.path)
        self.binding_warnings.extend(
            found
            for found in _unread_annotations(binding, query, self.policies.reads)
            if self.library is None or not self.library.reads(str(found.path).rpartition(".")[2])
        )
        return CedarEvaluator(
            self.slices,
            self.entities,
            principal,
            action,
            resource,
            self._context(query),
            self.admission,
            undeclared(self.policies.reads, decimals),
            self.library.at_point(binding) if self.library else None,
            alone=self.library is not None and self.library.alone,
        )

    def _context(self, query: Query) -> ContextSource:
        if query.context:
            return query.context.source
        return agent_context if self.dialect.agent_contexts else default_context

    def _decimals(self, query: Query, action: UidSource, path: str) -> list[tuple[str | int, ...]]:
        here = f"{path}.query.decimals"
        for place in query.decimals or ():
            if place.by_input and query.context:
                raise invalid(
                    "path-forbidden", "must start at `context`, since the manifest sets `context`", here
                )
            if not self.admission or not isinstance(action, FixedUid):
                continue
            if not self.admission.may_be_decimal(action.uid, place.segments):
                raise invalid("value-not-allowed", "the schema does not declare `decimal` there", here)
        return [place.segments for place in query.decimals or ()]


@dataclass(frozen=True, slots=True)
class CedarEvaluator:
    slices: PolicySlices
    entities: engine.Entities
    principal: UidSource
    action: UidSource
    resource: UidSource
    context: ContextSource
    admission: ContextAdmission | None
    undeclared: Convert
    library: PointFacts | None = None
    alone: bool = field(default=False, kw_only=True)

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Build the request and ask the engine."""
        policies, answer, request = self._ask(policy_input)
        output = policies.output(answer, policy_input.value)
        if self.library is None:
            return output
        return replace(output, value=self.library.labelled(output.value, request.context))

    def explain(self, policy_input: PolicyInput) -> dict[str, Json]:
        """Return the request, the policies that decided, and which conditions of the others did not hold."""
        policies, answer, request = self._ask(policy_input)
        meeting = self.slices.meeting(request.principal, request.action, request.resource)
        determining = frozenset(policies.by_id[one].position for one in answer["diagnostics"]["reason"])
        return policies_explained(request, meeting, determining)

    def _ask(self, policy_input: PolicyInput) -> tuple[PolicySlice, dict[str, Any], CedarRequest]:
        """Return the policies that were asked, the engine's answer, and the request."""
        given = policy_input.value
        principal = self.principal.resolve(given)
        action = self.action.resolve(given)
        resource = self.resource.resolve(given)
        context: Json = {} if self.alone else self._converted(policy_input, principal, action, resource)
        if self.library is not None and isinstance(context, dict):
            context = {**context, "agt": self.library.of(given, resource)}
        policies = self.slices.applicable(principal, action, resource)
        request = CedarRequest(self.entities, principal, action, resource, context)
        return policies, request.put_to(policies.handle), request

    def _converted(
        self, policy_input: PolicyInput, principal: EngineUid, action: EngineUid, resource: EngineUid
    ) -> Json:
        given = policy_input.value
        context = self.context(given)
        if not isinstance(context, dict):
            raise unfit("the `context` of the manifest is not an object")
        if self.admission is None:
            if may_not_convert(policy_input.canonical):
                refuse_escapes(dict(given))
                plain(context)
            return self.undeclared(context)
        if mentions_escape(policy_input.canonical):
            refuse_escapes(dict(given))
        return self.admission.admit(principal, action, resource)(context)


def _unread_annotations(binding: PointBinding, query: Query, reads: Reads) -> Iterator[Diagnostic]:
    """Remark on annotations of the point that no policy reads, where the manifest maps none itself."""
    given = canonical([binding.definition.get("query"), dict(binding.members)])
    if query.context is not None or b"annotations" in given:
        return
    read = reads.at("annotations")
    for name in binding.annotations:
        if not read.whole and name not in read.members:
            yield unread_annotation(binding.path, name)


def _check_fixed(binding: PointBinding) -> None:
    """Raise `ManifestError` for a binding that says more than which policy it is to."""
    for name in sorted(binding.members):
        message = "a binding to a `cedar` policy has only `id` from 0.4 on: remove it"
        raise invalid("member-not-allowed", message, f"{binding.path}.{name}")


def _bound_context(binding: PointBinding, query: Query, dialect: Dialect) -> BoundContext | None:
    """Return what is known of the context; `None` where it is all that is at a path."""
    if query.context and query.context.members is None:
        return None
    members = query.context.members if query.context else None
    return BoundContext(
        members,
        frozenset(binding.annotations),
        binding.projects_tool,
        snapshot_alone=dialect.agent_contexts,
    )


def _default_resource(binding: PointBinding) -> UidSource:
    if binding.projects_tool:
        return ProjectedTool()
    return FixedUid(EntityUid("PolicyTarget", binding.target_kind or _UNSPECIFIED))


def _check_types(
    admission: ContextAdmission,
    path: str,
    principal: UidSource,
    action: EntityUid,
    resource: UidSource,
    *,
    fixed: bool,
) -> None:
    """Find at compile what could only fail at every request; `fixed` where no `query` can change it."""
    declared = admission.actions.get(action)
    if declared is None:
        message = f"the schema declares no action `{action}`: declare it, or set another `action`"
        raise invalid("cedar-action-undeclared", message, path)
    for part, source, types in (
        ("principal", principal, declared.principals),
        ("resource", resource, declared.resources),
    ):
        if source.known_type is not None and source.known_type not in types:
            listed = ", ".join(f"`{name}`" for name in sorted(types)) or "nothing"
            message = (
                f"the schema does not let `{action}` apply to the {part} type `{source.known_type}`: "
                f"it applies to {listed}; add the type to it"
            )
            if not fixed:
                message += f", or set `query.{part}`{_example(part, types)}"
            raise invalid("cedar-action-not-applicable", message, path)
    if declared.unfillable:
        message = (
            f"the schema requires the entity `{declared.unfillable}` for `{action}`, and no request can fill "
            "it: make it optional, or read it from the entities"
        )
        raise invalid("cedar-context-unfillable", message, path)


def _example(part: str, types: Collection[str]) -> str:
    """Return a principal of a type that the schema has; what a resource is called, nobody knows here."""
    if part == "resource" or not types:
        return ""
    return f", such as `{{type: {min(types)}, id: $snap.envelope.agent.id}}`"


CEDAR: PolicyType = _CedarType()
