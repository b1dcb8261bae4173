"""What a child document cannot pass: its parents' limits and approvers (sections 7.2, 7.5)."""

import json
from typing import Any

import pytest

from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from tests.engines.adapters.agt_rules.policies import compiled, evaluate, short, written


def _rule(name: str, action: str, **members: Json) -> dict[str, Json]:
    return {"name": name, "condition": "tool == 't'", "action": action, **members}


def _decided(*documents: Json, counts: Json = None, **members: Any) -> dict[str, Any]:
    snapshot: Json = {"tool_call": {"name": "t"}, "envelope": {"counters": {"agt": counts or {}}}}
    return evaluate(compiled(*documents, **members), snapshot)


@pytest.mark.parametrize("strategy", ["deny_overrides", "priority_first_match", "most_specific_wins"])
@pytest.mark.parametrize("action", ["allow", "warn", "require_approval"])
@pytest.mark.parametrize(
    ("counts", "reason"),
    [({"p/limited": 2}, "rate_limited"), ({}, "rate_count_missing"), ({"p/limited": 1}, None)],
)
def test_no_child_passes_a_limit_of_its_parent(
    strategy: str, action: str, counts: Json, reason: str | None
) -> None:
    """A limit that is used up denies under a child's rule without one, whose calls it counts."""
    child = written("c", [_rule("mine", action, priority=9)], extends=["p"])
    parent = written("p", [_rule("limited", "allow", limit="2/hour")])
    output = _decided(child, parent, counts=counts, conflict_strategy=strategy)
    assert output["evidence"]["counter"] == "p/limited"
    assert "counters" not in output["evidence"]
    if reason is not None:
        assert short(output) == f"deny:{reason}"
    else:
        assert output["decision"] == ("escalate" if action == "require_approval" else action)


def test_a_limit_that_its_own_document_passes_is_not_sealed() -> None:
    """Of a parent's rules the first decides, with a child as without: a limit behind it is not asked."""
    parent = written("p", [_rule("free", "allow", priority=9), _rule("limited", "allow", limit="2/hour")])
    decided = [_decided(parent), _decided(written("c", [], extends=["p"]), parent)]
    assert [short(output) for output in decided] == ["allow:free", "allow:free"]
    assert "counter" not in decided[1]["evidence"]


def test_a_limit_holds_over_several_levels() -> None:
    """A grandparent's limit is not passed by the parent, whoever inherits it."""
    documents = [
        written("c", [], extends=["p"]),
        written("p", [_rule("mine", "allow", priority=9)], extends=["g"]),
        written("g", [_rule("limited", "allow", limit="2/hour")]),
    ]
    assert short(_decided(*documents, counts={"g/limited": 2})) == "deny:rate_limited"


@pytest.mark.parametrize(
    ("limit", "counter"), [("1/hour", "c/mine"), ("9/hour", "p/limited"), ("1/second", "p/limited")]
)
def test_of_several_limits_the_lowest_rate_comes_first(limit: str, counter: str) -> None:
    """The host counts for each of them, for neither of two windows holds the other's calls."""
    child = written("c", [_rule("mine", "allow", priority=9, limit=limit)], extends=["p"])
    parent = written("p", [_rule("limited", "allow", limit="2/hour")])
    output = _decided(child, parent, counts={"c/mine": 0, "p/limited": 0})
    evidence = output["evidence"]
    assert (short(output), evidence["counter"]) == ("allow:mine", counter)
    assert evidence["counters"] == ["c/mine", "p/limited"]


def test_a_rule_with_a_limit_is_not_replaced() -> None:
    """A child's rule of the same name is refused, as for a denial."""
    child = written("c", [_rule("limited", "allow")], extends=["p"])
    with pytest.raises(ManifestError) as caught:
        compiled(child, written("p", [_rule("limited", "allow", limit="2/hour")]))
    assert [found.code for found in caught.value.diagnostics] == ["agt-parent-rule"]


@pytest.mark.parametrize(
    ("approvers", "verdict", "left"),
    [
        (["dev"], "deny:no_common_approver", ["security"]),
        (["dev", "security"], "escalate:mine", ["security"]),
    ],
)
def test_approvers_hold_over_several_levels(approvers: Json, verdict: str, left: list[str]) -> None:
    """A grandparent's approvers are not dropped by the parent's rule, whoever inherits both."""
    documents = [
        written("c", [], extends=["p"]),
        written("p", [_rule("mine", "require_approval", priority=9, approvers=approvers)], extends=["g"]),
        written("g", [_rule("asks", "require_approval", approvers=["security"])]),
    ]
    for listed in (documents, documents[1:]):
        output = _decided(*listed)
        assert (short(output), output["evidence"]["approvers"]) == (verdict, left)


@pytest.mark.parametrize("own", ["allow", "require_approval"])
def test_the_approvers_of_all_parents_hold(own: str) -> None:
    """Where two parents ask, those approve whom both name, whatever the child's rule says."""
    child = written("c", [_rule("mine", own, priority=9)], extends=["p", "q"])
    parents = [
        written("p", [_rule("p-asks", "require_approval", approvers=["security", "legal"])]),
        written("q", [_rule("q-asks", "require_approval", approvers=["legal", "finance"])]),
    ]
    output = _decided(child, *parents)
    assert (output["decision"], output["evidence"]["approvers"]) == ("escalate", ["legal"])


@pytest.mark.parametrize("strategy", ["deny_overrides", "priority_first_match", "most_specific_wins"])
@pytest.mark.parametrize(
    ("approvers", "verdict", "left"),
    [
        (None, "escalate:mine", ["security"]),
        (["security", "dev"], "escalate:mine", ["security"]),
        (["dev"], "deny:no_common_approver", ["security"]),
    ],
)
def test_a_childs_escalation_keeps_the_approvers_behind_a_parents_allow(
    strategy: str, approvers: Json, verdict: str, left: list[str]
) -> None:
    """The parent's first rule that asks holds for an escalation as it does for an allow; later ones do not."""
    members = {} if approvers is None else {"approvers": approvers}
    parent = written(
        "p",
        [
            _rule("allows", "allow", priority=9),
            _rule("asks", "require_approval", priority=2, approvers=["security"]),
            _rule("asks-later", "require_approval", priority=1, approvers=["legal"]),
        ],
    )
    child = written("c", [_rule("mine", "require_approval", priority=99, **members)], extends=["p"])
    output = _decided(child, parent, conflict_strategy=strategy)
    assert (short(output), output["evidence"]["approvers"]) == (verdict, left)
    allowing = written("c", [_rule("mine", "allow", priority=99)], extends=["p"])
    output = _decided(allowing, parent, conflict_strategy=strategy)
    assert (short(output), output["evidence"]["approvers"]) == ("escalate:asks", ["security"])


def test_limits_whose_names_no_evidence_holds_deny() -> None:
    """The list is not cut, for the host counts what it names; the failure says what is too long."""
    keys = [(f"p{number}" + "d" * 98, f"r{number}" + "r" * 98) for number in range(20)]
    limited = {"action": "warn", "limit": "5/hour"}
    parents = [written(parent, [_rule(name, **limited)], default_action="allow") for parent, name in keys]
    files = {f"{parent['name']}.yaml": json.dumps(parent) for parent in parents}
    files["c.yaml"] = json.dumps(written("c", [], extends=[*files]))
    counts: Json = dict.fromkeys(("/".join(key) for key in keys), 0)
    with pytest.raises(EvaluationError) as caught:
        _decided("c.yaml", files=files, counts=counts)
    assert caught.value.reason is Reason.POLICY_OUTPUT_INVALID
    assert caught.value.detail == (
        "the names of 20 limits that hold together exceed the 4096 bytes of evidence: shorten the names of "
        "documents and rules, or limit at fewer levels"
    )
