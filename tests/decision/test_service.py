"""The decision service without a transport: nothing is decided that is not admitted, recorded and told."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from acs_sidecar.approval.resolution import ApprovalClaim
from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.decision.answer import Recorded, Resolved, recorded_json
from acs_sidecar.decision.caller import Caller, Scope, Sender
from acs_sidecar.decision.refusal import Cause, RefusalError, Refused
from acs_sidecar.decision.request import EvaluateRequest
from acs_sidecar.decision.service import DecisionService
from acs_sidecar.spec.globs import Globs
from acs_sidecar.spec.manifest.compiled import InlineMode
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.trace_context import Span
from acs_sidecar.spec.values import Json
from tests.decision.ledger import MANIFEST, Ledger, caller, ledger_service


def request(**members: Any) -> EvaluateRequest:
    """A request that is admitted and allowed unless `members` say otherwise."""
    given: dict[str, Any] = {"point": "input", "snapshot": {}, "nesting": 1} | members
    return EvaluateRequest(**given)


def decide(
    service: DecisionService, evaluate_request: EvaluateRequest, who: Caller | None = None
) -> Recorded | Refused:
    """Decide once."""
    return asyncio.run(service.decide(evaluate_request, Sender(who, None)))


REFUSALS: list[tuple[Cause, Caller, dict[str, Any]]] = [
    (Cause.SCOPE, caller(scopes=frozenset({Scope.METRICS})), {}),
    (Cause.AGENT, caller(agents=Globs(["other-*"])), {"snapshot": {"envelope": {"agent": {"id": "a"}}}}),
    (Cause.FORBIDDEN, caller(), {"include": frozenset({"policy_input"})}),
    (Cause.MANIFEST, caller(manifests=Globs(["other"])), {"manifest_ref": "m"}),
    (Cause.NOT_FOUND, caller(), {"manifest_ref": "unknown"}),
    (Cause.INLINE, caller(inline=False), {"manifest": MANIFEST}),
]


@pytest.mark.parametrize(("cause", "who", "members"), REFUSALS, ids=[cause for cause, *_ in REFUSALS])
@pytest.mark.parametrize("event", ["decision", "approval"])
def test_what_is_not_admitted_is_refused_and_recorded(
    event: str, cause: Cause, who: Caller, members: dict[str, Any]
) -> None:
    """No caller of the service has to check a permission or to record that one was missing."""
    ledger = Ledger()
    evaluate_request, sender = request(**members), Sender(who, Span("t", "s"))
    service = ledger_service(ledger)
    if event == "decision":
        refused: Recorded | Resolved | Refused = asyncio.run(service.decide(evaluate_request, sender))
    else:
        refused = asyncio.run(service.resolve(evaluate_request, ApprovalClaim(), sender))
    assert isinstance(refused, Refused)
    assert refused.error.cause is cause
    assert ledger.observed == [f"refused: {cause}"]
    (entry,) = ledger.entries
    assert (entry.event, entry.decision, entry.reason) == (event, "deny", Reason.REQUEST_INVALID)
    assert (entry.intervention_point, entry.caller, entry.trace_id) == ("input", "host", "t")


def test_a_mode_without_inline_manifests_refuses_every_caller() -> None:
    """The mode is the operator's; where nobody needs to say who calls it holds as well."""
    ledger = Ledger()
    refused = decide(ledger_service(ledger, InlineMode.DENY), request(manifest=MANIFEST))
    assert isinstance(refused, Refused)
    assert refused.error.cause is Cause.INLINE
    assert len(ledger.entries) == 1


def test_a_decision_is_recorded_before_it_is_told() -> None:
    """A decision that cannot be recorded is a refusal, and no sink ever hears of it."""
    ledger = Ledger()
    recorded = decide(ledger_service(ledger), request(), caller())
    assert isinstance(recorded, Recorded)
    assert recorded.position == AuditPosition("ledger", 0, "id")
    assert (ledger.observed, ledger.entries[0].decision, ledger.entries[0].caller) == (
        ["decided"],
        "allow",
        "host",
    )
    broken = Ledger(broken=True)
    refused = decide(ledger_service(broken), request(request_id="r1"))
    assert isinstance(refused, Refused)
    assert (refused.error.cause, refused.error.request_id) == (Cause.UNAVAILABLE, "r1")
    assert broken.observed == ["refused: unavailable"]


def test_a_refusal_that_cannot_be_recorded_says_so() -> None:
    """The answer is about the log then, whatever was wrong with the request."""
    ledger = Ledger(broken=True)
    refused = decide(ledger_service(ledger), request(manifest_ref="unknown"))
    assert isinstance(refused, Refused)
    assert refused.error.cause is Cause.UNAVAILABLE
    assert ledger.observed == ["refused: not_found"]


def test_a_failing_evaluation_is_a_recorded_deny() -> None:
    """Any exception inside an evaluation, foreseen or not, becomes a verdict with a reserved reason."""
    ledger = Ledger()
    recorded = decide(ledger_service(ledger), request(point="output"))
    assert isinstance(recorded, Recorded)
    assert recorded.decision.verdict.reason == Reason.INTERVENTION_POINT_UNKNOWN
    # A snapshot that is no JSON at all cannot come from a transport: nothing foresees it.
    recorded = decide(ledger_service(ledger), request(snapshot={"a": object()}))
    assert isinstance(recorded, Recorded)
    assert recorded.decision.verdict.reason == Reason.POLICY_INVOCATION_FAILED
    assert [type(error) for error in ledger.faults] == [TypeError]
    assert [entry.decision for entry in ledger.entries] == ["deny", "deny"]
    assert ledger.observed == ["decided", "decided"]


async def _no_receipt(position: AuditPosition) -> Json:
    raise RefusalError(Cause.NOT_FOUND, f"no record {position.index}")


async def _broken_receipt(position: AuditPosition) -> Json:
    raise OSError(position.log)


@pytest.mark.parametrize(
    ("receipts", "cause"), [(_no_receipt, Cause.NOT_FOUND), (_broken_receipt, Cause.FAULT)]
)
def test_an_answer_that_cannot_be_completed_is_a_recorded_refusal(
    receipts: Callable[[AuditPosition], Any], cause: Cause
) -> None:
    """What fails after the record of the decision has a record of its own."""
    ledger = Ledger()
    service = ledger_service(ledger, receipts=receipts)
    refused = decide(service, request(include=frozenset({"receipt"})))
    assert isinstance(refused, Refused)
    assert refused.error.cause is cause
    assert [entry.decision for entry in ledger.entries] == ["allow", "deny"]
    assert len(ledger.faults) == (cause is Cause.FAULT)


def test_a_receipt_is_given_to_whom_asks_for_it() -> None:
    """It is the service's to add, whatever the transport."""

    async def receipt(position: AuditPosition) -> Json:
        return {"index": position.index}

    service = ledger_service(Ledger(), receipts=receipt)
    for include, expected in ((frozenset({"receipt"}), {"index": 0}), (frozenset[str](), None)):
        recorded = decide(service, request(include=include))
        assert isinstance(recorded, Recorded)
        assert recorded_json(recorded, include).get("receipt") == expected
