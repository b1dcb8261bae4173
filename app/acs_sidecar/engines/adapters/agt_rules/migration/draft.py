"""A policy drafted for documents that were written for the toolkit (sections 7.8, 7.9)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from acs_sidecar.engines.adapters.agt_rules.condition.tree import Name, path_text
from acs_sidecar.engines.adapters.agt_rules.documents.findings import Findings
from acs_sidecar.engines.adapters.agt_rules.documents.merging import merged_rules
from acs_sidecar.engines.adapters.agt_rules.documents.model import Action, AgtRule, RuleDocument
from acs_sidecar.engines.adapters.agt_rules.documents.reader import read_documents
from acs_sidecar.engines.adapters.agt_rules.migration.differences import (
    RuleDifference,
    policy_differences,
    rule_differences,
)
from acs_sidecar.engines.adapters.agt_rules.names import ACTION_NAMES, Names, needs_tool
from acs_sidecar.engines.adapters.agt_rules.ordering import Strategy
from acs_sidecar.engines.adapters.agt_rules.rings import AgentRings, agent_facts
from acs_sidecar.engines.adapters.agt_rules.stages import INFERRED, with_points
from acs_sidecar.engines.adapters.agt_rules.values import Source
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.path import parse_path
from acs_sidecar.spec.points import TOOL_POINTS, InterventionPoint
from acs_sidecar.spec.ports import SourceReader
from acs_sidecar.spec.values import Json

__all__ = ["DraftedDocument", "DraftedRule", "PolicyDraft", "draft"]


@dataclass(frozen=True, slots=True)
class DraftedRule:
    """A rule, the names that the draft binds for it, and where it behaves differently than in the toolkit."""

    rule: AgtRule
    bound: tuple[str, ...]
    differences: tuple[RuleDifference, ...]


@dataclass(frozen=True, slots=True)
class DraftedDocument:
    """A document and its rules."""

    document: RuleDocument
    rules: tuple[DraftedRule, ...]


@dataclass(frozen=True, slots=True)
class PolicyDraft:
    """A policy over `paths`: `context` gives each name that nothing provides a path in the snapshot.

    `documents` are those of the paths and behind them the parents that they name by a path. At `tool_points`
    rules read what the manifest says of the tool.
    """

    paths: tuple[str, ...]
    strategy: Strategy
    documents: tuple[DraftedDocument, ...]
    context: Mapping[str, str]
    points: tuple[InterventionPoint, ...]
    tool_points: frozenset[InterventionPoint]
    differences: tuple[RuleDifference, ...]

    @property
    def definition(self) -> dict[str, Json]:
        """The policy's definition."""
        definition: dict[str, Json] = {
            "type": "custom",
            "adapter": "agt_rules",
            "documents": list(self.paths),
            "conflict_strategy": self.strategy.value,
        }
        return {**definition, "context": dict(self.context)} if self.context else definition

    @property
    def action_names(self) -> tuple[str, ...]:
        """The names of the action that rules read, which are the tool's name where nothing binds them."""
        read = {
            path_text(placed.name.segments)
            for document in self.documents
            for drafted in document.rules
            if drafted.rule.point in TOOL_POINTS
            for placed in drafted.rule.names
        }
        return tuple(name for name in ACTION_NAMES if name in read)

    @property
    def escalates(self) -> bool:
        """True if a rule asks for an approval."""
        return any(
            drafted.rule.action is Action.REQUIRE_APPROVAL
            for document in self.documents
            for drafted in document.rules
        )


def draft(paths: Sequence[str], sources: SourceReader, strategy: Strategy | None = None) -> PolicyDraft:
    """Draft a policy over rule documents. Raises `ManifestError` where a text cannot be read.

    What is wrong with a document is found when the draft is compiled. Without a `strategy` it is that of the
    toolkit's engine for the documents' form.
    """
    unheard = Findings()
    read, listed = read_documents("policies.agt", {"documents": list(paths)}, sources, unheard, {})
    context = _context(read)
    documents = [with_points(document, _names(context), unheard) for document in read]
    sealed = {active.rule.key for active in merged_rules(documents, listed, unheard) if active.sealed}
    if strategy is None:
        by_field = all(document.by_field for document in documents)
        strategy = Strategy.PRIORITY_FIRST_MATCH if by_field else Strategy.DENY_OVERRIDES
    points = {rule.point for document in documents for rule in document.rules if rule.enabled}
    return PolicyDraft(
        tuple(paths),
        strategy,
        tuple(
            DraftedDocument(
                document, tuple(_drafted(rule, document, context, sealed) for rule in document.rules)
            )
            for document in documents
        ),
        context,
        tuple(point for point in InterventionPoint if point in points) or (InterventionPoint.PRE_TOOL_CALL,),
        frozenset(_tool_points(documents, _names(context))),
        tuple(policy_differences(documents[:listed], strategy)),
    )


def _tool_points(documents: Sequence[RuleDocument], names: Names) -> Iterator[InterventionPoint]:
    """Yield the points at which a rule reads what the manifest says of the tool."""
    for rule in (rule for document in documents for rule in document.rules if rule.enabled):
        point = rule.point or InterventionPoint.PRE_TOOL_CALL
        known = [placed.name for placed in rule.names if not _is_unknown(names, placed.name.segments, point)]
        if any(needs_tool(names.source(name, point, None)) for name in known):
            yield point


def _drafted(
    rule: AgtRule, document: RuleDocument, context: Mapping[str, str], sealed: set[str]
) -> DraftedRule:
    names = _names({})
    point = rule.point or InterventionPoint.PRE_TOOL_CALL
    bound = dict.fromkeys(
        _context_name(placed.name.segments, names)
        for placed in rule.names
        if _is_unknown(names, placed.name.segments, point)
    )
    found = tuple(name for name in bound if name in context)
    differences = rule_differences(rule, document, sealed=rule.key in sealed, bound=found)
    return DraftedRule(rule, found, tuple(differences))


def _context(documents: Sequence[RuleDocument]) -> dict[str, str]:
    """Return a path for each name that nothing provides where its rule holds.

    Names that no point provides come first: which point a rule of form B holds at depends on the others. An
    entry holds at every point: a name that another rule reads where the table provides it has none, so that
    the rule which lacks it is refused, and not the other one changed.
    """
    context: dict[str, str] = {}
    table = _names({})
    for segments, points in _read_names(documents):
        if all(_is_unknown(table, segments, point) for point in points):
            context |= _entry(segments, table)
    names = _names(context)
    read = [*_placed_names(documents, names)]
    for segments, point in read:
        if _is_unknown(names, segments, point):
            context |= _entry(segments, names)
    provided = {
        _context_name(segments, table) for segments, point in read if not _is_unknown(table, segments, point)
    }
    return {name: path for name, path in context.items() if not _begins_one(name, provided)}


def _placed_names(
    documents: Sequence[RuleDocument], names: Names
) -> Iterator[tuple[tuple[str | int, ...], InterventionPoint]]:
    """Yield each name that a rule reads, and the point of the rule."""
    for document in documents:
        for rule in with_points(document, names, Findings()).rules:
            for placed in rule.names:
                yield placed.name.segments, rule.point or InterventionPoint.PRE_TOOL_CALL


def _begins_one(name: str, others: Collection[str]) -> bool:
    return any(other == name or other.startswith(f"{name}.") for other in others)


def _read_names(
    documents: Sequence[RuleDocument],
) -> Iterator[tuple[tuple[str | int, ...], tuple[InterventionPoint, ...]]]:
    for document in documents:
        for rule in document.rules:
            for placed in rule.names:
                yield placed.name.segments, (rule.point,) if rule.point else INFERRED


def _names(context: Mapping[str, str]) -> Names:
    sources = {name: Source((parse_path(path),)) for name, path in context.items()}
    return Names(sources, False, agent_facts(AgentRings()))


def _is_unknown(names: Names, segments: tuple[str | int, ...], point: InterventionPoint) -> bool:
    """True if nothing provides a name at a point that binds no annotation."""
    return names.find(Name(segments), point, ()) is None


def _entry(segments: tuple[str | int, ...], names: Names) -> dict[str, str]:
    name = _context_name(segments, names)
    return {name: f"$snap.{member_path(('context', *name.split('.')))}"}


def _context_name(segments: tuple[str | int, ...], names: Names) -> str:
    """Return how `context` names it: by its root, or in full where the root has a meaning of its own."""
    root = str(segments[0])
    if not names.is_builtin(root):
        return root
    plain: list[str] = []
    for segment in segments:
        if not isinstance(segment, str) or not segment.isidentifier():
            break
        plain.append(segment)
    return ".".join(plain)
