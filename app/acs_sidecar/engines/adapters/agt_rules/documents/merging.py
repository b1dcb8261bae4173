"""Parents merged into their children: which rules apply, and which of them are sealed (section 7.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acs_sidecar.engines.adapters.agt_rules.documents.findings import Findings
from acs_sidecar.engines.adapters.agt_rules.documents.model import AgtRule, RuleDocument

__all__ = ["ActiveRule", "merged_rules"]

MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class ActiveRule:
    """A rule with the documents through which it applies, as bits by their place in the policy.

    It holds where one of `through` applies and none of `overridden` does. Where one of `sealed` applies, no
    rule passes it. `lineage` names the rule's document and all that this one inherits.
    """

    rule: AgtRule
    through: int
    overridden: int
    sealed: int
    lineage: frozenset[str]


def merged_rules(documents: Sequence[RuleDocument], listed: int, findings: Findings) -> list[ActiveRule]:
    """Return the rules of the listed documents and of their parents, each once, parents' first."""
    by_name = {document.name: document for document in documents}
    through: dict[str, int] = {}
    sealed: dict[str, int] = {}
    overridden: dict[str, int] = {}
    rules: dict[str, AgtRule] = {}
    lineages: dict[str, frozenset[str]] = {}
    _check_names(documents, findings)
    refused: set[tuple[str, str]] = set()
    for index, document in enumerate(documents):
        if (chain := _chain(document, by_name, findings)) is None:
            return []
        lineages[document.name] = frozenset(ancestor.name for ancestor in chain)
        replaced = _check_merge(document, chain, findings, refused)
        if index >= listed:
            continue
        bit = 1 << index
        for ancestor in chain:
            for rule in ancestor.rules:
                key = rule.key
                rules.setdefault(key, rule)
                through[key] = through.get(key, 0) | bit
                if ancestor is not document and rule.binds_children:
                    sealed[key] = sealed.get(key, 0) | bit
                if key in replaced:
                    overridden[key] = overridden.get(key, 0) | bit
    return [
        ActiveRule(rule, through[key], overridden.get(key, 0), sealed.get(key, 0), lineages[rule.document])
        for key, rule in rules.items()
    ]


def _check_names(documents: Sequence[RuleDocument], findings: Findings) -> None:
    owners: dict[str, str] = {}
    for document in documents:
        seen: set[str] = set()
        for rule in document.rules:
            owner = owners.setdefault(rule.key, document.name)
            if not rule.name:
                continue
            if rule.name in seen:
                message = f"`{rule.name}` is the name of an earlier rule: rename one"
                findings.error("agt-rule-twice", message, rule.at.member("name"))
            elif owner != document.name:
                message = f"counters and evidence call a rule of `{owner}` `{rule.key}` too: rename one"
                findings.error("agt-rule-twice", message, rule.at.member("name"))
            seen.add(rule.name)


def _chain(
    document: RuleDocument, by_name: Mapping[str, RuleDocument], findings: Findings
) -> list[RuleDocument] | None:
    """Return a document's ancestors, parents before children, and itself at last; `None` for a cycle."""
    ordered: dict[str, RuleDocument] = {}
    walking: list[str] = []

    def visit(current: RuleDocument) -> bool:
        if current.name in ordered:
            return True
        if current.name in walking or len(walking) > MAX_DEPTH:
            cyclic = current.name in walking
            problem = "extends itself" if cyclic else f"is extended over more than {MAX_DEPTH} levels"
            findings.error("agt-extends", f"`{current.name}` {problem}", document.at.member("extends"))
            return False
        walking.append(current.name)
        for parent in current.extends:
            if parent in by_name and not visit(by_name[parent]):
                return False
        walking.pop()
        ordered[current.name] = current
        return True

    return list(ordered.values()) if visit(document) else None


def _check_merge(
    document: RuleDocument, chain: Sequence[RuleDocument], findings: Findings, refused: set[tuple[str, str]]
) -> set[str]:
    """Check a document against its ancestors; return the keys of the rules that it replaces.

    `refused` are the pairs of rules of one name that a finding names already.
    """
    inherited: dict[str, AgtRule] = {}
    replaced: set[str] = set()
    for ancestor in chain:
        for rule in ancestor.rules:
            earlier = inherited.get(rule.name)
            inherited[rule.name] = rule
            if earlier is None or earlier.document == rule.document:
                continue
            if rule.override and not earlier.binds_children:
                replaced.add(earlier.key)
            elif (earlier.key, rule.key) not in refused:
                refused.add((earlier.key, rule.key))
                _refuse(rule, earlier, findings)
    for ancestor in chain:
        if document.allows_by_default and not ancestor.allows_by_default:
            message = f"the parent `{ancestor.name}` denies by default: a child cannot allow"
            findings.error("agt-default-weaker", message, document.default_at or document.at)
            break
    return replaced


def _refuse(rule: AgtRule, earlier: AgtRule, findings: Findings) -> None:
    if earlier.binds_children:
        message = f"`{earlier.document}`, which is merged with it, seals a rule of this name: rename it"
        findings.error("agt-parent-rule", message, rule.at.member("name"))
    else:
        message = f"`{earlier.document}`, which is merged with it, has a rule of this name: rename this one"
        findings.error("agt-rule-twice", message, rule.at.member("name"))
