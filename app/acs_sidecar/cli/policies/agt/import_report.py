"""What `acs-sidecar agt import` reports of each document and rule: JSON, and text for people."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from acs_sidecar.cli.policies.agt.checked import Checked
from acs_sidecar.engines.adapters.agt_rules.documents.model import RuleDocument
from acs_sidecar.engines.adapters.agt_rules.migration.differences import RuleDifference
from acs_sidecar.engines.adapters.agt_rules.migration.draft import DraftedRule

__all__ = ["report_json", "report_lines"]

_NAMELESS = "(no name)"


def report_json(checked: Checked, manifest: str, others: Sequence[Path]) -> dict[str, Any]:
    """Return the manifest and all that was found as one JSON value."""
    draft = checked.draft
    return {
        "valid": checked.valid,
        "manifest": manifest,
        "context": dict(draft.context),
        "differences": _differences_json(draft.differences),
        "documents": [
            {
                "name": drafted.document.name,
                "path": drafted.document.path,
                "form": "B" if drafted.document.by_field else "A",
                "rules": [*map(_rule_json, drafted.rules)],
            }
            for drafted in draft.documents
        ],
        "diagnostics": [asdict(finding) for finding in checked.findings],
        "not_rule_documents": [path.as_posix() for path in others],
    }


def report_lines(checked: Checked, others: Sequence[Path]) -> Iterator[str]:
    """Yield the lines of a report for people."""
    draft = checked.draft
    for document in draft.documents:
        yield _heading(document.document)
        for drafted in document.rules:
            rule = drafted.rule
            disabled = "" if rule.enabled else ", disabled"
            yield f"  {rule.name or _NAMELESS}: {rule.action} at {rule.point}{disabled}"
            for difference in drafted.differences:
                yield f"    {difference.kind}: {difference}"
    if draft.differences:
        yield "together:"
        for difference in draft.differences:
            yield f"    {difference.kind}: {difference}"
    for path in others:
        yield f"{path}: {'a link to a folder' if path.is_dir() else 'no rule document'}, left out"
    if draft.context:
        yield f"names to bind in `context`: {', '.join(draft.context)}"
    rules = [drafted for document in draft.documents for drafted in document.rules]
    met = sum(bool(drafted.differences) for drafted in rules)
    errors = sum(finding.severity == "error" for finding in checked.findings)
    yield f"documents: {len(draft.documents)}, rules: {len(rules)}, with differences: {met}, errors: {errors}"


def _heading(document: RuleDocument) -> str:
    form = "conditions as objects" if document.by_field else "conditions as text"
    return f"{document.name or _NAMELESS} ({document.path}): {len(document.rules)} rules, {form}"


def _rule_json(drafted: DraftedRule) -> dict[str, Any]:
    rule = drafted.rule
    return {
        "name": rule.name,
        "line": rule.at.at().line,
        "action": rule.action.value,
        "intervention_point": str(rule.point),
        "enabled": rule.enabled,
        "context": list(drafted.bound),
        "differences": _differences_json(drafted.differences),
    }


def _differences_json(differences: Sequence[RuleDifference]) -> list[dict[str, str]]:
    return [{"kind": one.kind.value, "about": one.about} for one in differences]
