"""Sessions against a real service: what is sent, what is kept, what is put back (sections 12.3 to 12.6)."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from acs_client import (
    AsyncClient,
    Blocked,
    Client,
    Decision,
    Denied,
    Escalated,
    Unavailable,
    current_session,
    govern,
    governed,
)
from acs_client.calls import Call
from acs_client.errors import ConfigurationError
from acs_client.session import leave_session
from acs_client.snapshot.clock import Clock
from tests.clients.answers import ALLOW
from tests.clients.canned import canned, reply
from tests.conftest import Service

CALL = {"order_id": "1042", "amount": 500, "currency": "EUR"}


class StoppedClock(Clock):
    """Stands still on a morning of 2025."""

    def now(self) -> float:
        """Seconds since 1970."""
        return 1736935200.0

    def monotonic(self) -> float:
        """Seconds that stand still."""
        return 7.0


def test_the_published_vector(client: Client) -> None:
    """The identity of a known call is the published one, and it escalates (12.12, V1)."""
    session = client.session("support-1", id="s-1", clock=StoppedClock())
    session.budgets.calls = 1
    with pytest.raises(Escalated) as raised:
        session.pre_tool_call("issue_refund", CALL, id="call-1")
    assert raised.value.decision.reason == "refund_over_limit"
    identity = "sha256:d4db80edd0cd90fc5e34b9e586b4cec223623f7fdb6c911b0aa28a77622a6807"
    assert raised.value.decision.input_identity == identity
    assert session.budgets.calls == 1
    allowed = session.pre_tool_call("issue_refund", CALL | {"amount": 99.5}, id="call-1")
    assert (allowed.decision, allowed.value) == ("allow", CALL | {"amount": 99.5})


def test_parallel_calls_see_each_other(service: Service) -> None:
    """Of calls that start at once each counts the others, so that a limit of `n + 1` runs exactly one (12.12, V2)."""
    ran, denied = [], []
    with Client(service.url, manifest="support-agent") as client:
        session = client.session("a")
        limit, width = session.budgets.calls + 1, 8
        seen: list[int] = []

        def call() -> None:
            try:
                with session.tool("search_help", {"q": "x"}) as permitted:
                    seen.append(session.budgets.calls)
                    ran.append(permitted.args)
            except Blocked as blocked:
                denied.append(blocked)

        with ThreadPoolExecutor(width) as threads:
            for _ in range(width):
                threads.submit(call)
    assert (len(ran), denied, session.budgets.calls) == (width, [], width)
    assert limit == 1


def test_a_count_is_that_of_the_others(service: Service) -> None:
    """The snapshots of two calls that are awaited at once carry `n` and `n + 1`."""
    counts: list[int] = []
    both = threading.Barrier(2)

    class Watching(Client):
        def evaluate_json(self, call: Call, snapshot: dict[str, Any]) -> Decision:
            counts.append(snapshot["envelope"]["budgets"]["tool_call_count"])
            both.wait(10)
            return super().evaluate_json(call, snapshot)

    with Watching(service.url, manifest="support-agent") as client:
        session = client.session("a", points={"pre_tool_call"})
        session.budgets.calls = 3
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda _: session.pre_tool_call("search_help", {}), range(2)))
    assert sorted(counts) == [3, 4]


def test_a_session_from_start_to_end(client: Client) -> None:
    """Every point that the manifest binds is evaluated; what is not bound goes on."""
    seen: list[tuple[str, str]] = []
    with client.session(
        "support-1",
        tools=["search_help"],
        on_decision=lambda decision: seen.append((decision.point, decision.decision)),
    ) as session:
        session.input("Where is my parcel?")
        session.pre_model_call([{"role": "user", "content": "Where is my parcel?"}])
        session.post_model_call(
            {"content": "", "tool_calls": [], "finish_reason": "stop"}, usage={"prompt_tokens": 7}
        )
        with session.tool("search_help", {"q": "parcel"}) as call:
            assert call.result("on its way") == "on its way"
        assert session.output("Write to bob@example.com").value == "Write to [email]"
        assert (session.budgets.tokens, session.budgets.calls) == (7, 1)
    assert seen == [
        ("agent_startup", "allow"),
        ("input", "allow"),
        ("pre_model_call", "allow"),
        ("post_model_call", "allow"),
        ("pre_tool_call", "allow"),
        ("post_tool_call", "allow"),
        ("output", "transform"),
        ("agent_shutdown", "allow"),
    ]


def test_labels_follow_data(client: Client) -> None:
    """Labels of a permitted verdict are sent with everything after it, until the host resets them."""
    session = client.session("support-1")
    session.pre_tool_call("lookup_order", {"order_id": "1"})
    session.post_tool_call("lookup_order", {"order_id": "1"}, {"status": "sent"})
    assert list(session.labels) == ["customer-data"]
    session.labels.reset()
    assert list(session.labels) == []


def test_no_tool_runs_where_the_manifest_does_not_bind_its_point(service: Service) -> None:
    """A manifest without `pre_tool_call` governs no tool."""
    with Client(service.url, manifest="screened-agent") as client:
        session = client.session("a", points={"input"})
        with pytest.raises(Denied) as raised:
            session.pre_tool_call("x", {})
    assert (raised.value.cause, raised.value.decision.reason) == (
        "ungoverned",
        "runtime_error:adapter_unsupported",
    )


def test_a_point_that_the_manifest_lacks_is_no_pass(service: Service) -> None:
    """A set of points is evaluated as the host says it, and the service denies what it does not know."""
    with Client(service.url, manifest="support-agent") as client, pytest.raises(Denied) as raised:
        client.session("a", points={"pre_model_call"}).pre_model_call([])
    assert raised.value.decision.reason == "runtime_error:intervention_point_unknown"


def test_a_manifest_that_is_not_loaded(service: Service) -> None:
    """Points that cannot be learnt are no permit."""
    with Client(service.url, manifest="nobody") as client, pytest.raises(Unavailable) as raised:
        client.session("a").input("x")
    assert raised.value.decision.message == "the service lists no valid manifest `nobody`"


def test_evaluate_only_raises_and_replaces_nothing(client: Client) -> None:
    """Verdicts are shown to the host, and what was given is what is returned."""
    seen = []
    session = client.session(
        "a", mode="evaluate_only", on_decision=lambda decision: seen.append(decision.decision)
    )
    assert session.output("Write to bob@example.com").value == "Write to bob@example.com"
    assert session.pre_tool_call("close_account", {"id": 1}).value == {"id": 1}
    assert session.pre_tool_call("x", {"id": float("nan")}).value["id"] != 0
    assert seen == ["transform", "deny", "deny"]


def test_a_tool_that_raises(client: Client) -> None:
    """Its error is evaluated: a deny replaces it, for error texts reach the model too."""
    session = client.session("a")
    with pytest.raises(Denied) as raised, session.tool("search_help", {"q": "x"}):
        raise KeyError("x")
    assert (raised.value.point, raised.value.decision.reason) == ("post_tool_call", "tool_failed")
    summary = session.export()
    assert (summary["errors"], summary["calls"]) == (1, 1)


def test_an_error_that_is_permitted_is_raised_again(client: Client) -> None:
    """What the tool raised reaches the host as it was."""
    session = client.session("a", points={"pre_tool_call"})
    with pytest.raises(KeyError), session.tool("search_help", {"q": "x"}):
        raise KeyError("x")


def test_a_session_goes_on_in_another_process(client: Client) -> None:
    """What was kept survives as JSON."""
    session = client.session("support-1", id="s-1", labels=["pii"])
    session.pre_tool_call("search_help", {})
    exported = session.export()
    again = client.restore(exported)
    assert again.export() | {"elapsed_seconds": 0} == exported | {"elapsed_seconds": 0}
    with pytest.raises(ValueError, match="this is no export of a session"):
        client.restore({})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"agent": None}, "a session needs the id of its agent: name it, or set `ACSCLIENT_AGENT`"),
        ({"mode": "audit"}, "`mode` is neither `enforce` nor `evaluate_only`"),
        ({"points": "input"}, "`points` is neither MANIFEST nor a set of agent_startup, input"),
        ({"points": {"inputs"}}, "`points` is neither MANIFEST nor a set of agent_startup, input"),
        ({"context": {"envelope": {}}}, "`context` has members of the profile: envelope"),
    ],
)
def test_options_that_contradict_the_profile(client: Client, options: dict[str, Any], message: str) -> None:
    """A session that could not be what it says is not made."""
    with pytest.raises(ConfigurationError, match=message):
        client.session(**{"agent": "a", **options})


def test_points_out_of_an_iterator_are_all_asked_for(client: Client) -> None:
    """They are read once: none of them is taken for a point that is not bound."""
    seen: list[str] = []
    points = iter(["input", "output"])
    session = client.session("a", points=points, on_decision=lambda decision: seen.append(decision.point))
    session.input("Where is my parcel?")
    session.output("It is on its way.")
    assert seen == ["input", "output"]


@pytest.mark.parametrize(
    ("envelope", "message"),
    [
        ({"budgets": {}}, "`envelope` has what the session keeps itself: budgets"),
        ({"agent": {"id": "other"}}, "`envelope` has what the session keeps itself: id"),
    ],
)
def test_the_host_cannot_replace_what_the_session_keeps(client: Client, envelope: Any, message: str) -> None:
    """Names of the profile are refused from outside."""
    with pytest.raises(Denied) as raised:
        client.session("a", envelope=lambda: envelope).input("x")
    assert (raised.value.cause, raised.value.decision.message) == ("snapshot", message)


def test_governed_functions(client: Client) -> None:
    """Positional arguments get their names, and a denied function does not run."""
    ran: list[Any] = []

    @governed
    def search_help(q: str, limit: int = 3) -> str:
        """Search."""
        ran.append((q, limit))
        return "found"

    def close_account(number: int) -> None:
        ran.append(number)

    with client.session("a"):
        assert search_help("parcel", limit=5) == "found"
        with pytest.raises(Denied) as raised:
            govern(close_account)(3)
    assert ran == [("parcel", 5)]
    assert raised.value.point == "pre_tool_call"
    assert (search_help.__name__, search_help.__doc__) == ("search_help", "Search.")
    with pytest.raises(Denied) as outside:
        search_help("parcel")
    assert outside.value.cause == "ungoverned"


def test_an_argument_cannot_hide_another(client: Client) -> None:
    """A keyword with the name of a positional parameter would be judged in its place."""

    @governed
    def search_help(q: str, /, **options: str) -> None:
        raise AssertionError("it ran")

    with client.session("a"), pytest.raises(Denied) as raised:
        search_help("secret", q="harmless")
    assert raised.value.decision.message == "two arguments have one name: the policy would see one of them"


def test_a_governed_coroutine(service: Service) -> None:
    """A coroutine function stays one, and results are transformed for it too."""

    @governed
    async def lookup_order(order_id: str) -> Any:
        return {"order": order_id}

    async def run() -> Any:
        async with (
            AsyncClient(service.url, manifest="support-agent") as client,
            client.session("a") as session,
        ):
            return await lookup_order("7"), (await session.output("bob@example.com")).value

    assert asyncio.run(run()) == ({"order": "7"}, "[email]")


def test_the_history_has_what_was_permitted(client: Client) -> None:
    """What a policy denied or replaced is nowhere in it."""
    with client.session("a", history=True) as session:
        session.input("Where is my parcel?")
        session.output("Write to bob@example.com")
        chain = session.export()["chain"]
    assert [entry["content"] for entry in chain] == ["Where is my parcel?", "Write to [email]"]
    with canned(reply(ALLOW | {"verdict": {"decision": "deny"}})) as server, Client(server.url) as denying:
        session = denying.session("a", history=True, points={"input"})
        with pytest.raises(Denied):
            session.input("a bomb")
        assert session.export()["chain"] == []


def test_a_session_of_several_tasks(client: Client) -> None:
    """Each task is in it until that task leaves it, in whatever order."""
    session = client.session("a")
    seen: list[bool] = []

    async def be_in(seconds: float) -> None:
        with session:
            await asyncio.sleep(seconds)
            seen.append(current_session() is session)
        seen.append(current_session() is None)

    async def run() -> None:
        await asyncio.gather(be_in(0.02), be_in(0.03), be_in(0.01))

    asyncio.run(run())
    assert seen == [True] * 6
    with session, client.session("b") as other, session:
        assert current_session() is session
        leave_session(other)
        assert current_session() is session


@pytest.mark.parametrize(
    "usage", [{"prompt_tokens": -1}, {"completion_tokens": 1.5}, {"prompt_tokens": True}, [1]]
)
def test_usage_that_counts_less_than_nothing(client: Client, usage: Any) -> None:
    """A model is not believed that it gave tokens back."""
    with client.session("a") as session:
        session.post_model_call({"content": "x"}, usage={"prompt_tokens": 2, "completion_tokens": 3})
        with pytest.raises(Denied) as raised:
            session.post_model_call({"content": "x"}, usage=usage)
        assert session.budgets.tokens == 5
    assert raised.value.decision.message == (
        "`usage` is not prompt_tokens and completion_tokens as whole numbers"
    )


def test_a_cancelled_call_returns_at_once(service: Service) -> None:
    """The caller does not wait for a verdict that nobody wants."""

    async def run() -> None:
        async with AsyncClient(service.url, manifest="support-agent") as client:
            call = asyncio.create_task(client.evaluate("input", {"input": {"body": "x"}}))
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (await client.evaluate("input", {"input": {"body": "x"}})).allowed

    asyncio.run(run())
