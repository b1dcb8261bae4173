"""Where a rule behaves differently here than in the toolkit (section 7.9)."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from acs_sidecar.engines.adapters.agt_rules.condition.tree import (
    And,
    Condition,
    Constant,
    Has,
    Name,
    Operator,
    Or,
    Test,
    Truth,
    path_text,
    tests_of,
    text_of,
)
from acs_sidecar.engines.adapters.agt_rules.documents.model import Action, AgtRule, RuleDocument
from acs_sidecar.engines.adapters.agt_rules.migration.toolkit_reading import (
    is_never,
    toolkit_reading,
)
from acs_sidecar.engines.adapters.agt_rules.names import ACTION_NAMES
from acs_sidecar.engines.adapters.agt_rules.ordering import Strategy, order_key
from acs_sidecar.spec.points import TOOL_POINTS
from acs_sidecar.spec.values import Json

__all__ = ["TEXTS", "RuleDifference", "ToolkitDifference", "policy_differences", "rule_differences"]


class ToolkitDifference(StrEnum):
    """One row of the table of section 7.9."""

    UNREAD_CONDITION = "unread_condition"
    MISREAD_CONDITION = "misread_condition"
    UNDECIDED = "undecided"
    EXPRESSION = "expression"
    ACTION = "action"
    UNBOUND_NAME = "unbound_name"
    YAML = "yaml"
    ALIAS = "alias"
    LOG = "log"
    LIMIT = "limit"
    APPROVERS = "approvers"
    CLOCK = "clock"
    SEALED = "sealed"
    AGENTS = "agents"
    TIES = "ties"
    DEFAULT = "default"


TEXTS: dict[ToolkitDifference, str] = {
    ToolkitDifference.UNREAD_CONDITION: "the toolkit cannot read the condition: the rule never matches there",
    ToolkitDifference.MISREAD_CONDITION: "the toolkit reads another condition",
    ToolkitDifference.UNDECIDED: "a field that is missing or of another type restricts here",
    ToolkitDifference.EXPRESSION: "regular expressions are RE2, and match texts inside lists and objects",
    ToolkitDifference.ACTION: "the action is the tool's name; there an argument, which `context` can bind",
    ToolkitDifference.UNBOUND_NAME: "nothing provides the name: the manifest binds it; there it is missing",
    ToolkitDifference.YAML: "texts are YAML 1.2 here and YAML 1.1 there",
    ToolkitDifference.ALIAS: "the toolkit refuses to load the action",
    ToolkitDifference.LOG: "the rule decides nothing here; there it wins by priority",
    ToolkitDifference.LIMIT: "the host counts, and a missing count denies; there the engine counts in memory",
    ToolkitDifference.APPROVERS: "only the named approvers can approve; there the list is shown",
    ToolkitDifference.CLOCK: "the time is that of the snapshot, not the host's",
    ToolkitDifference.SEALED: "no rule of a child passes it; there a higher priority does",
    ToolkitDifference.AGENTS: "a document without agents is for every agent; there for none",
    ToolkitDifference.TIES: "of equal priorities the strictest action decides; there the first rule",
    ToolkitDifference.DEFAULT: "any document that denies by default denies; there the first one decides",
}

_ALIASES = frozenset({"escalate", "rate_limit"})
_INTERPRETED = ("condition", "action", "stage", "priority", "limit", "enabled", "dynamic_condition")
_NEEDS_VALUE_A = frozenset({Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE})
_NEEDS_VALUE_B = _NEEDS_VALUE_A | {Operator.NOT_IN}
_EXPRESSIONS = frozenset({Operator.MATCHES, Operator.NOT_MATCHES})


@dataclass(frozen=True, slots=True)
class RuleDifference:
    """A difference, and what of the rule or of the policy it is about, where that says more."""

    kind: ToolkitDifference
    about: str = ""

    def __str__(self) -> str:
        return f"{TEXTS[self.kind]}: {self.about}" if self.about else TEXTS[self.kind]


def rule_differences(
    rule: AgtRule, document: RuleDocument, *, sealed: bool, bound: Collection[str]
) -> Iterator[RuleDifference]:
    """Yield the differences that a rule meets.

    `sealed` tells that a document inherits it, `bound` are the names that the manifest has to bind.
    """
    yield from _reading(rule, document)
    if undecided := list(dict.fromkeys(_undecided(rule.condition, by_field=document.by_field))):
        yield RuleDifference(ToolkitDifference.UNDECIDED, ", ".join(undecided))
    if any(isinstance(test, Test) and test.operator in _EXPRESSIONS for test in tests_of(rule.condition)):
        yield RuleDifference(ToolkitDifference.EXPRESSION)
    if actions := [*_actions(rule)]:
        yield RuleDifference(ToolkitDifference.ACTION, ", ".join(f"`{name}`" for name in actions))
    if bound:
        yield RuleDifference(ToolkitDifference.UNBOUND_NAME, ", ".join(f"`{name}`" for name in bound))
    if members := [*_read_as_yaml_1_1(rule)]:
        yield RuleDifference(ToolkitDifference.YAML, ", ".join(f"`{name}`" for name in members))
    spelled = rule.at.member("action").value
    if document.by_field and spelled in _ALIASES:
        yield RuleDifference(ToolkitDifference.ALIAS, f"`{spelled}`")
    if rule.action is Action.LOG:
        yield RuleDifference(ToolkitDifference.LOG)
    if rule.limit is not None:
        yield RuleDifference(ToolkitDifference.LIMIT)
    if rule.approvers:
        yield RuleDifference(ToolkitDifference.APPROVERS)
    if rule.clock is not None:
        yield RuleDifference(ToolkitDifference.CLOCK)
    if sealed and rule.action.restricts:
        yield RuleDifference(ToolkitDifference.SEALED)


def policy_differences(documents: Sequence[RuleDocument], strategy: Strategy) -> Iterator[RuleDifference]:
    """Yield the differences of how the rules of several documents are put together."""
    without = [
        document.name
        for document in documents
        if document.name and not document.agents and not document.by_field
    ]
    if without:
        yield RuleDifference(ToolkitDifference.AGENTS, ", ".join(f"`{name}`" for name in without))
    if tied := list(dict.fromkeys(_tied(documents, strategy))):
        yield RuleDifference(ToolkitDifference.TIES, ", ".join(f"`{name}`" for name in tied))
    if len({document.allows_by_default for document in documents}) > 1:
        denying = [document.name for document in documents if not document.allows_by_default]
        yield RuleDifference(ToolkitDifference.DEFAULT, ", ".join(f"`{name}`" for name in denying))


def _reading(rule: AgtRule, document: RuleDocument) -> Iterator[RuleDifference]:
    """Compare the condition with what the toolkit makes of it."""
    given = rule.at.member("condition").value
    if isinstance(given, str) and not document.by_field:
        reading = toolkit_reading(given)
        if _flattened(reading) == _flattened(rule.condition):
            return
        if is_never(reading):
            yield RuleDifference(ToolkitDifference.UNREAD_CONDITION)
        else:
            yield RuleDifference(ToolkitDifference.MISREAD_CONDITION, f"`{text_of(reading)}`")
    elif isinstance(given, dict) and document.by_field:
        field = given.get("field")
        if isinstance(field, str) and not field.isidentifier():
            yield RuleDifference(ToolkitDifference.MISREAD_CONDITION, f"one member called `{field}`")
    elif given is not None:  # a rule without one is refused, there as here
        yield RuleDifference(ToolkitDifference.UNREAD_CONDITION)


def _flattened(condition: Condition) -> Condition:
    """Return a condition without an `and` directly in an `and`, or an `or` in an `or`."""
    if not isinstance(condition, And | Or):
        return condition
    kind = type(condition)
    parts: list[Condition] = []
    for part in map(_flattened, condition.parts):
        parts.extend(part.parts if isinstance(part, And | Or) and type(part) is kind else (part,))
    return kind(tuple(parts))


def _undecided(condition: Condition, *, by_field: bool) -> Iterator[str]:
    """Yield the quoted paths of tests that are undecided where the toolkit's are true or false.

    A missing field matters to orders and negations; one of another type to every test.
    """
    for test in tests_of(condition):
        match test:
            case Test(name, operator, operand):
                needs_value = operator in (_NEEDS_VALUE_B if by_field else _NEEDS_VALUE_A)
                if operator is not Operator.MATCHES:
                    yield f"`{path_text(name.segments)}`" + ("" if needs_value else " (of another type only)")
                if isinstance(operand, Name):
                    yield f"`{path_text(operand.segments)}`"
            case Truth(name):
                yield f"`{path_text(name.segments)}` (of another type only)"
            case Has() | Constant():
                pass


def _actions(rule: AgtRule) -> Iterator[str]:
    """Yield the names of a rule that are the tool's name here, and an argument of the call in the toolkit."""
    if rule.point in TOOL_POINTS:
        read = dict.fromkeys(path_text(placed.name.segments) for placed in rule.names)
        yield from (name for name in read if name in ACTION_NAMES)


def _read_as_yaml_1_1(rule: AgtRule) -> Iterator[str]:
    """Yield the members of a rule that YAML 1.1 reads otherwise."""
    old = rule.at.source.value_in_yaml_1_1
    read: object = old
    for segment in rule.at.path:
        if isinstance(read, dict):
            read = read.get(segment)
        elif isinstance(read, list) and isinstance(segment, int) and segment < len(read):
            read = read[segment]
        else:
            return
    given: Json = rule.at.value
    if isinstance(read, dict) and isinstance(given, dict):
        yield from (name for name in _INTERPRETED if read.get(name) != given.get(name))


def _tied(documents: Sequence[RuleDocument], strategy: Strategy) -> Iterator[str]:
    """Yield the names of rules of one point that only their actions put in order."""
    if strategy is Strategy.PRIORITY_FIRST_MATCH:
        return
    key = order_key(strategy)
    ranks: dict[tuple[object, ...], list[AgtRule]] = defaultdict(list)
    for document in documents:
        for rule in document.rules:
            ranks[rule.point, *key(rule)[:-1]].append(rule)
    for rules in ranks.values():
        if len({rule.action for rule in rules if rule.action is not Action.LOG}) > 1:
            yield from (rule.name for rule in rules if rule.action is not Action.LOG)
