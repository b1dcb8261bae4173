"""An approval lifts the one call that it is of, and lifts it once (section 12.7)."""

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from acs_client import AsyncClient, Client, Denied, Escalated
from acs_sidecar.spec.approval import ApprovalOutcome
from tests.clients.python.governed import signed as signed_approval
from tests.clients.python.governed import write_approvers
from tests.conftest import ROOT, Service, start_service

PAYMENT = {"recipient": "acme", "amount_cents": 200001, "currency": "EUR"}


@pytest.fixture(scope="module")
def approving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that knows an approver."""
    folder = tmp_path_factory.mktemp("approving")
    manifests = ("--manifests", str(ROOT / "manifests"))
    running = start_service(folder, *manifests, ACS_APPROVAL_TRUST_FILE=str(write_approvers(folder)))
    yield running
    running.stop()


@pytest.fixture
def client(approving: Service) -> Iterator[Client]:
    """A client of it, for the payments agent."""
    with Client(approving.url, manifest="payments-agent") as made:
        yield made


def signed(ticket: dict[str, Any], outcome: ApprovalOutcome = ApprovalOutcome.ALLOW) -> str:
    """What Alice signs for a ticket."""
    return signed_approval(ticket["approval"], outcome)


def escalated(client: Client, **options: Any) -> tuple[Any, dict[str, Any]]:
    """A session and the ticket of its payment."""
    session = client.session("payments-agent", id="s-1", **options)
    with pytest.raises(Escalated) as raised:
        session.pre_tool_call("pay", PAYMENT, id="c-1")
    assert raised.value.ticket is not None
    return session, raised.value.ticket


def test_an_approver_of_the_session(client: Client) -> None:
    """A function that returns a signed approval lifts the call where it was made."""
    session = client.session("payments-agent", approver=signed)
    decision = session.pre_tool_call("pay", PAYMENT)
    assert (decision.decision, decision.reason, decision.value) == ("allow", "approved", PAYMENT)
    assert session.budgets.calls == 1


def test_a_ticket_that_comes_back(client: Client) -> None:
    """After a pause the same call goes on, once."""
    session, ticket = escalated(client)
    approval = signed(ticket)
    assert session.pre_tool_call("pay", PAYMENT, id="c-1", ticket=ticket, approval=approval).value == PAYMENT
    with pytest.raises(Denied) as again:
        session.pre_tool_call("pay", PAYMENT, id="c-1", ticket=ticket, approval=approval)
    assert (again.value.cause, again.value.decision.reason) == (
        "ticket_used",
        "runtime_error:approval_resolver_failed",
    )
    with pytest.raises(Escalated):
        session.pre_tool_call("pay", PAYMENT, id="c-2")


@pytest.mark.parametrize(
    ("name", "arguments", "call_id", "message"),
    [
        ("wire", PAYMENT, "c-1", "it is of another tool"),
        ("pay", PAYMENT | {"amount_cents": 200002}, "c-1", "it is of other arguments"),
        ("pay", PAYMENT, "c-2", "it is of another call"),
    ],
)
def test_a_ticket_of_another_call(
    client: Client, name: str, arguments: dict[str, Any], call_id: str, message: str
) -> None:
    """Nothing in a ticket is believed."""
    session, ticket = escalated(client)
    with pytest.raises(Denied) as raised:
        session.pre_tool_call(name, arguments, id=call_id, ticket=ticket, approval=signed(ticket))
    assert raised.value.cause == "ticket"
    assert raised.value.decision.message == f"the ticket is not of this action: {message}"
    assert session.budgets.calls == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ticket: ticket["snapshot"]["envelope"]["agent"].update(id="other"), "it is of another agent"),
        (
            lambda ticket: ticket["snapshot"]["envelope"]["session"].update(id="other"),
            "it is of another session",
        ),
        (lambda ticket: ticket.update(point="post_tool_call"), "it is of another intervention point"),
        (lambda ticket: ticket.update(version=2), "it is no ticket of version 1"),
        (lambda ticket: ticket.update(note=""), "it is no ticket of version 1"),
        (lambda ticket: ticket.update(approval=None), "it has no snapshot or no approval"),
        (lambda ticket: ticket["approval"].update(challenge=None), "it has no challenge or no request id"),
    ],
)
def test_a_ticket_that_was_changed(client: Client, change: Any, message: str) -> None:
    """A ticket that travelled through a browser may come back as anything."""
    session, ticket = escalated(client)
    approval = signed(ticket)
    change(ticket)
    with pytest.raises(Denied) as raised:
        session.pre_tool_call("pay", PAYMENT, id="c-1", ticket=ticket, approval=approval)
    assert raised.value.decision.message == f"the ticket is not of this action: {message}"


def test_a_changed_snapshot_is_refused_by_the_service(client: Client) -> None:
    """What the client cannot tell apart, the signature does."""
    session, ticket = escalated(client)
    approval = signed(ticket)
    ticket["snapshot"]["envelope"]["timestamp"] = "2020-01-01T00:00:00.000Z"
    with pytest.raises(Denied) as raised:
        session.pre_tool_call("pay", PAYMENT, id="c-1", ticket=ticket, approval=approval)
    assert raised.value.decision.reason == "runtime_error:approval_action_mismatch"


def test_what_is_no_signature_lifts_nothing(client: Client) -> None:
    """A click, a word, another outcome: the call stays blocked."""
    session, ticket = escalated(client)
    with pytest.raises(Escalated):
        session.pre_tool_call("pay", PAYMENT, id="c-1", ticket=ticket)
    for approval in ("yes", "allow", signed(ticket, ApprovalOutcome.DENY)):
        with pytest.raises(Denied):
            session.pre_tool_call("pay", PAYMENT, id="c-1", ticket=ticket, approval=approval)
    for answer, kind in (("deny", Denied), ("suspend", Escalated), (None, Escalated)):
        with pytest.raises(kind):
            client.session("payments-agent", approver=partial(_said, answer)).pre_tool_call("pay", PAYMENT)
    assert session.budgets.calls == 0


def _said(answer: str | None, _: dict[str, Any]) -> str | None:
    return answer


@pytest.mark.parametrize("is_awaited", [True, False])
def test_an_approver_of_async_code(approving: Service, is_awaited: bool) -> None:
    """One that waits for a person holds nothing else up, whether it is awaited or not."""

    async def run() -> Any:
        person, decided = threading.Event(), asyncio.Event()

        def ask(ticket: dict[str, Any]) -> str:
            assert person.wait(30)
            return signed(ticket)

        async def ask_and_wait(ticket: dict[str, Any]) -> str:
            await decided.wait()
            return signed(ticket)

        async with AsyncClient(approving.url, manifest="payments-agent") as client:
            session = client.session("payments-agent", approver=ask_and_wait if is_awaited else ask)
            call = asyncio.create_task(session.pre_tool_call("pay", PAYMENT))
            await asyncio.sleep(0.05)
            assert not call.done()
            person.set()
            decided.set()
            return (await call).value

    assert asyncio.run(run()) == PAYMENT
