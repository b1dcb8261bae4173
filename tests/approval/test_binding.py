"""An approval for one action never authorises another (section 19)."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acs_sidecar.approval.approvers import Approvers
from acs_sidecar.approval.token import APPROVAL, CHALLENGE, TokenKind, seal, unseal
from acs_sidecar.audit.format.record import rfc3339
from acs_sidecar.spec.approval import ApprovalOutcome
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.globs import Globs
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
from tests.strategies import TEXT, json_objects, json_values

DESK = Desk()
CHALLENGE_TEXT = DESK.challenge()
APPROVAL_TEXT = DESK.approval(CHALLENGE_TEXT)


def resolve(**members: Any) -> dict[str, Any]:
    """Resolve with the approval that was given for the action of the defaults."""
    return DESK.resolve(**{"challenge": CHALLENGE_TEXT, "approval": APPROVAL_TEXT} | members)


def snapshot(**changes: Any) -> dict[str, Any]:
    """The snapshot with members replaced: `tool_call__args__amount=901`."""
    changed = deepcopy(SNAPSHOT)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = changed
        for name in parents:
            place = place[name]
        place[last] = value
    return changed


@contextmanager
def at(seconds: float) -> Iterator[None]:
    """Let the service's clock show a time after the challenge was issued."""
    DESK.now = NOW + round(seconds * SECOND)
    try:
        yield
    finally:
        DESK.now = NOW


@contextmanager
def holding(keys: Keys) -> Iterator[None]:
    """Let the service hold other keys for a while."""
    before = (DESK.keys.private, DESK.keys.trusted)
    DESK.keys.private, DESK.keys.trusted = keys.private, keys.trusted
    try:
        yield
    finally:
        DESK.keys.private, DESK.keys.trusted = before


def test_the_approved_action_is_allowed() -> None:
    """The same action, in time, approved by an approver whom the operator trusts."""
    response = resolve()
    assert response["verdict"] == {"decision": "allow", "reason": "approved", "result_labels": ["money"]}
    assert response["approval"] == {
        "outcome": "allow",
        "by": "approver",
        "resolver": "officer",
        "approver": "alice",
        "expires": "2027-01-15T08:01:00.000000Z",
        "escalation": None,
    }


SNAPSHOTS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(lambda amount: snapshot(tool_call__args__amount=amount)),
    TEXT.map(lambda to: snapshot(tool_call__args__to=to)),
    TEXT.map(lambda name: snapshot(envelope__agent__id=name)),
    json_values().map(lambda agent: snapshot(envelope__agent=agent)),
    json_values().map(lambda session: snapshot(envelope__session=session)),
    json_values().map(lambda tenant: snapshot(envelope__tenant=tenant)),
    st.sampled_from(["refund", "pay ", "PAY"]).map(lambda name: snapshot(tool_call__name=name)),
    json_objects().map(lambda extra: extra | SNAPSHOT),
    json_objects().map(lambda args: snapshot(tool_call__args={"amount": 900} | args)),
    json_objects(),
)
POLICY = "policies"
MANIFESTS = st.one_of(
    json_objects().map(lambda metadata: manifest(metadata=metadata)),
    json_objects().map(lambda tool: manifest(tools={"pay": tool, "refund": {}})),
    st.integers(1, 10**6).map(
        lambda seconds: manifest(
            {
                "default_resolver": "officer",
                "timeout_seconds": seconds + 60,
                "resolvers": {"officer": {"type": "token"}},
            }
        )
    ),
    st.sampled_from(["allow", "suspend"]).map(
        lambda way: manifest(
            {
                "default_resolver": "officer",
                "timeout_seconds": 60,
                "on_timeout": way,
                "resolvers": {"officer": {"type": "token"}},
            }
        )
    ),
    TEXT.filter(str.strip).map(
        lambda name: manifest(
            {"default_resolver": name, "timeout_seconds": 60, "resolvers": {name: {"type": "token"}}}
        )
    ),
    st.sampled_from(["allow", "deny", "escalate"]).map(
        lambda decision: manifest(policies={"p": {"type": "test", "output": {"decision": decision}}})
    ),
)
PRIVATE = st.binary(min_size=32, max_size=32).map(Ed25519PrivateKey.from_private_bytes)


@settings(deadline=None)
@given(SNAPSHOTS)
@example(snapshot(envelope__agent__id="agent-8"))
def test_another_snapshot_is_another_action(changed: dict[str, Any]) -> None:
    """Whatever differs in the snapshot, the approval does not reach it."""
    response = resolve(snapshot=changed)
    if canonical(changed) == canonical(SNAPSHOT):
        assert response["verdict"]["decision"] == "allow"
    else:
        assert response["verdict"]["decision"] == "deny"


@settings(deadline=None)
@given(MANIFESTS)
def test_another_manifest_is_another_action(changed: dict[str, Any]) -> None:
    """An approval under one manifest holds under that manifest alone."""
    response = resolve(manifest=changed)
    if canonical(changed) == canonical(manifest()):
        assert response["verdict"]["decision"] == "allow"
    else:
        assert response["verdict"]["decision"] == "deny"


@pytest.mark.parametrize("point", ["post_tool_call", "input", "output", "nowhere"])
def test_another_point_is_another_action(point: str) -> None:
    """The same snapshot at another intervention point was not approved."""
    assert resolve(intervention_point=point)["verdict"]["decision"] == "deny"


@settings(deadline=None)
@given(st.floats(-86_400, 86_400))
@example(59.999999)
@example(60.0)
@example(-60.0)
@example(-60.000002)
def test_an_approval_holds_for_its_time(seconds: float) -> None:
    """From when the challenge was issued, give or take two clocks, until it expires."""
    with at(seconds):
        decision = resolve()["verdict"]["decision"]
    microseconds = round(seconds * SECOND)
    assert decision == ("allow" if -60 * SECOND <= microseconds < 60 * SECOND else "deny")


@settings(deadline=None)
@given(PRIVATE)
def test_another_approver_is_no_approver(private: Ed25519PrivateKey) -> None:
    """A signature by a key that the operator does not list is worth nothing."""
    forged = DESK.approval(CHALLENGE_TEXT, private=private)
    if private.public_key() != ALICE.public_key():
        assert refusal(resolve(approval=forged)) == (
            FAILED,
            "the approval is not signed by a key in ACS_APPROVAL_TRUST_FILE",
        )


@settings(deadline=None)
@given(PRIVATE)
def test_another_service_key_made_no_challenge(private: Ed25519PrivateKey) -> None:
    """A challenge that another key signed, alike in every other way, with an approval that fits it."""
    body = unseal(CHALLENGE, CHALLENGE_TEXT).body
    forged = seal(CHALLENGE, body, private)
    if private.public_key() != SERVICE_KEY.public_key():
        response = resolve(challenge=forged, approval=DESK.approval(forged))
        assert refusal(response) == (FAILED, "the challenge is not signed by this service's key")


@settings(deadline=None)
@given(st.data())
def test_one_byte_changed_is_too_many(data: st.DataObject) -> None:
    """A challenge or an approval with any one character changed, added or lost is refused."""
    name, text = data.draw(
        st.sampled_from([("challenge", CHALLENGE_TEXT), ("approval", APPROVAL_TEXT)]), label="which"
    )
    place = data.draw(st.integers(0, len(text) - 1), label="place")
    put = data.draw(st.text(max_size=2), label="put")
    changed = text[:place] + put + text[place + 1 :]
    if changed != text:
        assert refusal(resolve(**{name: changed}))[0] == FAILED


@settings(deadline=None)
@given(json_objects())
def test_nothing_but_a_challenge_is_one(body: dict[str, Any]) -> None:
    """What the service's own key might have signed in another shape is no challenge."""
    response = resolve(challenge=seal(CHALLENGE, body, SERVICE_KEY))
    assert refusal(response) == (FAILED, "the challenge lacks members")


@pytest.mark.parametrize("kind", [CHALLENGE, APPROVAL], ids=["challenge", "approval"])
def test_a_token_that_is_nested_too_deep_is_none(kind: TokenKind) -> None:
    """What can be read and not be written is not canonical, whoever signed it."""
    content = b'{"a":' + b"[" * 300 + b"]" * 300 + b"}"
    text = ".".join((kind.prefix, urlsafe_b64encode(content).decode().rstrip("="), "A" * 86))
    assert refusal(resolve(**{kind.name: text})) == (FAILED, f"the {kind.name} does not hold canonical JSON")


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("agent_id", snapshot(envelope__agent__id="agent-8")),
        ("enforced_identity", snapshot(tool_call__args__amount=901)),
        ("session_id", snapshot(envelope__session__id="s-2")),
        ("tenant_id", snapshot(envelope__tenant__id="t-2")),
        ("tool", snapshot(tool_call__name="refund")),
    ],
)
def test_a_mismatch_names_the_member(name: str, changed: dict[str, Any]) -> None:
    """The first member that differs is named, never its value."""
    assert refusal(resolve(snapshot=changed)) == (MISMATCH, f"`{name}` differs from the challenge")


def test_an_action_that_needs_no_approval_any_more() -> None:
    """It is not the one that was escalated: its own verdict is another request away."""
    assert refusal(resolve(snapshot=snapshot(tool_call__args__amount=5))) == (
        MISMATCH,
        "the action no longer escalates: request a new verdict",
    )


def test_a_deny_by_the_policy_stands() -> None:
    """No approval lifts what the policy denies by now."""
    response = resolve(snapshot=snapshot(tool_call__args__amount=6000))
    assert response["verdict"] == {"decision": "deny", "reason": "too_much", "result_labels": []}
    assert response["approval"]["by"] == "policy"


def test_a_failed_evaluation_stands() -> None:
    """Its own reason is given."""
    assert refusal(resolve(snapshot={}))[0] == "runtime_error:path_missing"


def test_an_approval_of_another_challenge() -> None:
    """The same action, escalated a moment later: the approval answers the other challenge."""
    with at(1):
        other = DESK.challenge()
    assert refusal(resolve(challenge=other)) == (FAILED, "the approval is for another challenge")


def test_an_approval_of_another_action() -> None:
    """An approval whose identity is another one is for another action."""
    other = DESK.challenge(snapshot=snapshot(tool_call__args__amount=901))
    assert refusal(resolve(approval=DESK.approval(other))) == (
        MISMATCH,
        "the approval is for another action: the identities differ",
    )


def test_a_challenge_of_another_service() -> None:
    """Two deployments that share a key by mistake do not share approvals."""
    other = Desk(service="other").challenge()
    assert refusal(resolve(challenge=other, approval=DESK.approval(other))) == (
        FAILED,
        "the challenge was issued by another service",
    )


def test_a_token_of_one_kind_is_none_of_another() -> None:
    """A challenge is no approval, also when its key is trusted as an approver's."""
    with holding(Keys(trusted=Approvers((approver("service", SERVICE_KEY),)))):
        relabelled = CHALLENGE_TEXT.replace(CHALLENGE.prefix, APPROVAL.prefix)
        assert refusal(resolve(approval=relabelled))[0] == FAILED


def test_a_key_that_was_rotated_out() -> None:
    """A challenge outlives its key only where the operator keeps the old one."""
    with holding(Keys(private=MALLORY)):
        assert refusal(resolve())[1] == "the challenge is not signed by this service's key"


@pytest.mark.parametrize(
    ("entry", "detail"),
    [
        (approver(until="2027-01-15T08:00:00.000000Z"), "the approver's key has expired"),
        (approver(resolvers=Globs(["other-*"])), "the approver is not allowed to approve for this resolver"),
        (
            approver(agents=Globs(["agent-8", "AGENT-7"])),
            "the approver is not allowed to approve for this agent",
        ),
        (approver(manifests=Globs(["*"])), "the approver is not allowed to approve for this manifest"),
    ],
)
def test_an_approver_out_of_scope(entry: Any, detail: str) -> None:
    """A trusted approver approves what it may, while it may; an inline manifest has no name to match."""
    with holding(Keys(trusted=Approvers((entry,)))):
        assert refusal(resolve()) == (FAILED, detail)


def test_an_approver_within_scope() -> None:
    """Globs that match, and an end that is still to come; one entry of several is enough."""
    entries = (
        approver(agents=Globs(["other"])),
        approver(
            "alice", resolvers=Globs(["off*"]), agents=Globs(["agent-?"]), until="2027-01-15T08:00:00.000001Z"
        ),
    )
    with holding(Keys(trusted=Approvers(entries))):
        assert resolve()["verdict"]["decision"] == "allow"


def test_no_approvers_at_all() -> None:
    """Where the operator names nobody, nobody is trusted."""
    with holding(Keys(trusted=None)):
        assert refusal(resolve()) == (FAILED, "no approver is trusted: ACS_APPROVAL_TRUST_FILE is not set")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"outcome": "maybe"}, "the outcome is not `allow`, `deny` or `suspend`"),
        ({"outcome": None}, "the outcome is not `allow`, `deny` or `suspend`"),
        ({"time": "yesterday"}, "the approval has no time"),
        ({"time": rfc3339(NOW)[:-8] + "\u0661.000000Z"}, "the approval has no time"),
        ({"time": rfc3339(NOW)[:-10] + "99.000000Z"}, "the approval has no time"),
        ({"time": rfc3339(NOW)[:-1] + "+00:00"}, "the approval has no time"),
        ({"time": f"{rfc3339(NOW)}\n"}, "the approval has no time"),
        ({"challenge": None}, "the approval is for another challenge"),
    ],
)
def test_an_approval_of_another_shape(body: dict[str, Any], detail: str) -> None:
    """A trusted approver's signature under something that nobody foresaw approves nothing."""
    signed = seal(APPROVAL, unseal(APPROVAL, APPROVAL_TEXT).body | body, ALICE)
    assert refusal(resolve(approval=signed)) == (FAILED, detail)


@pytest.mark.parametrize(
    ("shift_s", "holds"),
    [(-61, False), (-60, True), (0, True), (60, True), (61, False), (250_000_000_000, False)],
)
def test_an_approval_was_signed_after_its_challenge_and_before_now(shift_s: int, holds: bool) -> None:
    """The time that goes into the record is one at which it can have been signed, by clocks a minute apart."""
    signed = seal(
        APPROVAL, unseal(APPROVAL, APPROVAL_TEXT).body | {"time": rfc3339(NOW + shift_s * SECOND)}, ALICE
    )
    response = resolve(approval=signed)
    if holds:
        assert response["verdict"]["decision"] == "allow"
    else:
        detail = "the approval's time is before its challenge or in the future: synchronize the clocks"
        assert refusal(response) == (FAILED, detail)


@pytest.mark.parametrize("outcome", ApprovalOutcome)
def test_approvals_carry_their_outcome(outcome: ApprovalOutcome) -> None:
    """`suspend` stays an escalation for whoever reads nothing but the decision."""
    response = resolve(approval=DESK.approval(CHALLENGE_TEXT, outcome))
    expected = {"allow": "allow", "deny": "deny", "suspend": "escalate"}[outcome]
    assert (response["verdict"]["decision"], response["approval"]["outcome"]) == (expected, outcome)
