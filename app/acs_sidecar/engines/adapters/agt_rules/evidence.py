"""The evidence of a verdict: what decided, in at most the 4 KiB of section 1.10 (section 7.6)."""

from collections.abc import Sequence

from acs_sidecar.engines.adapters.agt_rules.documents.model import AgtRule
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import MAX_EVIDENCE_BYTES

__all__ = ["MAX_LISTED", "default_evidence", "rule_evidence", "with_lists"]

MAX_LISTED = 16


def rule_evidence(rule: AgtRule) -> dict[str, Json]:
    """Return what is always the same in the evidence of a rule."""
    evidence = _artefact("rule", rule.key, rule.document, rule.version)
    evidence["rule"] = rule.name
    if rule.limit is not None:
        evidence["counter"] = rule.key
    if rule.approvers:
        evidence["approvers"] = list(rule.approvers)
    return evidence


def default_evidence(document: str, version: str | None) -> dict[str, Json]:
    """Return the evidence of a document's default action."""
    return _artefact("default", document, document, version)


def with_lists(
    evidence: dict[str, Json], *, undecided: Sequence[str], logged: Sequence[str]
) -> dict[str, Json]:
    """Return the evidence with two lists, each cut, and left out for its total where all is too long."""
    if not undecided and not logged:
        return evidence
    for name, items in (("undecided", undecided), ("logged", logged)):
        if items:
            evidence[name] = list(items[:MAX_LISTED])
        if len(items) > MAX_LISTED:
            evidence[f"{name}_total"] = len(items)
    for name, items in (("logged", logged), ("undecided", undecided)):
        if len(canonical(evidence)) <= MAX_EVIDENCE_BYTES:
            break
        if evidence.pop(name, None) is not None:
            evidence[f"{name}_total"] = len(items)
    return evidence


def _artefact(kind: str, name: str, document: str, version: str | None) -> dict[str, Json]:
    evidence: dict[str, Json] = {"artefact": f"urn:agt:{kind}:{name}", "document": document}
    if version is not None:
        evidence["version"] = version
    return evidence
