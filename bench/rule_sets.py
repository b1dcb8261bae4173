"""Policies of many rules, one of them about the tool of the request: they must cost what one rule does."""

import json
from dataclasses import dataclass
from typing import Any

__all__ = ["RuleSet", "cedar_policies", "rego_rules", "rego_table"]

_REGO_HEAD = "package bench\n\nimport rego.v1\n\n"
_REGO_MAIN = """default verdict := {"decision": "allow"}

verdict := {"decision": "deny", "reason": concat(", ", sort(denials))} if count(denials) > 0
"""
_REGO_RULE = """
denials contains "limit of tool %(number)d" if {
\tinput.tool.name == "%(tool)s"
\tinput.policy_target.value.amount_cents > %(limit)d
}
"""
_REGO_TABLE = """
denials contains "limit" if input.policy_target.value.amount_cents > data.limits[input.tool.name]
"""
_CEDAR_ALL = "permit(principal, action, resource);\n"
_CEDAR_RULE = """
@id("limit-%(number)d")
forbid(principal, action == Action::"pre_tool_call", resource == Tool::"%(tool)s")
when { context.policy_target.value.amount_cents > %(limit)d };
"""
_RULES_PER_MODULE = 1_000


@dataclass(frozen=True)
class RuleSet:
    """A policy definition, and the files that it names by their paths beside the manifest."""

    policy: dict[str, Any]
    files: dict[str, str]


def rego_rules(rules: int) -> RuleSet:
    """Return a bundle with a rule for each tool, in modules of a thousand."""
    files = {"rules/main.rego": _REGO_HEAD + _REGO_MAIN}
    texts = [_REGO_RULE % given for given in _given(rules)]
    for start in range(0, rules, _RULES_PER_MODULE):
        text = "".join(texts[start : start + _RULES_PER_MODULE])
        files[f"rules/rules-{start}.rego"] = _REGO_HEAD + text
    return RuleSet({"type": "rego", "bundle": "rules", "query": "data.bench.verdict"}, files)


def rego_table(rows: int) -> RuleSet:
    """Return one rule that looks the limit of the tool up in a data document."""
    limits = {given["tool"]: given["limit"] for given in _given(rows)}
    files = {
        "rules/main.rego": _REGO_HEAD + _REGO_MAIN + _REGO_TABLE,
        "rules/data.json": json.dumps({"limits": limits}),
    }
    return RuleSet({"type": "rego", "bundle": "rules", "query": "data.bench.verdict"}, files)


def cedar_policies(policies: int) -> RuleSet:
    """Return a policy for each tool."""
    text = _CEDAR_ALL + "".join(_CEDAR_RULE % given for given in _given(policies))
    return RuleSet({"type": "cedar", "policy_path": "rules.cedar"}, {"rules.cedar": text})


def _given(rules: int) -> list[dict[str, Any]]:
    """Return what the rules say; the last is about the tool of the request."""
    others = [
        {"number": number, "tool": f"tool_{number}", "limit": 50_000 + number} for number in range(rules - 1)
    ]
    return [*others, {"number": rules, "tool": "refund", "limit": 50_000}]
