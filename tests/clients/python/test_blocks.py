"""Whatever a service or a network does, nothing goes on without a verdict (section 12.2)."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from acs_client import Blocked, Client, Denied, Session, Unavailable
from tests.clients.answers import ALLOW, BAD_ANSWERS
from tests.clients.canned import Canned, canned, reply

POINTS: dict[str, Callable[[Session], Any]] = {
    "agent_startup": lambda session: session.start(),
    "input": lambda session: session.input("hello"),
    "pre_model_call": lambda session: session.pre_model_call([{"role": "user", "content": "hello"}]),
    "post_model_call": lambda session: session.post_model_call({"content": "hello", "finish_reason": "stop"}),
    "pre_tool_call": lambda session: session.pre_tool_call("search", {"q": "x"}),
    "post_tool_call": lambda session: session.post_tool_call("search", {"q": "x"}, "found"),
    "output": lambda session: session.output("hello"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Canned]:
    """One server for all; its answers change."""
    with canned(None) as made:
        yield made


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("answer", BAD_ANSWERS)
def test_a_bad_answer_blocks_at_every_point(server: Canned, point: str, answer: str) -> None:
    """The call raises `Unavailable` with its cause, and a session with that answer permits nothing."""
    content, cause, status = BAD_ANSWERS[answer]
    server.answers = [content]
    with Client(server.url, timeout=0.15 if content is None else 5) as client:
        session = client.session("a", points=set(POINTS))
        with pytest.raises(Unavailable) as raised:
            POINTS[point](session)
    assert (raised.value.cause, raised.value.status) == (cause, status)
    assert (raised.value.point, raised.value.decision.decision) == (point, "deny")
    assert raised.value.decision.reason == "runtime_error:policy_invocation_failed"
    assert session.budgets.calls == 0


def test_an_interim_answer_is_no_verdict_and_ends_the_connection(server: Canned) -> None:
    """The final answer, which comes later, is not read as that of another request."""
    server.answers = [b"HTTP/1.1 103 X\r\ncontent-length: 0\r\n\r\n", reply(ALLOW)]
    before = server.connections
    with Client(server.url) as client:
        with pytest.raises(Unavailable) as raised:
            client.evaluate("input", {})
        assert client.evaluate("input", {}).allowed
    assert (raised.value.cause, raised.value.status) == ("status", 103)
    assert server.connections == before + 2


def test_a_look_up_that_does_not_end_is_over_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a call bounds the look-up of its host, too."""
    ended, look_up = threading.Event(), socket.getaddrinfo

    def wait(host: Any, *arguments: Any, **options: Any) -> Any:
        if not options["flags"]:
            ended.wait(30)
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    with Client("http://sidecar.invalid:1", timeout=0.05) as client, pytest.raises(Unavailable) as raised:
        client.evaluate("input", {})
    ended.set()
    assert raised.value.cause == "deadline"


def test_a_body_of_17_mib_is_no_answer(server: Canned) -> None:
    """The size of a response is bounded."""
    server.answers = [reply(b" " * (17 << 20))]
    with Client(server.url) as client, pytest.raises(Unavailable) as raised:
        client.evaluate("input", {})
    assert (raised.value.cause, raised.value.decision.message) == ("protocol", "the answer is over 16 MiB")


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "m", "points": []},
        {"name": "m", "points": [1]},
        {"name": "m", "points": [[]]},
        {"points": ["input"]},
    ],
)
def test_a_listing_that_binds_nothing_is_none(server: Canned, entry: Any) -> None:
    """A session would skip every point that its manifest does not bind."""
    server.answers = [reply({"manifests": [entry]})]
    with Client(server.url) as client, pytest.raises(Unavailable) as raised:
        client.session("a").output("hello")
    assert (raised.value.cause, raised.value.decision.message) == (
        "protocol",
        "the service lists no default manifest: name one",
    )


def test_a_caller_without_the_scope_is_told_which_one_it_needs(server: Canned) -> None:
    """What a manifest binds is not everybody's to read."""
    server.answers = [reply({}, 403)]
    with Client(server.url) as client, pytest.raises(Unavailable) as raised:
        client.session("a").output("hello")
    assert (raised.value.status, raised.value.decision.message) == (
        403,
        "`GET /v1/manifests` has status 403: it needs the scope `manifests:read`",
    )


@pytest.mark.parametrize("point", POINTS)
def test_a_service_that_is_not_there_blocks(point: str) -> None:
    """A closed port is no permit."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(Unavailable) as raised:
        POINTS[point](client.session("a", points=set(POINTS)))
    assert raised.value.cause == "unreachable"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"verdict": {"decision": "transform"}}, "a transform was not applied"),
        (
            {"verdict": {"decision": "transform"}, "transformed_policy_target_applied": "yes"},
            "a transform was not applied",
        ),
        (
            {"verdict": {"decision": "transform"}, "transformed_policy_target_applied": True},
            "the transformed policy target is missing or not asked for",
        ),
        (
            {
                "verdict": {"decision": "allow"},
                "transformed_policy_target_applied": True,
                "transformed_policy_target": 1,
            },
            "the transformed policy target is missing or not asked for",
        ),
        ({"verdict": {"decision": "allow"}, "mode": "evaluate_only"}, "the verdict is of another mode"),
        ({"verdict": {"decision": "allow"}, "request_id": "other"}, "the response is to another request"),
        ({"verdict": {"decision": "allow", "reason": 3}}, "`reason` is not text"),
        ({"verdict": {"decision": "allow", "result_labels": "a"}}, "`result_labels` is not a list of texts"),
        ({"verdict": {"decision": "allow", "evidence": []}}, "`evidence` is not an object"),
    ],
)
def test_a_verdict_that_cannot_be_obeyed(server: Canned, body: dict[str, Any], message: str) -> None:
    """The message says what is wrong with the answer."""
    server.answers = [reply({"intervention_point": "input", **body})]
    with Client(server.url) as client, pytest.raises(Unavailable) as raised:
        client.evaluate("input", {})
    assert (raised.value.cause, raised.value.decision.message) == ("protocol", message)


def test_a_refusal_of_the_service_is_a_deny_with_its_reason(server: Canned) -> None:
    """403 says why, and who says it."""
    server.answers = [
        reply(
            {
                "detail": "not yours",
                "verdict": {"decision": "deny", "reason": "runtime_error:request_invalid"},
            },
            403,
        )
    ]
    with Client(server.url) as client, pytest.raises(Denied) as raised:
        client.evaluate("input", {})
    assert (raised.value.cause, raised.value.status) == ("service", 403)
    assert str(raised.value) == "denied by policy: runtime_error:request_invalid: not yours"


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again(server: Canned, status: int) -> None:
    """`Retry-After` that fits is waited for, with the same request id, and at most twice."""
    server.requests.clear()
    busy = reply({}, status, retry_after="0")
    server.answers = [busy, busy, reply(ALLOW)]
    with Client(server.url) as client:
        assert client.evaluate("input", {}).allowed
        server.answers = [reply({}, status, retry_after="0")]
        with pytest.raises(Unavailable) as raised:
            client.evaluate("input", {})
    assert raised.value.status == status
    assert len(server.requests) == 6
    bodies = [request.split(b"\r\n\r\n")[1] for request in server.requests]
    assert bodies[0] == bodies[1] == bodies[2] != bodies[3]


def test_nothing_else_is_asked_again(server: Canned) -> None:
    """A `Retry-After` past the deadline, or a status of another kind, ends the call."""
    for content in (reply({}, 503, retry_after="60"), reply({}, 503), reply({}, 500, retry_after="0")):
        server.requests.clear()
        server.answers = [content]
        with Client(server.url, timeout=1) as client, pytest.raises(Unavailable):
            client.evaluate("input", {})
        assert len(server.requests) == 1


def test_a_kept_connection_that_was_closed_is_replaced(server: Canned) -> None:
    """The service may close what is idle; the call goes out again on a new connection."""
    server.answers = [reply(ALLOW)]
    with Client(server.url) as client:
        client.evaluate("input", {})
        before = server.connections
        server.hang_up()
        assert client.evaluate("input", {}).allowed
    assert server.connections == before + 1


def test_an_answer_that_nobody_asked_for_answers_nothing(server: Canned) -> None:
    """What comes on a kept connection before a request is not its response."""
    server.answers = [
        reply(ALLOW) + reply(ALLOW),
        reply({"verdict": {"decision": "deny"}, "intervention_point": "input"}),
    ]
    with Client(server.url) as client:
        assert client.evaluate("input", {}).allowed
        assert not client.evaluate("input", {}).allowed


def test_a_dripping_answer_ends_with_the_deadline() -> None:
    """The timeout is of the whole call, not of one read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with Client(f"http://127.0.0.1:{port}", timeout=0.3) as client:

            def drip() -> None:
                peer, _ = listener.accept()
                with peer:
                    try:
                        for byte in reply(ALLOW) * 2:
                            peer.sendall(bytes([byte]))
                            threading.Event().wait(0.02)
                    except OSError:
                        return

            thread = threading.Thread(target=drip)
            thread.start()
            with pytest.raises(Unavailable) as raised:
                client.evaluate("input", {})
            thread.join()
    assert raised.value.cause == "deadline"


def test_code_that_catches_nothing_stops(server: Canned) -> None:
    """Every block is an `AcsError`, and none of a kind that ordinary code swallows."""
    server.answers = [reply({})]
    ran = []
    with Client(server.url) as client, pytest.raises(Blocked):
        session = client.session("a", points={"pre_tool_call"})
        with session.tool("rm", {}) as call:
            ran.append(call.args)
    assert ran == []
