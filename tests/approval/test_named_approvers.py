"""Approvals that a policy leaves to certain approvers: nobody else's answer counts (sections 7.6, 19)."""

import json
import sys
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs_sidecar.approval.approvers import Approvers
from acs_sidecar.approval.challenge import inspect_challenge
from acs_sidecar.approval.token import CHALLENGE, seal, unseal
from acs_sidecar.spec.approval import ApprovalOutcome
from tests.approval.desk import (
    ALICE,
    FAILED,
    MALLORY,
    MISMATCH,
    NOW,
    SECOND,
    SERVICE_KEY,
    SNAPSHOT,
    Desk,
    Keys,
    approver,
    manifest,
    refusal,
)

NOT_NAMED = "the approver is not among those that the policy names (`approvers`)"
NOBODY = "`approvers` of the policy names nobody: no approver can answer"


def naming(approvers: Any, **members: Any) -> dict[str, Any]:
    """A manifest whose policy escalates everything to these approvers."""
    output = {"decision": "escalate", "reason": "large", "evidence": {"approvers": approvers}}
    module = f"package p\nv := {json.dumps(output, indent=1)}"
    return manifest(policies={"p": {"type": "rego", "modules": {"p.rego": module}}}, **members)


def naming_in_approval(approvers: Any) -> dict[str, Any]:
    """A manifest of 0.4 whose policy does so: its evidence has no such member."""
    output = {"decision": "deny", "reason": "large", "approval": {"approvers": approvers, "team": "t"}}
    module = f"package p\nv := {json.dumps(output, indent=1)}"
    version = {"agent_control_specification_version": "0.4.0-alpha.1"}
    return manifest(policies={"p": {"type": "rego", "modules": {"p.rego": module}}}, **version)


def desk(*entries: Any, **variables: Any) -> Desk:
    """A service that trusts these approvers."""
    return Desk(Keys(trusted=Approvers(entries or (approver(),))), **variables)


def resolved(one: Desk, given: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Escalate, let alice sign, resolve."""
    challenge = one.challenge(manifest=given)
    claim = {"challenge": challenge, "approval": one.approval(challenge)} | members
    return one.resolve(manifest=given, **claim)


@pytest.mark.parametrize(
    "groups", [frozenset(), frozenset({"support"}), frozenset({"Treasury", "treasury "})]
)
def test_an_approver_who_is_not_named(groups: frozenset[str]) -> None:
    """Trusted for everything, of no group, another one, or one that is spelled otherwise."""
    one = desk(approver(groups=groups))
    assert refusal(resolved(one, naming(["treasury", "bob"]))) == (FAILED, NOT_NAMED)


@pytest.mark.parametrize(
    "entry",
    [approver("bob"), approver(groups=frozenset({"support", "treasury"})), approver("treasury")],
    ids=["name", "group", "name as a group"],
)
def test_an_approver_who_is_named(entry: Any) -> None:
    """By name, or by a group."""
    response = resolved(desk(entry), naming(["treasury", "bob"]))
    assert (response["verdict"]["decision"], response["approval"]["approver"]) == ("allow", entry.name)


def test_approvers_that_a_policy_of_04_names() -> None:
    """They are bound by the challenge as those of 0.3 are; a list in another form names nobody."""
    assert refusal(resolved(desk(), naming_in_approval(["treasury"]))) == (FAILED, NOT_NAMED)
    treasurer = desk(approver(groups=frozenset({"treasury"})))
    assert resolved(treasurer, naming_in_approval(["treasury"]))["verdict"]["decision"] == "allow"
    response = treasurer.evaluate(manifest=naming_in_approval("treasury"))
    assert (response["approval"]["challenge"], response["approval"]["detail"]) == (None, NOBODY)


def test_a_challenge_of_one_form_is_none_of_the_other() -> None:
    """What was escalated under a manifest of 0.3 is not lifted under that of 0.4, whoever signs."""
    one = desk(approver(groups=frozenset({"treasury"})))
    older, newer = naming(["treasury"]), naming_in_approval(["treasury"])
    for first, second in ((older, newer), (newer, older)):
        challenge = one.challenge(manifest=first)
        response = one.resolve(manifest=second, challenge=challenge, approval=one.approval(challenge))
        assert refusal(response)[0] == MISMATCH


def test_one_key_under_several_names() -> None:
    """The entry that is named is the one that the record shows."""
    one = desk(approver("alice"), approver("alice-on-call", groups=frozenset({"treasury"})))
    assert resolved(one, naming(["treasury"]))["approval"]["approver"] == "alice-on-call"


def test_a_named_approver_is_held_to_its_scope() -> None:
    """What a policy names lifts no restriction of the file."""
    one = desk(approver(until="2027-01-15T08:00:00.000000Z"))
    assert refusal(resolved(one, naming(["alice"]))) == (FAILED, "the approver's key has expired")


def test_a_named_stranger() -> None:
    """A name is no key: the operator's file says whose it is."""
    one, given = desk(approver()), naming(["mallory"])
    forged = one.approval(one.challenge(manifest=given), private=MALLORY)
    detail = "the approval is not signed by a key in ACS_APPROVAL_TRUST_FILE"
    assert refusal(resolved(one, given, approval=forged)) == (FAILED, detail)


@pytest.mark.parametrize("approvers", [[], "alice", ["alice", 1], ["alice", ""], {"alice": True}, None, True])
def test_a_list_in_another_form_names_nobody(approvers: Any) -> None:
    """No challenge is issued, and one that was is worth nothing."""
    one, given = desk(), naming(approvers)
    offer = one.evaluate(manifest=given)["approval"]
    assert (offer["challenge"], offer["detail"]) == (None, NOBODY)
    other = one.challenge(manifest=naming(["alice"]))
    assert refusal(one.resolve(manifest=given, challenge=other, approval=one.approval(other))) == (
        FAILED,
        NOBODY,
    )


@pytest.mark.parametrize("outcome", ApprovalOutcome)
def test_nobody_else_answers(outcome: ApprovalOutcome) -> None:
    """Whatever an approver signs who is not named."""
    one, given = desk(), naming(["bob"])
    challenge = one.challenge(manifest=given)
    answer = one.approval(challenge, outcome)
    assert refusal(one.resolve(manifest=given, challenge=challenge, approval=answer)) == (FAILED, NOT_NAMED)


@pytest.mark.parametrize(("outcome", "decision"), [("deny", "deny"), ("suspend", "escalate")])
def test_the_host_may_still_stop(outcome: str, decision: str) -> None:
    """What lifts nothing needs no signature."""
    response = resolved(desk(), naming(["bob"]), approval=None, outcome=outcome)
    assert (response["verdict"]["decision"], response["approval"]["by"]) == (decision, "host")


def test_silence_is_no_consent() -> None:
    """`on_timeout: allow` does not count, whether nobody answered or somebody too late; `suspend` lifts nothing."""
    one = desk()
    for on_timeout in ("allow", "suspend"):
        section = {"default_resolver": "o", "timeout_seconds": 60, "resolvers": {"o": {"type": "token"}}}
        given = naming(["alice"], approval=section | {"on_timeout": on_timeout})
        challenge = one.challenge(manifest=given)
        late = {"manifest": given, "challenge": challenge, "approval": one.approval(challenge)}
        assert one.resolve(**late)["verdict"]["decision"] == "allow"
        one.now = NOW + 60 * SECOND
        for claim in (late, late | {"approval": None}):
            response = one.resolve(**claim)
            if on_timeout == "allow":
                detail = "the policy names who may approve: `on_timeout: allow` does not count"
                assert refusal(response) == (FAILED, detail)
            else:
                assert response["verdict"]["decision"] == "escalate"
        one.now = NOW


@pytest.mark.server
@pytest.mark.parametrize("outcome", ApprovalOutcome)
def test_no_unsigned_answer_of_a_resolver_counts(outcome: ApprovalOutcome) -> None:
    """A program may pass a signature on, and answers nothing itself."""
    text = (
        "import json, sys\nterms = json.load(sys.stdin)['terms']\n"
        f"print(json.dumps({{'outcome': '{outcome}', 'enforced_identity': terms['enforced_identity'], "
        "'approver': terms['approvers'][0]}))"
    )
    resolver = {"type": "command", "command": [sys.executable, "-I", "-c", text]}
    section = {"default_resolver": "run", "timeout_seconds": 60, "resolvers": {"run": resolver}}
    given = naming(["alice"], approval=section)
    with Desk(operator={"m": given}, ACS_APPROVAL_COMMANDS="true") as one:
        response = one.resolve(manifest_ref="m", challenge=one.challenge(manifest_ref="m"))
    detail = "the policy names who may approve: the resolver's response must be signed by one"
    assert refusal(response) == (FAILED, detail)


@pytest.mark.server
def test_a_resolver_may_pass_a_signature_on() -> None:
    """The approval of a named approver counts whoever brings it."""
    given = naming(["alice"])
    with Desk(operator={"m": given}) as one:
        challenge = one.challenge(manifest_ref="m")
        answer = one.resolve(manifest_ref="m", challenge=challenge, approval=one.approval(challenge))
    assert answer["verdict"]["decision"] == "allow"


def test_a_group_that_is_taken_away() -> None:
    """The file as it is now counts, not as it was when the challenge was signed."""
    one, given = desk(approver(groups=frozenset({"treasury"}))), naming(["treasury"])
    challenge = one.challenge(manifest=given)
    claim = {"manifest": given, "challenge": challenge, "approval": one.approval(challenge)}
    assert one.resolve(**claim)["verdict"]["decision"] == "allow"
    one.keys.trusted = Approvers((approver(groups=frozenset({"treasurers"})),))
    assert refusal(one.resolve(**claim)) == (FAILED, NOT_NAMED)


def test_an_approval_of_an_action_of_others() -> None:
    """The same manifest, another recipient, other approvers: the approval reaches the first alone."""
    policy = (
        'package p\nimport rego.v1\nv := {"decision": "escalate", "evidence": {"approvers": who}}\n'
        'who := ["alice"] if input.policy_target.value.to == "acme" else := ["bob"]\n'
    )
    given = manifest(policies={"p": {"type": "rego", "modules": {"p.rego": policy}}})
    other = deepcopy(SNAPSHOT)
    other["tool_call"]["args"]["to"] = "mallory"
    one = desk()
    challenge = one.challenge(manifest=given)
    claim = {"manifest": given, "challenge": challenge, "approval": one.approval(challenge)}
    assert one.resolve(**claim)["verdict"]["decision"] == "allow"
    assert refusal(one.resolve(**claim, snapshot=other)) == (
        MISMATCH,
        "`approvers` differs from the challenge",
    )


@pytest.mark.parametrize("approvers", [["alice"], ["bob", "alice"], None, "absent"])
def test_a_challenge_with_other_approvers(approvers: Any) -> None:
    """Also one that this service's key signed: it asks other people, or, as from an older version, anybody."""
    one, given = desk(), naming(["bob"])
    body = unseal(CHALLENGE, one.challenge(manifest=given)).body
    changed: dict[str, Any] = {**body, "approvers": approvers}
    if approvers == "absent":
        del changed["approvers"]
    challenge = seal(CHALLENGE, changed, SERVICE_KEY)
    response = one.resolve(manifest=given, challenge=challenge, approval=one.approval(challenge))
    assert refusal(response) == (MISMATCH, "`approvers` differs from the challenge")
    forged = seal(CHALLENGE, changed, ALICE)
    response = one.resolve(manifest=given, challenge=forged, approval=one.approval(forged))
    assert refusal(response) == (FAILED, "the challenge is not signed by this service's key")


@pytest.mark.parametrize("approvers", [["alice"], None])
def test_a_challenge_that_names_approvers_for_a_policy_that_names_none(approvers: Any) -> None:
    """A member that the action does not have is another action, or another form of challenge."""
    one = desk()
    body = unseal(CHALLENGE, one.challenge()).body
    challenge = seal(CHALLENGE, {**body, "approvers": approvers}, SERVICE_KEY)
    response = one.resolve(challenge=challenge, approval=one.approval(challenge))
    assert refusal(response) == (MISMATCH, "`approvers` differs from the challenge")


def test_a_snapshot_names_nobody() -> None:
    """What the host sends under the same names changes nothing."""
    claimed = deepcopy(SNAPSHOT)
    claimed |= {"approvers": ["alice"], "evidence": {"approvers": ["alice"]}, "verdict": {"approvers": []}}
    claimed["envelope"]["approvers"] = ["alice"]
    claimed["tool_call"]["args"]["approvers"] = ["alice"]
    one = desk()
    for value, expected in ((manifest(), None), (naming(["bob"]), ("bob",))):
        challenge = one.challenge(manifest=value, snapshot=claimed)
        assert inspect_challenge(challenge).named_approvers == expected
        answer = {"challenge": challenge, "approval": one.approval(challenge)}
        response = one.resolve(manifest=value, snapshot=claimed, **answer)
        assert response["verdict"]["decision"] == ("allow" if expected is None else "deny")


def test_approvers_of_a_combination() -> None:
    """A policy that names some binds those that name none; two that name different ones leave the common ones."""
    one = desk(ACS_INLINE_ADAPTERS="combine")
    combined = manifest()
    for lists, expected in (
        ([None, ["alice"]], ["alice"]),
        ([["bob", "alice"], ["alice", "carol"]], ["alice"]),
        ([["bob"], None], ["bob"]),
    ):
        policies: dict[str, Any] = {}
        for place, names in enumerate(lists):
            evidence = {} if names is None else {"evidence": {"approvers": names}}
            policies[f"p{place}"] = {"type": "test", "output": {"decision": "escalate", **evidence}}
        policies["p"] = {"type": "custom", "adapter": "combine", "policies": [*policies]}
        combined["policies"] = policies
        for point in combined["intervention_points"].values():
            point["policy"] = {"id": "p"}
        assert inspect_challenge(one.challenge(manifest=combined)).terms["approvers"] == expected
        decision = "allow" if "alice" in expected else "deny"
        assert resolved(one, combined)["verdict"]["decision"] == decision


NAMES = st.lists(st.sampled_from(["alice", "bob", "treasury", "cfo", "ALICE"]), max_size=3)


@settings(deadline=None)
@given(NAMES, st.sampled_from(["alice", "carol"]), NAMES)
def test_only_who_is_named_approves(named: list[str], name: str, groups: list[str]) -> None:
    """An allow needs a name or a group in the list, and that is enough."""
    one, given = desk(approver(name, groups=frozenset(groups))), naming(named)
    challenge = one.evaluate(manifest=given)["approval"]["challenge"]
    if not named:
        assert challenge is None
        return
    response = one.resolve(manifest=given, challenge=challenge, approval=one.approval(challenge))
    expected = "allow" if {name, *groups} & {*named} else "deny"
    assert response["verdict"]["decision"] == expected


def test_as_many_approvers_as_evidence_holds() -> None:
    """With the longest names everywhere a challenge stays a token that can be read."""
    long = "\x00" * 256
    named = deepcopy(SNAPSHOT)
    named["envelope"] = {"agent_id": long, "session_id": long, "tenant_id": long}
    given = naming(["alice", *("\x00" * 60 + str(place) for place in range(10, 20))])
    given["approval"] = {"default_resolver": long, "resolvers": {long: {"type": "token"}}}
    given["tools"] = {long: {}}
    given["policies"] = {long: given["policies"]["p"]}
    for point in given["intervention_points"].values():
        point["policy"]["id"] = long
    named["tool_call"]["name"] = long
    one = desk()
    challenge = one.challenge(manifest=given, snapshot=named)
    claim = {"challenge": challenge, "approval": one.approval(challenge)}
    assert one.resolve(manifest=given, snapshot=named, **claim)["verdict"]["decision"] == "allow"
