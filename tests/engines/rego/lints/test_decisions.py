"""The lint for verdicts with a decision that there is not."""

import pytest

from tests.engines.rego.lints.remarks import remarks

_CODE = "rego-decision-unknown"
_SHARED = " is no decision, so that the verdict is a deny by error"
ONE_OF = "write `allow`, `deny`, `warn`, `escalate`, `transform`"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ('x := {"decision": "alow"}', ["2:20: `alow` …: did you mean `allow`?"]),
        ('default x := {"decision": "Deny"}', ["2:28: `Deny` …: did you mean `deny`?"]),
        ('x := {"decision": "maybe"}', [f"2:20: `maybe` …: {ONE_OF}"]),
        ('x := {"decision": "allow"} if input.a else := {"decision": "dny"}', ["2:61: `dny` …: did you mean `deny`?"]),
        ('x := v if { v := object.union({"decision": ""}, {}) }', [f"2:45: `` …: {ONE_OF}"]),
        ("f(v) := {`decision`: `block`, \"by\": v}", [f"2:23: `block` …: {ONE_OF}"]),
        ('x contains {"decision": "warning"}', ["2:26: `warning` …: did you mean `warn`?"]),
        ('x := [{"decision": d} | d := "y"][0]', []),
        ('x.decision := "permit" if input.a\nx.reason := "permit"', [f"2:16: `permit` …: {ONE_OF}"]),
        ('x["decision"] := "allow" if input.a else := "no"', [f"2:46: `no` …: {ONE_OF}"]),
        ('default x.decision := "no"', [f"2:24: `no` …: {ONE_OF}"]),
        ('x := {"a": {"decision": "q"}, "decision": "z"}', [f"2:44: `z` …: {ONE_OF}", f"2:26: `q` …: {ONE_OF}"]),
    ],
)  # fmt: skip
def test_unknown_decisions(rules: str, expected: list[str]) -> None:
    """The place of each literal, and the decision that may have been meant."""
    assert sorted(remarks(_CODE, rules, _SHARED)) == sorted(expected)


@pytest.mark.parametrize(
    "rules",
    [
        *(f'x := {{"decision": "{one}"}}' for one in ("allow", "deny", "warn", "escalate", "transform")),
        'x := {"decision": "not_applicable"}',
        'x if input.verdict == {"decision": "approved"}',
        'x if {"decision": "approved"} in input.verdicts',
        'x := input.decision if input.decision == "approved"',
        'x := {"decision": input.a}',
        'x := {"reason": "decision"}',
        'decision := "approved"',
        "x := 1 # decision",
    ],
)
def test_no_remark(rules: str) -> None:
    """Decisions, values that are compared or computed, and other members are not remarked upon."""
    assert remarks(_CODE, rules, _SHARED) == []
