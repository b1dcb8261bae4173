"""What a reviewer would ask about valid rules (section 7.8). Everything here is a warning."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

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
)
from acs_sidecar.engines.adapters.agt_rules.documents.merging import ActiveRule
from acs_sidecar.engines.adapters.agt_rules.documents.model import Action, AgtRule
from acs_sidecar.engines.adapters.agt_rules.guards import RuleGuard, malformed_member
from acs_sidecar.engines.adapters.agt_rules.names import MAX_HINTS, Names
from acs_sidecar.engines.findings import SourceLocation, warning
from acs_sidecar.evaluators import CompileRequest, Diagnostic, PointBinding
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.path import Root
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import JsonObject

__all__ = [
    "doubtful_literals",
    "malformed_tools",
    "open_operands",
    "policy_lints",
    "replaced_names",
    "searches_in_lists",
    "undeclared_members",
    "unread_context",
]

_WHOLE_TEXTS = frozenset({Operator.EQ, Operator.NE, Operator.IN, Operator.NOT_IN})
_EXPRESSIONS = frozenset({Operator.MATCHES, Operator.NOT_MATCHES})
_LOOSE = _EXPRESSIONS | {Operator.CONTAINS, Operator.NOT_CONTAINS}
_ANCHORED = re.compile(r"(?:\(\?[A-Za-z]+\))*\(*(?:\^|\\A)")
_EXACT_TEXTS = _WHOLE_TEXTS | {
    Operator.STARTSWITH,
    Operator.NOT_STARTSWITH,
    Operator.ENDSWITH,
    Operator.NOT_ENDSWITH,
}
_GLOB = re.compile(r"(?=.*\*)(\*?)([\w.:/@-]*)(\*?)")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Zl", "Zp"})
_LESS = frozenset({Operator.LT, Operator.LE})
_NEGATIVE = frozenset(operator for operator in Operator if operator.value.startswith("not ")) | {Operator.NE}


def policy_lints(
    request: CompileRequest,
    named_arguments: bool,
    rules: Sequence[ActiveRule],
    bindings: Sequence[PointBinding],
    guarded: Callable[[InterventionPoint], bool],
) -> Iterator[Diagnostic]:
    """Yield the findings about rules and the points that bind them; `guarded` tells where a guard speaks."""
    if named_arguments:
        message = "`named` makes any misspelt name an argument: list what rules read in `context`"
        yield warning("agt-open-names", message, SourceLocation(f"{request.path}.arguments"))
    yield from _stages(rules, bindings, guarded)
    for active in rules:
        rule = active.rule
        if rule.action is Action.REQUIRE_APPROVAL and not request.manifest.can_escalate:
            message = "nobody resolves its escalation: set `approval.default_resolver`"
            yield warning("agt-approval-unresolvable", message, rule.at.member("action").at())
        if rule.action is Action.ALLOW and (name := _negative(rule.condition)):
            message = f"allows by what `{name.segments[0]}` is not: add `has(…)`, or list what is allowed"
            yield warning("agt-negative-allow", message, rule.at.member("condition").at())


def open_operands(names: Names, rules: Sequence[ActiveRule]) -> Iterator[Diagnostic]:
    """Yield a finding for each bare name that something is compared with, and that only an argument gives."""
    closed = replace(names, named_arguments=False)
    for rule in (active.rule for active in rules):
        for test in tests_of(rule.condition):
            operand = test.operand if isinstance(test, Test) else None
            if not isinstance(operand, Name) or len(operand.segments) > 1:
                continue
            if closed.find(operand, rule.point or InterventionPoint.PRE_TOOL_CALL, None) is None:
                word = operand.segments[0]
                message = (
                    f"compares with the argument `{word}`: write `'{word}'` for the text, or `args.{word}`"
                )
                yield warning("agt-open-operand", message, rule.at.member("condition").at())


def undeclared_members(
    tools: Mapping[str, JsonObject], names: Names, rules: Sequence[ActiveRule]
) -> Iterator[Diagnostic]:
    """Yield a finding for each name that reads a member which no tool of the manifest has."""
    declared = {"name", *(member for tool in tools.values() for member in tool)}
    for rule in (active.rule for active in rules):
        for placed in rule.names:
            source = names.source(placed.name, rule.point or InterventionPoint.PRE_TOOL_CALL, None)
            members = {path.segments[0] for path in source.paths if path.root is Root.TOOL and path.segments}
            missing = members - declared if len(members) == len(source.paths) and tools else members & _CALL
            for member in sorted(map(str, missing - declared)):
                message = (
                    f"no tool of the manifest has `{member}`, and `tool.{member}` reads the manifest: "
                    "declare it, or write `args.x` for an argument of the call"
                )
                yield warning("agt-tool-undeclared", message, placed.at.at())


def malformed_tools(tools: Mapping[str, JsonObject], guards: Sequence[RuleGuard]) -> Iterator[Diagnostic]:
    """Yield a finding for each member of a tool of which a guard can make nothing."""
    for name, tool in tools.items():
        for member in dict.fromkeys(malformed_member(guard, tool) for guard in guards):
            if member is not None:
                message = (
                    "is nothing that the guard knows, so that each call of the tool is denied: correct it"
                )
                place = SourceLocation(member_path(("tools", name, member)))
                yield warning("agt-tool-malformed", message, place)


_CALL = frozenset({"args", "arguments", "params"})
"""Members of a call that nobody declares of a tool."""


def doubtful_literals(rules: Sequence[AgtRule]) -> Iterator[Diagnostic]:
    """Yield a finding for each rule that compares with a text which hardly is what it looks like."""
    for rule in rules:
        doubts = (
            doubt for test in tests_of(rule.condition) if isinstance(test, Test) for doubt in _doubts(test)
        )
        for message in dict.fromkeys(doubts):
            yield warning("agt-literal-doubtful", message, rule.at.member("condition").at())


def unread_context(path: str, names: Names, rules: Sequence[AgtRule]) -> Iterator[Diagnostic]:
    """Yield a finding for each entry of `context` that no condition reads; `path` is that of the policy."""
    read = {placed.name: names.declared_name(placed.name) for rule in rules for placed in rule.names}
    unread = names.context.keys() - set(read.values())
    others = [path_text(name.segments) for name, entry in read.items() if entry is None]
    for place, name in enumerate(sorted(unread)):
        near = difflib.get_close_matches(name[:64], others, 1, 0.6) if place < MAX_HINTS else []
        hint = f", did you mean `{near[0]}`?" if near else ""
        message = f"no condition reads `{name[:64]}`{hint}: correct the name, or remove the entry"
        yield warning(
            "agt-context-unread", message, SourceLocation(f"{path}.{member_path(('context', name))}")
        )


def replaced_names(path: str, names: Names, rules: Sequence[AgtRule]) -> Iterator[Diagnostic]:
    """Yield a finding for each entry of `context` which takes from a rule what the table has for it.

    `path` is that of the policy.
    """
    table = replace(names, context={}, named_arguments=False)
    readers: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for rule in rules:
        point = rule.point or InterventionPoint.PRE_TOOL_CALL
        for placed in rule.names:
            if entry := names.declared_name(placed.name):
                is_built_in = table.find(placed.name, point, None) is not None
                readers.setdefault(entry, ({}, {}))[is_built_in][rule.name] = None
    for entry, (needing, losing) in readers.items():
        if needing and losing:
            message = (
                f"also replaces what `{next(iter(losing))[:64]}` reads as `{entry[:64]}` at its point: "
                f"bind another name, and read that in `{next(iter(needing))[:64]}`"
            )
            place = SourceLocation(f"{path}.{member_path(('context', entry))}")
            yield warning("agt-context-replaces", message, place)


def searches_in_lists(names: Names, rules: Sequence[AgtRule]) -> Iterator[Diagnostic]:
    """Yield a finding for each rule that a list or an object passes, where its author thinks of a text.

    That is an allow with an anchored `matches`, which one text of a list meets, or with `not contains`, which
    no longer text in a list counts against, and a denial with their negations.
    """
    for rule in rules:
        if rule.action is Action.LOG:
            continue
        point = rule.point or InterventionPoint.PRE_TOOL_CALL
        for operator, name in dict.fromkeys(_met_by_lists(rule.condition, restricts=rule.action.restricts)):
            if not names.is_shaped_by_callers(name, point):
                continue
            path = path_text(name.segments)
            if operator in _EXPRESSIONS:
                code = "agt-search-in-list"
                message = (
                    f"a list passes by one text that matches: add a test that no list meets, "
                    f"`{path} startswith '…'`"
                )
            elif names.is_content(name, point):
                code = "agt-contains-in-list"
                message = (
                    "of a list `contains` finds whole items, and of an object names of members: for a part "
                    f"of a text anywhere in them write `{path} {_SEARCH[operator]} '…'`"
                )
            else:
                continue
            yield warning(code, message, rule.at.member("condition").at())


_SEARCH = {Operator.CONTAINS: "matches", Operator.NOT_CONTAINS: "not matches"}


def _met_by_lists(condition: Condition, *, restricts: bool) -> Iterator[tuple[Operator, Name]]:
    """Yield tests that lists meet otherwise than texts, and that no test beside them holds to a text."""
    match condition:
        case And(parts) | Or(parts):
            tests = parts if isinstance(condition, Or if restricts else And) else ()
            exact = {test.name for test in tests if isinstance(test, Test) and test.operator not in _LOOSE}
            for part in parts:
                found = _met_by_lists(part, restricts=restricts)
                yield from ((operator, name) for operator, name in found if name not in exact)
        case Test(name, operator, str(text)):
            if operator is (Operator.NOT_MATCHES if restricts else Operator.MATCHES):
                if _ANCHORED.match(text):
                    yield operator, name
            elif operator is (Operator.CONTAINS if restricts else Operator.NOT_CONTAINS):
                yield operator, name


def _doubts(test: Test) -> Iterator[str]:
    operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    for text in operands:
        if not isinstance(text, str):
            continue
        hidden = next((each for each in text if _is_hidden(each)), None)
        if test.operator in _EXPRESSIONS:
            if hidden:
                code = f"{ord(hidden):04X}"
                escape = f"\\u{code}" if len(code) == 4 else f"\\U{code:0>8}"
                yield f"an expression has the character U+{code}, which does not show: write `{escape}`"
        elif hidden:
            yield f"a text has the character U+{ord(hidden):04X}, which does not show: remove it"
        elif test.operator in _WHOLE_TEXTS and text != text.strip():
            yield f"`{text[:64]}` begins or ends with a space, and equals no text without it: remove it"
        elif test.operator in _EXACT_TEXTS and (found := _GLOB.fullmatch(text)):
            instead = _without_star(test, *found.groups())
            yield f"in `{text[:64]}` the `*` is itself, no wildcard: write {instead}"
        elif test.operator.is_order and _NUMBER.fullmatch(text):
            message = "compares texts, character by character: write the number without quotes"
            yield f"`{test.operator} '{text}'` {message}"


def _without_star(test: Test, before: str, text: str, after: str) -> str:
    """Return how a test is written that means what a pattern with stars looks like."""
    negation = "not " if test.operator in _NEGATIVE else ""
    if not text:
        return f"`{negation}has({path_text(test.name.segments)})`"
    operator = "contains" if before and after else "endswith" if before else "startswith"
    return f"`{negation}{operator} '{text[:64]}'`"


def _is_hidden(character: str) -> bool:
    """True if a reader sees nothing, or a plain space where there is another one."""
    category = unicodedata.category(character)
    return category in _HIDDEN or (category == "Zs" and character != " ")


def _stages(
    rules: Sequence[ActiveRule],
    bindings: Sequence[PointBinding],
    guarded: Callable[[InterventionPoint], bool],
) -> Iterator[Diagnostic]:
    bound = {binding.point for binding in bindings}
    if not bound:
        return
    unbound: dict[InterventionPoint | None, AgtRule] = {}
    for active in rules:
        if active.rule.point not in bound:
            unbound.setdefault(active.rule.point, active.rule)
    for point, rule in unbound.items():
        message = f"rules hold at `{point}`, which does not bind this policy: bind it, or remove them"
        yield warning("agt-stage-unbound", message, rule.at.at())
    spoken = {active.rule.point for active in rules}
    for binding in bindings:
        if binding.point not in spoken and not guarded(binding.point):
            message = "no rule and no guard speaks at this point: the documents' default decides"
            yield warning("agt-point-without-rules", message, SourceLocation(binding.path))


def _negative(condition: Condition) -> Name | None:
    """Return a path that a condition rests on being something else, without asking whether it is there."""
    asked = {test.name.segments for test in _asked(condition)}
    return next((name for name in _negated(condition) if name.segments not in asked), None)


def _asked(condition: Condition) -> Iterator[Has]:
    if isinstance(condition, Has) and not condition.negated:
        yield condition
    elif isinstance(condition, And | Or):
        for part in condition.parts:
            yield from _asked(part)


def _negated(condition: Condition) -> Iterator[Name]:
    match condition:
        case Truth(name, True):
            yield name
        case Test(name, operator, _) if operator in _NEGATIVE or operator in _LESS:
            yield name
        case And(parts) | Or(parts):
            for part in parts:
                yield from _negated(part)
        case Constant() | Has() | Truth() | Test():
            return
