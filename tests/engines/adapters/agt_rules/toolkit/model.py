"""One decision procedure with a switch for each difference of section 7.9: all off it is the toolkit, all on this adapter."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.engines.adapters.agt_rules.toolkit.generator import ToolkitCase

__all__ = ["Decided", "Switch", "decide"]

Decided = tuple[str, str | None]
"""A decision, and the name of the rule that gave it."""


class Switch(StrEnum):
    """What this adapter does otherwise."""

    CONDITIONS = "conditions"
    AGENTS = "agents"
    LOG = "log"
    TIES = "ties"
    LIMIT = "limit"
    SEALED = "sealed"
    DEFAULT = "default"


_DECISIONS = {"require_approval": "escalate", "audit": "allow", "block": "deny"}
_SCOPES = ("agent", "organization", "tenant", "global")
_STRICTNESS = ("deny", "require_approval", "warn", "allow", "log")


@dataclass(frozen=True, slots=True)
class _Candidate:
    rule: Mapping[str, Any]
    document: str
    scope: str
    inherited: bool

    @property
    def action(self) -> str:
        action: str = self.rule["action"]
        return action


def decide(case: ToolkitCase, matches: Mapping[str, bool | None], on: Collection[Switch]) -> Decided:
    """Decide a case for which it is known which rules match; `None` is a comparison that fails."""
    if case.form == "B":
        return _by_field(case, matches, on)
    documents = [case.documents[name] for name in case.listed]
    applicable = [document for document in documents if _applies(document, case.agent, on)]
    if not applicable:
        return "deny", None
    candidates = [
        candidate
        for document in applicable
        for candidate in _candidates(case, document, on)
        if matches[candidate.rule["name"]] and not (Switch.LOG in on and candidate.action == "log")
    ]
    ordered = sorted(candidates, key=lambda candidate: _rank(candidate, case.strategy, on))
    if ordered:
        decided = _limited(ordered[0], case, on)
    elif Switch.DEFAULT in on:
        decided = min(document["default_action"] == "allow" for document in applicable)
        decided = ("allow" if decided else "deny"), None
    else:
        decided = applicable[0]["default_action"], None
    return _sealed(decided, ordered, case, on) if Switch.SEALED in on else decided


def _applies(document: Mapping[str, Any], agent: str, on: Collection[Switch]) -> bool:
    agents = document.get("agents", [])
    return agent in agents or "*" in agents or (Switch.AGENTS in on and not agents)


def _candidates(
    case: ToolkitCase, document: Mapping[str, Any], on: Collection[Switch]
) -> Iterator[_Candidate]:
    for parent in document.get("extends", []):
        of = case.documents[parent]
        scope = (of if Switch.SEALED in on else document).get("scope", "global")
        for rule in of["rules"]:
            if _is_live(rule, case):
                yield _Candidate(rule, of["name"], scope, inherited=True)
    for rule in document["rules"]:
        if _is_live(rule, case):
            yield _Candidate(rule, document["name"], document.get("scope", "global"), inherited=False)


def _is_live(rule: Mapping[str, Any], case: ToolkitCase) -> bool:
    return bool(rule.get("enabled", True)) and rule.get("stage", "pre_tool") == case.stage


def _rank(candidate: _Candidate, strategy: str, on: Collection[Switch]) -> tuple[int, ...]:
    tie = _STRICTNESS.index(candidate.action) if Switch.TIES in on else 0
    priority = -candidate.rule.get("priority", 0)
    match strategy:
        case "deny_overrides":
            return candidate.action != "deny", priority, tie
        case "allow_overrides":
            return candidate.action != "allow", priority, tie
        case "most_specific_wins":
            return _SCOPES.index(candidate.scope), priority, tie
        case _:
            return (priority,)


def _limited(candidate: _Candidate, case: ToolkitCase, on: Collection[Switch]) -> Decided:
    name, limit = candidate.rule["name"], candidate.rule.get("limit")
    if limit and Switch.LIMIT in on:
        count = case.counts.get(f"{candidate.document}/{name}")
        if not isinstance(count, int) or count >= int(limit.partition("/")[0]):
            return "deny", name
    return _DECISIONS.get(candidate.action, candidate.action), name


def _sealed(
    decided: Decided, ordered: list[_Candidate], case: ToolkitCase, on: Collection[Switch]
) -> Decided:
    if decided[0] == "deny":
        return decided
    for action in _STRICTNESS:
        for candidate in ordered:
            if not candidate.inherited or candidate.action != action:
                continue
            sealed = _limited(candidate, case, on)
            alone = candidate is next(each for each in ordered if each.document == candidate.document)
            replaces = action == "deny" or (action == "require_approval" and decided[0] != "escalate")
            if replaces or (alone and sealed[0] == "deny"):
                decided = sealed
            if decided[0] == "deny":
                return decided
    return decided


def _by_field(case: ToolkitCase, matches: Mapping[str, bool | None], on: Collection[Switch]) -> Decided:
    documents = [case.documents[name] for name in case.listed]
    rules = [rule for document in documents for rule in document["rules"]]
    for rule in sorted(rules, key=lambda rule: -rule.get("priority", 0)):
        if (matched := matches[rule["name"]]) is None:
            return "deny", None
        if matched:
            return _DECISIONS.get(rule["action"], rule["action"]), rule["name"]
    defaults = [
        _DECISIONS.get(action, action) for action in (each["defaults"]["action"] for each in documents)
    ]
    if Switch.DEFAULT in on:
        return ("deny" if "deny" in defaults else "allow"), None
    return defaults[0], None
