"""The tests that the Agent Governance Toolkit publishes for its Cedar library, run against `stock-1`.

`python -m tests.engines.stock.published_cedar FOLDER`: FOLDER is `policy-engine/policy/cedar-lib` of a checkout of the
toolkit. Each case of each `_test.json` file must be decided as published, but for those that `published_cedar.yaml`
lists, each with the hole that it asserts; a listed one that is decided so is an error as well.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.engines.stock.listed import report
from tests.engines.stock.manifests import manifest
from tests.manifests.one_decision import decided

__all__ = ["EXCEPTIONS", "failing"]

EXCEPTIONS: dict[str, str] = yaml.safe_load(Path(__file__).with_name("published_cedar.yaml").read_text())
_TARGETS = {
    "input": "$snap.input",
    "output": "$snap.response",
    "pre_tool_call": "$snap.tool_call.args",
    "pre_model_call": "$snap.envelope",
}
_REASONS = {
    "tool_content_hash_mismatch_observed_missing": "tool_content_hash_mismatch",
    "egress_destination_not_allowed_domain": "egress_destination_not_allowed",
    "egress_destination_not_allowed_annotation": "egress_destination_not_allowed",
    "ifc_clearance_violation_input": "ifc_clearance_violation",
    "ifc_clearance_violation_output": "ifc_clearance_violation",
    "ifc_clearance_violation_empty_input": "ifc_labels_missing",
    "ifc_clearance_violation_empty_output": "ifc_labels_missing",
}
"""How the library names what the published one has under several names."""

_ADVISED: dict[str, tuple[str, str | None]] = {
    "agt.approval.approver_required": ("escalate", "approval_required"),
    "agt.approval.annotator_required": ("escalate", "approval_required"),
    "agt.redact.pii": ("transform", "redaction_applied"),
    "agt.drift.warn": ("warn", "drift_detected"),
}


def expected(case: Any) -> set[tuple[str, str | None]]:
    """Return the verdicts that a case is about: nothing forbids what only lacks a permit there."""
    reasons = case["reason"]
    if case["decision"] == "allow":
        return {_ADVISED[reason] for reason in reasons if reason in _ADVISED} or {("allow", None)}
    named = {"pattern_blocked" if one.startswith("pii_") else _REASONS.get(one, one) for one in reasons}
    denied: set[tuple[str, str | None]] = {("deny", reason) for reason in named}
    return denied or {("allow", None)}


def _manifest(case: Any, file: str) -> tuple[dict[str, Any], str, dict[str, Any]]:
    request = case["request"]
    point = request["action"].split('"')[1]
    kind, name = request["resource"].replace('"', "").split("::")
    context = request["context"]
    annotations = context.get("annotations", {})
    config: dict[str, Any] = {"mcp": {}}
    bound: dict[str, Any] = {}
    attributes = {attribute for entity in case["entities"] for attribute in entity["attrs"]}
    if "min_confidence" in attributes:
        bound["confidence"] = {"from": "$snap.annotations.confidence"}
    if "drift_threshold" in attributes:
        bound["drift_score"] = {"from": "$snap.annotations.drift_score"}
    if "egress" in annotations:
        bound["stock_egress"] = {"from": "$snap.annotations.egress"}
    if file == "patterns" or ({"input", "response"} & context.keys() and "pattern" in case["name"]):
        config["patterns"] = {"presets": ["pii_email", "pii_ssn", "pii_credit_card"]}
    if file == "redact" or "pii_detected" in annotations:
        config["redact"] = {"presets": ["pii_email"]}
        bound["stock_redact"] = {"from": "$snap.annotations.redact"}
    given = manifest(config, point, kind="cedar", entities=case["entities"])
    providers = {
        "confidence": "host",
        "drift_score": "host",
        "stock_redact": "host",
        "stock_egress": "egress",
    }
    given["annotators"] = {one: {"type": "classifier", "provider": providers[one]} for one in bound}
    here = given["intervention_points"][point]
    here |= {"policy_target": _TARGETS[point], "policy_target_kind": name, "annotations": bound}
    if kind == "Tool":
        given["tools"] = {name: {}}
    else:
        here.pop("tool_name_from", None)
    snapshot: dict[str, Any] = {"input": {}, "response": {}, **context}
    snapshot["envelope"] = {"agent": {"id": "a"}, **context.get("envelope", {})}
    if "pii_detected" in annotations:
        redacted = {"flagged": annotations["pii_detected"], "redacted": {"content": "[REDACTED]"}}
        snapshot["annotations"] = {**annotations, "redact": redacted}
    return given, point, snapshot


def failing(file: Path) -> Iterator[tuple[str, str | None]]:
    """Yield each case of a file, and how it is decided otherwise, `None` if it is decided as published."""
    name = file.stem.removesuffix("_test")
    for case in json.loads(file.read_text()):
        found = decided(*_manifest(case, name))
        why = None if found in expected(case) else f"{found}, published {sorted(expected(case), key=str)}"
        yield f"{name}.{case['name']}", why


def main(folder: Path) -> int:
    """Run all cases of a folder; the number of those that do not do what is listed."""
    cases = (case for file in sorted(folder.glob("*_test.json")) for case in failing(file))
    return report(cases, EXCEPTIONS, "is decided so")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) > 0)
