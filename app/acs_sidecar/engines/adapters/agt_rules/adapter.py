"""The adapter: a policy of rule documents, compiled once and bound to points (section 7)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from acs_sidecar.engines.adapters.agt_rules.agents import agent_matcher
from acs_sidecar.engines.adapters.agt_rules.closures import Check, Compiler, Frame
from acs_sidecar.engines.adapters.agt_rules.condition.tree import path_text
from acs_sidecar.engines.adapters.agt_rules.coverage import RuleCoverage
from acs_sidecar.engines.adapters.agt_rules.definition import RulesDefinition, read_definition
from acs_sidecar.engines.adapters.agt_rules.documents.findings import Findings
from acs_sidecar.engines.adapters.agt_rules.documents.merging import ActiveRule, merged_rules
from acs_sidecar.engines.adapters.agt_rules.documents.model import Action, AgtRule, RuleDocument
from acs_sidecar.engines.adapters.agt_rules.documents.reader import read_documents
from acs_sidecar.engines.adapters.agt_rules.evaluator import AppliedDocument, RuleEvaluator
from acs_sidecar.engines.adapters.agt_rules.evidence import default_evidence, rule_evidence
from acs_sidecar.engines.adapters.agt_rules.expressions import Searches
from acs_sidecar.engines.adapters.agt_rules.guards import Rings, RuleGuard, TrustScore
from acs_sidecar.engines.adapters.agt_rules.lints import (
    doubtful_literals,
    malformed_tools,
    open_operands,
    policy_lints,
    replaced_names,
    searches_in_lists,
    undeclared_members,
    unread_context,
)
from acs_sidecar.engines.adapters.agt_rules.members import MEMBERS
from acs_sidecar.engines.adapters.agt_rules.names import Names, UnknownNameError, needs_tool
from acs_sidecar.engines.adapters.agt_rules.ordering import order_key
from acs_sidecar.engines.adapters.agt_rules.rings import agent_facts
from acs_sidecar.engines.adapters.agt_rules.rule_index import BoundRule, RuleIndex
from acs_sidecar.engines.adapters.agt_rules.shadows import shadowed
from acs_sidecar.engines.adapters.agt_rules.stages import with_points
from acs_sidecar.engines.adapters.agt_rules.values import Source
from acs_sidecar.engines.findings import invalid
from acs_sidecar.evaluators import (
    CompileRequest,
    Diagnostic,
    ManifestError,
    PointBinding,
)
from acs_sidecar.spec.manifest.declaration import MemberTable
from acs_sidecar.spec.points import TOOL_POINTS, InterventionPoint
from acs_sidecar.spec.policy_statement import HostCounter, PolicyStatement, Window

__all__ = ["AgtRulesAdapter", "adapter"]


class AgtRulesAdapter:
    """The adapter; with `coverage` its policies report which rules they reach."""

    name = "agt_rules"
    inline_safe = True

    def __init__(self, coverage: RuleCoverage | None = None) -> None:
        self._coverage = coverage

    @property
    def members(self) -> MemberTable:
        return MEMBERS

    def compile(self, request: CompileRequest) -> "AgtRulesPolicy":
        """Read the documents, merge parents into children, and resolve every name."""
        definition = read_definition(request.path, request.definition, request.manifest.dialect)
        findings, searches = Findings(), Searches()
        documents, listed = read_documents(
            request.path, request.definition, request.sources, findings, searches
        )
        names = Names(
            definition.context,
            definition.named_arguments,
            agent_facts(definition.rings),
            definition.rings.name if request.manifest.dialect.agent_contexts else None,
        )
        documents = [with_points(document, names, findings) for document in documents]
        rules = merged_rules(documents, listed, findings)
        if definition.errors or findings.errors:
            raise ManifestError([*definition.errors, *findings.errors, *findings.warnings])
        every = [active.rule for active in rules]
        findings.warnings.extend(definition.warnings)
        findings.warnings.extend(doubtful_literals(every))
        findings.warnings.extend(searches_in_lists(names, every))
        findings.warnings.extend(unread_context(request.path, names, every))
        findings.warnings.extend(replaced_names(request.path, names, every))
        return AgtRulesPolicy(
            request=request,
            definition=definition,
            names=names,
            documents=documents[:listed],
            rules=rules,
            searches=searches,
            findings=findings,
            coverage=self._coverage,
        )


class AgtRulesPolicy:
    """Documents that are read and checked; each point has its own order of its own rules."""

    def __init__(
        self,
        *,
        request: CompileRequest,
        definition: RulesDefinition,
        names: Names,
        documents: Sequence[RuleDocument],
        rules: Sequence[ActiveRule],
        searches: Searches,
        findings: Findings,
        coverage: RuleCoverage | None,
    ) -> None:
        self._request = request
        self._definition = definition
        self._names = names
        self._rules = [active for active in rules if active.rule.enabled]
        self._searches = searches
        self._documents = tuple(
            AppliedDocument(
                document.name,
                document.allows_by_default,
                agent_matcher(document.agents) if document.agents else None,
                default_evidence(document.name, document.version),
            )
            for document in documents
        )
        self._findings = findings
        self._coverage = coverage
        if coverage is not None:
            coverage.watch(request.path, self.rules)
        self._bound: list[PointBinding] = []
        self._shadowed: list[Diagnostic] = []

    @property
    def statement(self) -> PolicyStatement:
        """Lint findings, those of the points that are bound included, and the counters that limits read."""
        lints = policy_lints(
            self._request,
            self._definition.named_arguments,
            self._rules,
            self._bound,
            self._guarded,
        )
        undeclared = undeclared_members(self._request.manifest.tools, self._names, self._rules)
        malformed = malformed_tools(self._request.manifest.tools, self._definition.guards)
        operands = open_operands(self._names, self._rules) if self._definition.named_arguments else ()
        counters = (
            HostCounter("agt", active.rule.key, Window(active.rule.limit.window))
            for active in self._rules
            if active.rule.limit is not None
        )
        return PolicyStatement(
            warnings=(*self._findings.warnings, *lints, *undeclared, *malformed, *operands, *self._shadowed),
            counters=tuple(counters),
        )

    @property
    def rules(self) -> Sequence[AgtRule]:
        """The rules that can decide or log, for whoever reports about them."""
        return [active.rule for active in self._rules]

    def bind(self, binding: PointBinding) -> RuleEvaluator:
        """Order and compile the rules of one point. Raises `ManifestError`."""
        guards = self._guards(binding)
        compiler = Compiler(
            lambda name: self._names.source(name, binding.point, binding.annotations), self._searches
        )
        active = [each for each in self._rules if each.rule.point is binding.point]
        active.sort(key=lambda each: order_key(self._definition.strategy)(each.rule))
        self._check_names(binding, active)
        self._shadowed.extend(shadowed(active))
        bound = [_bound(each, compiler, self._names.timestamp) for each in active]
        sealed = [
            replace(rule, through=each.sealed, overridden=0)
            for action in (Action.DENY, Action.REQUIRE_APPROVAL, Action.WARN, Action.ALLOW)
            for rule, each in zip(bound, active, strict=True)
            if each.sealed and each.rule.action is action
        ]
        self._bound.append(binding)
        return RuleEvaluator(
            compiler,
            self._documents,
            guards,
            RuleIndex([rule for rule in bound if rule.rule.action is not Action.LOG], compiler),
            RuleIndex(sealed, compiler),
            RuleIndex([rule for rule in bound if rule.rule.action is Action.LOG], compiler),
            self._definition.rings.name,
            partial(self._coverage.reached, self._request.path) if self._coverage else None,
            self._request.manifest.dialect.adapter_output,
        )

    def _guarded(self, point: InterventionPoint) -> bool:
        return any(_holds_at(guard, point) for guard in self._definition.guards)

    def _check_names(self, binding: PointBinding, active: Sequence[ActiveRule]) -> None:
        """Raise `ManifestError` for names that read annotations or a tool which the point does not bind."""
        findings = Findings()
        for each in active:
            for name in each.rule.names:
                try:
                    source = self._names.source(name.name, binding.point, binding.annotations)
                except UnknownNameError as error:
                    findings.error("agt-name-unknown", str(error), name.at, name.name.offset)
                    continue
                if needs_tool(source) and not binding.projects_tool:
                    text = path_text(name.name.segments)
                    message = (
                        f"`{text}` reads the manifest's `tools`: set `tool_name_from` at `{binding.point}`, "
                        "or write `args.x` for an argument of the call"
                    )
                    findings.error("agt-tool-unprojected", message, name.at, name.name.offset)
        if findings.errors:
            raise ManifestError(findings.errors)

    def _guards(self, binding: PointBinding) -> tuple[RuleGuard, ...]:
        """Return the guards that hold at a point. Raises `ManifestError` where one needs a tool."""
        guards = tuple(guard for guard in self._definition.guards if _holds_at(guard, binding.point))
        raised = any("min_trust_score" in tool for tool in self._request.manifest.tools.values())
        for guard in guards:
            asks_tool = isinstance(guard, Rings) or (isinstance(guard, TrustScore) and raised)
            if asks_tool and binding.point in TOOL_POINTS and not binding.projects_tool:
                message = (
                    f"the guard `{guard.name}` needs to know the tool: set `tool_name_from` at the point"
                )
                raise invalid("agt-tool-unprojected", message, binding.path)
        return guards


def _holds_at(guard: RuleGuard, point: InterventionPoint) -> bool:
    if isinstance(guard, Rings):
        return point in TOOL_POINTS
    return point is not InterventionPoint.AGENT_SHUTDOWN


def _bound(active: ActiveRule, compiler: Compiler, timestamp: Source) -> BoundRule:
    rule = active.rule
    return BoundRule(
        rule,
        _check(rule, compiler, timestamp),
        rule.action.restricts,
        active.through,
        active.overridden,
        rule_evidence(rule),
        active.lineage,
    )


def _check(rule: AgtRule, compiler: Compiler, time: Source) -> Check:
    """Compile a rule's condition, and its clock where it has one."""
    check = compiler.check(rule.condition)
    if rule.clock is None:
        return check
    clock, timestamp = rule.clock, compiler.read(time)

    def within(frame: Frame) -> bool | None:
        result = check(frame)
        if result is False:
            return False
        holds = clock.holds(timestamp(frame))
        return False if holds is False else None if holds is None else result

    return within


adapter = AgtRulesAdapter()
