"""One case decided by both sides, and the differences of section 7.9 that lie between the two decisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from acs_sidecar.engines.adapters.agt_rules.documents.members import STAGES
from acs_sidecar.engines.adapters.agt_rules.migration.differences import ToolkitDifference
from acs_sidecar.engines.adapters.agt_rules.migration.draft import draft
from acs_sidecar.engines.adapters.agt_rules.ordering import Strategy
from acs_sidecar.engines.compilation import CompiledPolicies
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.values import Json
from tests.engines.adapters.agt_rules.policies import VERSION, compiled, evaluate
from tests.engines.adapters.agt_rules.toolkit.generator import NAMES, ToolkitCase
from tests.engines.adapters.agt_rules.toolkit.model import Decided, Switch, decide
from tests.engines.adapters.agt_rules.toolkit.oracle import ToolkitAnswer, ToolkitOracle
from tests.engines.sources import MemorySources

__all__ = ["CONTEXT", "Compared", "compare", "decided_here"]

_REFUSALS = {"agt-condition", "agt-never", "agt-default-weaker"}
"""Codes of section 7.8 that the generator's documents can meet."""

CONTEXT = {name: f"$snap.x.{name}" for name in (*NAMES, "user_name")}
_READINGS = {ToolkitDifference.UNREAD_CONDITION, ToolkitDifference.MISREAD_CONDITION}


@dataclass(frozen=True, slots=True)
class Compared:
    """`outcome` is `equal`, `refused …`, or the differences that lie between; `fault` is what none explains."""

    outcome: str
    fault: str = ""


def compare(case: ToolkitCase, oracle: ToolkitOracle) -> Compared:
    """Decide a case by both sides."""
    answer = oracle.ask(
        {
            "form": case.form,
            "strategy": case.strategy,
            "agent": case.agent,
            "stage": case.stage,
            "context": case.context,
            "files": dict(case.files),
            "listed": list(case.listed),
        }
    )
    try:
        policy = compiled(
            *case.listed,
            files=case.files,
            points=[STAGES[case.stage]],
            context=CONTEXT,
            conflict_strategy=case.strategy,
        )
    except ManifestError as error:
        codes = {found.code for found in error.diagnostics if found.severity == "error"}
        fault = "" if codes <= _REFUSALS else f"refused for {sorted(codes)}"
        return Compared(f"refused here: {', '.join(sorted(codes))}", fault)
    if answer.refused is not None:
        return Compared("refused by the toolkit", answer.refused)
    return _compared(case, policy, answer)


def _compared(case: ToolkitCase, policy: CompiledPolicies, answer: ToolkitAnswer) -> Compared:
    ours, theirs = decided_here(case, policy), (answer.decision, answer.rule)
    truths = {rule["name"]: _truth(case, rule) for rule in _rules(case)}
    here = {
        name: truth is True or (truth is None and _restricts(case, name)) for name, truth in truths.items()
    }
    there: dict[str, bool | None] = {**dict.fromkeys(truths, False), **(answer.matches or {})}
    if (modelled := decide(case, there, ())) != theirs:
        return Compared("fault", f"the toolkit gives {theirs}, its model {modelled}")
    if (modelled := decide(case, here, tuple(Switch))) != ours:
        return Compared("fault", f"the adapter gives {ours}, its model {modelled}")
    reported: dict[str, set[ToolkitDifference]] = {}
    kinds: set[str] = set()
    for name, match in here.items():
        if there[name] is not match and _is_asked(case, name):
            reported = reported or _reported(case)
            by_type = truths[name] is None or _takes_one_for_true(case, name)
            found = _explained(reported[name], by_type=by_type)
            if not found:
                return Compared(
                    "fault", f"`{name}` matches: {match} here, {there[name]} there: {reported[name]}"
                )
            kinds |= found
    if ours == theirs:
        return Compared("equal")
    for size in range(1, len(Switch) + 1):
        for on in combinations(Switch, size):
            if decide(case, here if Switch.CONDITIONS in on else there, on) == ours:
                named = {one.value for one in on if one is not Switch.CONDITIONS}
                return Compared(", ".join(sorted(named | (kinds if Switch.CONDITIONS in on else set()))))
    return Compared("fault", f"nothing leads from {theirs} to {ours}")


def decided_here(case: ToolkitCase, policy: CompiledPolicies) -> Decided:
    """Return what the adapter decides."""
    snapshot: Json = {
        "x": case.context,
        "envelope": {"agent": {"id": case.agent}, "counters": {"agt": dict(case.counts)}},
    }
    output = evaluate(policy, snapshot, STAGES[case.stage])
    return output["decision"], output.get("evidence", {}).get("rule")


def _truth(case: ToolkitCase, rule: Mapping[str, Any]) -> bool | None:
    """Return the value of a rule's condition: true where an allow matches, undecided where a denial alone does."""
    if not rule.get("enabled", True):
        return False
    allows = {"name": "allows", "condition": rule["condition"], "action": "allow", "priority": 1}
    rules = [allows, {**allows, "name": "denies", "action": "deny", "priority": 0}]
    document: Any = {"name": "d", "rules": rules}
    if case.form == "B":
        document["defaults"] = {"action": "allow"}
    else:
        document |= {"apiVersion": VERSION, "default_action": "allow"}
    policy = compiled(document, context=CONTEXT, conflict_strategy="priority_first_match")
    decided_by = evaluate(policy, {"x": case.context})["evidence"].get("rule")
    return {"allows": True, "denies": None}.get(decided_by, False)


def _rules(case: ToolkitCase) -> list[Mapping[str, Any]]:
    return [rule for document in case.documents.values() for rule in document["rules"]]


def _restricts(case: ToolkitCase, name: str) -> bool:
    action = next(rule["action"] for rule in _rules(case) if rule["name"] == name)
    return action in ("deny", "block", "require_approval")


def _is_asked(case: ToolkitCase, name: str) -> bool:
    """True if the toolkit was asked about a rule: one of a document that is listed, or of its parent."""
    asked = [*case.listed, *(each for one in case.listed for each in case.documents[one].get("extends", []))]
    return any(rule["name"] == name for document in asked for rule in case.documents[document]["rules"])


def _reported(case: ToolkitCase) -> dict[str, set[ToolkitDifference]]:
    """Return what `agt import` reports of each rule."""
    sources = MemorySources({name: text.encode() for name, text in case.files.items()})
    drafted = draft(case.listed, sources, Strategy(case.strategy))
    return {
        one.rule.name: {difference.kind for difference in one.differences}
        for document in drafted.documents
        for one in document.rules
    }


def _takes_one_for_true(case: ToolkitCase, name: str) -> bool:
    """True if a rule compares a number with a boolean that Python takes for it."""
    condition = next(rule["condition"] for rule in _rules(case) if rule["name"] == name)
    if not isinstance(condition, dict):
        return False
    value, literals = case.context.get(condition["field"]), condition["value"]
    return any(
        value == literal and isinstance(value, bool) is not isinstance(literal, bool)
        for literal in (literals if isinstance(literals, list) else [literals])
    )


def _explained(reported: set[ToolkitDifference], *, by_type: bool) -> set[str]:
    """Return the reported differences that explain why a rule matches on one side alone."""
    explaining = {ToolkitDifference.EXPRESSION, *_READINGS}
    if by_type:
        explaining.add(ToolkitDifference.UNDECIDED)
    return {kind.value for kind in reported & explaining}
