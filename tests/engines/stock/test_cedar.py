"""What the library in Cedar has besides the cases: attributes of entities, policies beside it, approvers."""

from typing import Any

import pytest

from acs_sidecar.spec.manifest.diagnostics import ManifestError
from tests.engines.stock.manifests import manifest, snapshot
from tests.manifests.one_decision import compiled, decided, evaluated

_PERMIT_A = '@id("a") permit (principal == Agent::"a", action, resource);'


def _entity(name: str = "t", kind: str = "Tool", **attributes: Any) -> dict[str, Any]:
    return {"uid": {"type": kind, "id": name}, "attrs": attributes, "parents": []}


def _alone(*entities: Any, **config: Any) -> dict[str, Any]:
    given = manifest(config, "pre_tool_call", kind="cedar", entities=[*entities])
    if not config:
        del given["policies"]["house"]["config"]
    return given


def _faults(given: Any) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        compiled(given)
    return [f"{found.code} {found.path}: {found.message}" for found in caught.value.diagnostics]


def _counted(**counters: Any) -> dict[str, Any]:
    return snapshot(
        "pre_tool_call", {}, envelope={"agent": {"id": "a"}, "budgets": {"token_count": 0, **counters}}
    )


def _called(**args: Any) -> dict[str, Any]:
    return snapshot("pre_tool_call", args)


@pytest.mark.parametrize(
    ("attributes", "given", "verdict"),
    [
        ({"max_tool_calls": 5}, _counted(tool_call_count=4), ("allow", None)),
        ({"max_tool_calls": 5}, _counted(tool_call_count=5), ("deny", "budget_tool_calls_exceeded")),
        ({"max_tool_calls": 5}, _counted(), ("deny", "budget_counter_missing")),
        ({"max_tokens": 0}, _counted(), ("deny", "budget_tokens_exceeded")),
        ({"max_tokens": {"__extn": {"fn": "decimal", "arg": "0.5"}}}, _counted(), ("allow", None)),
        ({"security_labels": ["OK.example."]}, _called(url="https://ok.example"), ("allow", None)),
        ({"security_labels": ["ok.example"]}, _called(url="https://no.example"), ("deny", "egress_destination_not_allowed")),
        ({"security_labels": []}, _called(url="https://no.example"), ("deny", "egress_destination_not_allowed")),
        ({"security_labels": []}, _called(url="x"), ("deny", "egress_destination_missing")),
        ({"security_labels": []}, _called(note="x"), ("allow", None)),
        ({"content_hash": "a"}, _called(), ("deny", "tool_content_hash_mismatch")),
        ({"approvers": ["jo"]}, _called(), ("escalate", "approval_required")),
        ({"approvers": []}, _called(), ("escalate", "approval_required")),
    ],
)  # fmt: skip
def test_an_attribute_turns_a_section_on(attributes: Any, given: Any, verdict: Any) -> None:
    """For the entity that has it, and no other."""
    other = _entity("u", max_tokens=0, approvers=[], security_labels=[], content_hash="b")
    assert decided(_alone(_entity(**attributes), other), "pre_tool_call", given) == verdict
    assert decided(_alone(other), "pre_tool_call", given) == ("allow", None)


@pytest.mark.parametrize(
    ("limit", "attribute", "count", "decision"),
    [(5, 9, 5, "deny"), (9, 5, 5, "deny"), (9, 5, 4, "allow"), (5.5, 9, 5.4, "allow"), (5.5, 9, 5.5, "deny")],
)
def test_the_stricter_of_configuration_and_attribute_holds(
    limit: float, attribute: int, count: float, decision: str
) -> None:
    """Neither widens the other."""
    given = _alone(_entity(max_tool_calls=attribute), budgets={"tool_call_count": limit})
    assert decided(given, "pre_tool_call", _counted(tool_call_count=count))[0] == decision


def test_labels_and_hosts_of_both_hold() -> None:
    """What one of them does not cover is denied."""
    target = _entity("target", "PolicyTarget", clearance_dominated_labels=["public", "secret"])
    given = manifest({"ifc": {"sink_clearance": "internal"}}, "input", kind="cedar", entities=[target])
    for label, decision in (("public", "allow"), ("internal", "deny"), ("secret", "deny")):
        labelled = snapshot("input", input={"text": "x", "ifc": {"source_labels": [label]}})
        assert decided(given, "input", labelled)[0] == decision, label
    both = _alone(
        _entity(security_labels=["a.example", "b.example"]), egress={"allowlist": ["b.example", "c.example"]}
    )
    for host, decision in (("a", "deny"), ("b", "allow"), ("c", "deny")):
        assert decided(both, "pre_tool_call", _called(url=f"https://{host}.example"))[0] == decision, host


def test_labels_of_a_lattice_of_ones_own_are_all_kept() -> None:
    """Which of them is the most sensitive is not known here."""
    target = _entity("target", "PolicyTarget", clearance_dominated_labels=["hr", "public"])
    given = compiled(manifest({"mcp": {}}, "input", kind="cedar", entities=[target]))
    labelled = snapshot("input", input={"text": "x", "ifc": {"source_labels": ["public", "hr", "hr"]}})
    verdict = evaluated(given, "input", labelled).verdict
    assert (verdict.decision.value, [*verdict.result_labels]) == ("allow", ["hr", "public"])


@pytest.mark.parametrize(
    ("attribute", "value", "wanted"),
    [
        ("max_tool_calls", "5", "a number"),
        ("max_tokens", True, "a number"),
        ("security_labels", "ok.example", "a set of hosts; write `*.x` in `config.egress.allowlist`"),
        ("security_labels", ["*.ok.example"], "a set of hosts; write `*.x` in `config.egress.allowlist`"),
        ("security_labels", [""], "a set of hosts; write `*.x` in `config.egress.allowlist`"),
        ("clearance_dominated_labels", ["public", ""], "a set of texts that are not empty"),
        ("clearance_dominated_labels", [1], "a set of texts that are not empty"),
        ("min_confidence", "0.5", "a number"),
        ("drift_threshold", [1], "a number"),
        ("content_hash", 5, "a text"),
        ("approvers", "jo", "a set of texts that are not empty"),
    ],
)
def test_an_attribute_of_another_type_is_refused(attribute: str, value: Any, wanted: str) -> None:
    """When the manifest is compiled."""
    assert _faults(_alone(_entity(**{attribute: value}))) == [
        f'stock-config policies.house.entities: the attribute `{attribute}` of `Tool::"t"` must be {wanted}'
    ]


def test_limits_must_be_ten_thousandths() -> None:
    """A limit that Cedar would round is refused."""
    for section, member, value in (
        ("budgets", "cost_usd", 0.00001),
        ("budgets", "token_count", 1e15),
        ("confidence", "min_score", 0.33333),
    ):
        (found,) = _faults(manifest({section: {member: value}}, "input", kind="cedar"))
        assert found == (
            f"stock-config policies.house.config.{section}.{member}: must have at most four digits behind the point,"
            " and be at most 922337203685477.5807, in a `cedar` policy"
        )


@pytest.mark.parametrize(
    ("score", "verdict"),
    [
        (0.33329999999, ("deny", "confidence_below_threshold")),
        (0.3333, ("allow", None)),
        (0.33330000001, ("allow", None)),
        (1e300, ("allow", None)),
        (-1e300, ("deny", "confidence_below_threshold")),
        (5e-324, ("deny", "confidence_below_threshold")),
        (2**63 - 1, ("allow", None)),
    ],
)
def test_scores_of_any_number_are_compared(score: float, verdict: Any) -> None:
    """Finer digits decide nothing about a limit that has none."""
    given = manifest({"confidence": {"min_score": 0.3333}}, "output", kind="cedar")
    found = snapshot("output", annotations={"confidence": {"score": score}})
    assert decided(given, "output", found) == verdict


def test_policies_beside_the_library_permit() -> None:
    """The library forbids and advises; what it advises on is what another policy permits."""
    beside = manifest({"drift": {"warn_threshold": 0}}, "output", kind="cedar", policy_set=_PERMIT_A)
    drifted = snapshot("output", annotations={"drift_score": 1})
    assert decided(beside, "output", drifted) == ("warn", "drift_detected")
    stranger = {**drifted, "envelope": {"agent": {"id": "b"}}}
    assert decided(beside, "output", stranger) == ("deny", "no_matching_policy")
    with_patterns = manifest({"patterns": {"patterns": ["x"]}}, "output", kind="cedar", policy_set=_PERMIT_A)
    assert decided(with_patterns, "output", snapshot("output", "x")) == ("deny", "pattern_blocked")
    assert decided(with_patterns, "output", snapshot("output", "y")) == ("allow", None)


def test_policies_beside_the_library_read_what_it_reads() -> None:
    """`context.agt`, whatever a snapshot has of that name."""
    own = "permit (principal, action, resource) when { context.agt.budgets.counters.token_count == 30000 };"
    given = manifest({"budgets": {"token_count": 9}}, "pre_tool_call", kind="cedar", policy_set=own)
    forged = {**_counted(token_count=2), "agt": {"budgets": {"counters": {"token_count": 3}}}}
    assert decided(given, "pre_tool_call", forged) == ("deny", "no_matching_policy")
    assert decided(given, "pre_tool_call", _counted(token_count=3)) == ("allow", None)


def test_the_library_stands_beside_no_schema() -> None:
    """No schema declares `context.agt`."""
    for member in ("schema", "schema_path"):
        assert _faults(manifest({"mcp": {}}, "input", kind="cedar", **{member: "entity A;"})) == [
            f"member-not-allowed policies.house.{member}: cannot stand beside `library`: no schema declares what its policies read"
        ]


def test_a_library_that_nothing_turns_on_is_refused() -> None:
    """It would permit everything."""
    for members in ({}, {"policy_set": _PERMIT_A}, {"entities": [_entity(level=1)]}):
        given = manifest({}, "input", kind="cedar", **members)
        del given["policies"]["house"]["config"]
        assert _faults(given)[0].startswith("stock-empty policies.house.config: ")


def test_approvers_are_in_the_evidence() -> None:
    """Those of the resource, or of the configuration where it has none."""
    odd = 'j"o \\ \u00e9 {}'
    given = compiled(_alone(_entity(approvers=[odd]), approval={"required": True, "approvers": ["sam", odd]}))
    verdict = evaluated(given, "pre_tool_call", _called()).verdict
    assert (verdict.reason, verdict.evidence) == ("approval_required", {"approvers": [odd]})
    given = compiled(_alone(approval={"required": True, "approvers": ["sam", odd]}))
    assert evaluated(given, "pre_tool_call", _called()).verdict.evidence == {"approvers": ["sam", odd]}


def test_a_reason_of_ones_own_may_have_any_characters() -> None:
    """It is the `@id` of the policy."""
    reason = 'a "b" \\ \n ü'
    given = manifest({"patterns": {"patterns": ["x"], "reason": reason}}, "output", kind="cedar")
    assert decided(given, "output", snapshot("output", "x")) == ("deny", reason)


def test_the_target_of_a_later_dialect_is_redacted() -> None:
    """Its root has another name there."""
    given = manifest({"redact": {"patterns": ["falcon"]}}, "output", kind="cedar")
    given["agent_control_specification_version"] = "0.4.0-alpha.1"
    given["intervention_points"]["output"]["policy_target"] = "$.response"
    found = evaluated(compiled(given), "output", {"agent": {"id": "a"}, "response": {"content": "falcon"}})
    assert found.transformed_target == {"content": "[REDACTED]"}
