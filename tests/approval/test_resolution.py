"""What becomes of an escalation: who is asked, when time is up, and when nobody is asked at all (section 19)."""

from copy import deepcopy
from typing import Any

import pytest

from acs_sidecar.approval.approvers import Approvers
from acs_sidecar.approval.ports import ApprovalKey, KeysUnavailableError
from acs_sidecar.spec.approval import MAX_TIMEOUT_SECONDS, ApprovalOutcome
from tests.approval.desk import FAILED, MALLORY, NOW, SECOND, SNAPSHOT, Desk, Keys, manifest, refusal

MISSING = "runtime_error:approval_resolver_missing"


@pytest.fixture
def desk() -> Desk:
    """A service of its own."""
    return Desk()


def section(**members: Any) -> dict[str, Any]:
    """A manifest whose `approval` has other members besides."""
    return manifest(
        {"default_resolver": "officer", "timeout_seconds": 60, "resolvers": {"officer": {"type": "token"}}}
        | members
    )


def test_nothing_but_an_escalation_that_is_enforced_has_an_offer(desk: Desk) -> None:
    """An allow, a deny, an evaluation that enforces nothing, and a manifest without a resolver have none."""
    allowed, denied = deepcopy(SNAPSHOT), deepcopy(SNAPSHOT)
    allowed["tool_call"]["args"]["amount"] = 1
    denied["tool_call"]["args"]["amount"] = 6000
    assert "approval" not in desk.evaluate(snapshot=allowed)
    assert "approval" not in desk.evaluate(snapshot=denied)
    assert "approval" not in desk.evaluate(mode="evaluate_only")
    assert "approval" not in desk.evaluate(manifest=section() | {"approval": {"timeout_seconds": 5}})
    assert "approval" in desk.evaluate()


def test_a_challenge_is_determined(desk: Desk) -> None:
    """The same escalation at the same time has the same challenge."""
    assert desk.challenge() == desk.challenge() == Desk().challenge()


def test_nobody_answered_yet(desk: Desk) -> None:
    """The action stays escalated."""
    response = desk.resolve(challenge=desk.challenge())
    assert response["verdict"] == {"decision": "escalate", "reason": "large", "result_labels": ["money"]}
    assert (response["approval"]["outcome"], response["approval"]["by"]) == ("pending", "service")


@pytest.mark.parametrize(("outcome", "decision"), [("deny", "deny"), ("suspend", "escalate")])
def test_a_host_may_say_no_itself(desk: Desk, outcome: str, decision: str) -> None:
    """What lifts nothing needs no signature."""
    response = desk.resolve(challenge=desk.challenge(), outcome=outcome)
    assert response["verdict"]["decision"] == decision
    assert (response["approval"]["outcome"], response["approval"]["by"]) == (outcome, "host")


@pytest.mark.parametrize(
    ("outcome", "detail"),
    [
        ("allow", "an `outcome` of `allow` needs an approver's signature: send `approval`"),
        ("maybe", "the outcome is not `allow`, `deny` or `suspend`"),
        ("", "the outcome is not `allow`, `deny` or `suspend`"),
    ],
)
def test_a_host_may_not_say_yes_itself(desk: Desk, outcome: str, detail: str) -> None:
    """An allow has a signature; an unknown outcome is a failure."""
    assert refusal(desk.resolve(challenge=desk.challenge(), outcome=outcome)) == (FAILED, detail)


def test_a_missing_challenge(desk: Desk) -> None:
    """Without one there is nothing to resolve."""
    assert refusal(desk.resolve()) == (
        FAILED,
        "`challenge` is missing: send the one returned with the `escalate` verdict",
    )


@pytest.mark.parametrize(
    ("approval", "reason", "detail"),
    [
        ({"timeout_seconds": 5}, MISSING, "the manifest names no `approval.default_resolver`"),
        (
            {"default_resolver": "x"},
            MISSING,
            "`approval.resolvers.x` is not declared: the action cannot be approved",
        ),
        (
            {"default_resolver": "x", "resolvers": {"x": {"type": "local"}}},
            MISSING,
            "`approval.resolvers.x.type` `local` is not a known resolver type (",
        ),
    ],
)
def test_no_resolver(desk: Desk, approval: dict[str, Any], reason: str, detail: str) -> None:
    """A manifest is valid whose resolver is not ours, and its escalations end in a deny that says so."""
    given = manifest() | {"approval": approval}
    offer = desk.evaluate(manifest=given).get("approval")
    assert offer is None or (offer["challenge"] is None and offer["detail"].startswith(detail))
    found = refusal(desk.resolve(manifest=given))
    assert (found[0], found[1][: len(detail)]) == (reason, detail)


@pytest.mark.parametrize(
    ("on_timeout", "decision", "outcome", "reason"),
    [
        ("deny", "deny", "deny", FAILED),
        ("allow", "allow", "allow", "approval_timeout"),
        ("suspend", "escalate", "suspend", "large"),
    ],
)
@pytest.mark.parametrize("late", [False, True], ids=["silence", "late approval"])
def test_on_timeout(
    desk: Desk, on_timeout: str, decision: str, outcome: str, reason: str, late: bool
) -> None:
    """After the challenge has expired the manifest's word counts, also against an approval that is late."""
    given = section(on_timeout=on_timeout)
    challenge = desk.challenge(manifest=given)
    claim = {"approval": desk.approval(challenge)} if late else {}
    desk.now = NOW + 60 * SECOND
    response = desk.resolve(manifest=given, challenge=challenge, **claim)
    assert (response["verdict"]["decision"], response["verdict"]["reason"]) == (decision, reason)
    assert (response["approval"]["outcome"], response["approval"]["by"]) == (outcome, "timeout")
    assert response["approval"]["approver"] is None


def test_a_timeout_excuses_no_failure(desk: Desk) -> None:
    """Silence may count as consent; a forged approval, a denial or another action never does."""
    given = section(on_timeout="allow")
    challenge = desk.challenge(manifest=given)
    desk.now = NOW + 60 * SECOND
    claim = {"manifest": given, "challenge": challenge}
    assert desk.resolve(**claim)["verdict"]["decision"] == "allow"
    forged = desk.approval(challenge, private=MALLORY)
    assert refusal(desk.resolve(**claim, approval=forged))[0] == FAILED
    assert refusal(desk.resolve(**claim, outcome="maybe"))[0] == FAILED
    denied = desk.approval(challenge, ApprovalOutcome.DENY)
    assert desk.resolve(**claim, approval=denied)["verdict"]["reason"] == "approval_denied"
    changed = deepcopy(SNAPSHOT)
    changed["tool_call"]["args"]["amount"] = 901
    assert refusal(desk.resolve(**claim, snapshot=changed))[0] == "runtime_error:approval_action_mismatch"
    desk.keys.private = MALLORY
    assert refusal(desk.resolve(**claim))[0] == FAILED


def test_a_timeout_does_not_last(desk: Desk) -> None:
    """It can be claimed for as long again as the challenge held, not for ever."""
    given = section(on_timeout="allow")
    challenge = desk.challenge(manifest=given)
    desk.now = NOW + 120 * SECOND - 1
    assert desk.resolve(manifest=given, challenge=challenge)["verdict"]["decision"] == "allow"
    desk.now = NOW + 120 * SECOND
    assert refusal(desk.resolve(manifest=given, challenge=challenge)) == (
        FAILED,
        "the challenge expired too long ago",
    )


def test_a_challenge_from_the_future(desk: Desk) -> None:
    """A clock that was set back does not make an approval last longer."""
    challenge = desk.challenge()
    desk.now = NOW - 61 * SECOND
    assert refusal(desk.resolve(challenge=challenge, approval=desk.approval(challenge))) == (
        FAILED,
        "the challenge was issued in the future: synchronize the clocks of the replicas",
    )


def test_a_timeout_of_ages_is_clamped(desk: Desk) -> None:
    """A challenge lives for thirty days at most; the default is five minutes."""
    long = desk.evaluate(manifest=section(timeout_seconds=10**15))["approval"]
    assert long["timeout_seconds"] == MAX_TIMEOUT_SECONDS
    default = manifest({"default_resolver": "officer", "resolvers": {"officer": {"type": "console"}}})
    assert desk.evaluate(manifest=default)["approval"]["timeout_seconds"] == 300


COUNTERS: list[tuple[Any, str | None]] = [
    ({"count": 0, "window_seconds": 3600}, None),
    ({"count": 2, "window_seconds": 7200}, None),
    (
        {"count": 3, "window_seconds": 3600},
        "`fatigue_threshold` (3) is reached: no further approval is requested",
    ),
    (
        {"count": 10**18, "window_seconds": 3600},
        "`fatigue_threshold` (3) is reached: no further approval is requested",
    ),
    (None, "`fatigue_threshold` is set but the snapshot has no `envelope.approvals`"),
    ([], "`fatigue_threshold` is set but the snapshot has no `envelope.approvals`"),
    *(
        (
            malformed,
            "`envelope.approvals` must have `count` and may have `window_seconds`, non-negative integers",
        )
        for malformed in (
            {},
            {"count": -1},
            {"count": True, "window_seconds": 3600},
            {"count": "0", "window_seconds": 3600},
            {"count": 0.0, "window_seconds": 3600},
            {"count": 0, "window_seconds": -1},
        )
    ),
    *(
        (
            short,
            "`envelope.approvals.window_seconds` is missing or below `fatigue_window_seconds`",
        )
        for short in ({"count": 0}, {"count": 0, "window_seconds": 3599}, {"count": 5, "window_seconds": 1})
    ),
]


@pytest.mark.parametrize(("counters", "detail"), COUNTERS)
def test_fatigue(desk: Desk, counters: Any, detail: str | None) -> None:
    """Nobody is asked over the limit, or where the host's counters do not tell."""
    given = section(fatigue_threshold=3, fatigue_window_seconds=3600)
    counted = deepcopy(SNAPSHOT)
    if counters is not None:
        counted["envelope"]["approvals"] = counters
    offer = desk.evaluate(manifest=given, snapshot=counted)["approval"]
    if detail is None:
        claim = {"challenge": offer["challenge"], "approval": desk.approval(offer["challenge"])}
        assert desk.resolve(manifest=given, snapshot=counted, **claim)["verdict"]["decision"] == "allow"
        return
    assert (offer["challenge"], offer["expires"], offer["detail"]) == (None, None, detail)
    assert refusal(desk.resolve(manifest=given, snapshot=counted)) == (FAILED, detail)


def test_fatigue_without_a_window(desk: Desk) -> None:
    """Where the manifest sets no window the host chooses it."""
    counted = deepcopy(SNAPSHOT)
    counted["envelope"]["approvals"] = {"count": 2}
    given = section(fatigue_threshold=3)
    assert desk.evaluate(manifest=given, snapshot=counted)["approval"]["challenge"]


class NoKeys(Keys):
    """Keys that cannot be read."""

    def key(self) -> ApprovalKey:
        """Fail."""
        raise KeysUnavailableError("the approval key cannot be used; see the service log")


def test_without_a_key_nothing_is_approved() -> None:
    """The escalation stands, without a challenge; an old one is worth nothing."""
    desk = Desk(NoKeys())
    offer = desk.evaluate()["approval"]
    detail = "the approval key cannot be used; see the service log"
    assert (offer["challenge"], offer["detail"]) == (None, detail)
    assert refusal(desk.resolve(challenge=Desk().challenge())) == (FAILED, detail)


def test_names_of_any_length_fit(desk: Desk) -> None:
    """Whatever names a manifest and a snapshot carry, a challenge stays a token that can be read."""
    long = "n" * 100_000
    given = manifest({"default_resolver": long, "resolvers": {long: {"type": "token"}}})
    named = deepcopy(SNAPSHOT)
    named["envelope"] = {"agent_id": long, "session_id": long, "tenant_id": long}
    challenge = desk.challenge(manifest=given, snapshot=named)
    claim = {"challenge": challenge, "approval": desk.approval(challenge)}
    assert desk.resolve(manifest=given, snapshot=named, **claim)["verdict"]["decision"] == "allow"
    named["envelope"]["agent_id"] += "n"
    assert desk.resolve(manifest=given, snapshot=named, **claim)["verdict"]["decision"] == "deny"


def test_an_unused_trust_list(desk: Desk) -> None:
    """Without approvers every approval is refused."""
    challenge = desk.challenge()
    approval = desk.approval(challenge)
    desk.keys.trusted = Approvers()
    assert refusal(desk.resolve(challenge=challenge, approval=approval))[0] == FAILED
