"""The `webhook` resolver against a real server: what goes out, and every way in which an answer can fail."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.approval.approval import approve
from acs_sidecar.approval.challenge import inspect_challenge
from acs_sidecar.approval.token import REQUEST_CONTEXT, key_id
from acs_sidecar.resolvers.webhook import MAX_WAITING
from acs_sidecar.spec.approval import ApprovalOutcome
from acs_sidecar.spec.canonical import digest
from tests.approval.desk import ALICE, MALLORY, NOW, SECOND, SERVICE_KEY, SNAPSHOT, Desk, manifest

pytestmark = pytest.mark.server

FAILED = "runtime_error:approval_resolver_failed"
MISMATCH = "runtime_error:approval_action_mismatch"


class Approver(BaseHTTPRequestHandler):
    """Answers as the test says: `answer` of the server makes status and body from the request."""

    def do_POST(self) -> None:  # the name is the library's
        """Answer one question."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.seen.append((dict(self.headers), body))  # type: ignore[attr-defined]
        status, reply, headers = self.server.answer(json.loads(body))  # type: ignore[attr-defined]
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)
        except OSError:
            pass  # the service hung up, as some tests want it to

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A server whose answer a test sets."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Approver)
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.answer: Any = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}/approve"

    def says(self, value: Any, status: int = 200, **headers: str) -> None:
        """Answer always the same: bytes as they are, all else as JSON."""
        reply = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.answer = lambda _: (status, reply, headers)

    def agrees(self, **members: Any) -> None:
        """Answer `allow` for the identity that was asked about, or with other members."""

        def agree(question: Any) -> Any:
            answer = {"outcome": "allow", "enforced_identity": question["terms"]["enforced_identity"]}
            return 200, json.dumps(answer | members).encode(), {}

        self.answer = agree

    def signs(self, private: Ed25519PrivateKey = ALICE) -> None:
        """Answer with a signed approval."""

        def sign(question: Any) -> Any:
            challenge = inspect_challenge(question["challenge"])
            token = approve(challenge, ApprovalOutcome.ALLOW, NOW, private)
            return 200, json.dumps({"approval": token}).encode(), {}

        self.answer = sign


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a free port."""
    found = Server()
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


def with_webhook(url: str, **members: Any) -> dict[str, Any]:
    """A manifest whose resolver is this URL."""
    resolver = {"type": "webhook", "url": url} | members
    return manifest({"default_resolver": "hook", "timeout_seconds": 60, "resolvers": {"hook": resolver}})


@pytest.fixture
def desk(server: Server) -> Iterator[Desk]:
    """A service with that webhook in an operator's manifest, `m`."""
    operator = {
        "m": with_webhook(server.url, timeout_ms=30_000),
        "shows": with_webhook(server.url, send_policy_input=True, headers={"X-Team": "treasury"}),
        "away": with_webhook("http://127.0.0.1:1/"),
        "nameless": with_webhook("http://a..b/"),
        "slow": with_webhook(server.url, timeout_ms=100),
        "open": with_webhook(server.url.replace("127.0.0.1", "localhost")),
    }
    with Desk(operator=operator) as opened:
        yield opened


def resolved(desk: Desk, name: str = "m", **members: Any) -> dict[str, Any]:
    """Escalate and resolve at once: the webhook is asked."""
    challenge = desk.challenge(manifest_ref=name)
    return desk.resolve(manifest_ref=name, challenge=challenge, **members)


def failure(response: dict[str, Any]) -> str:
    """Give the detail of a deny because the resolver failed."""
    assert response["verdict"]["decision"] == "deny"
    assert response["verdict"]["reason"] == FAILED
    assert isinstance(response["detail"], str)
    return response["detail"]


@pytest.mark.parametrize(
    ("outcome", "decision"), [("allow", "allow"), ("deny", "deny"), ("suspend", "escalate")]
)
def test_a_synchronous_answer(desk: Desk, server: Server, outcome: str, decision: str) -> None:
    """The webhook decides, and may say who did."""
    server.agrees(outcome=outcome, approver="bob")
    response = resolved(desk)
    assert response["verdict"]["decision"] == decision
    assert (response["approval"]["by"], response["approval"]["approver"]) == ("resolver", "bob")


def test_what_goes_out(desk: Desk, server: Server) -> None:
    """The challenge and what it says, signed; the policy input only where the manifest says so."""
    server.agrees()
    assert resolved(desk)["verdict"]["decision"] == "allow"
    assert resolved(desk, "shows")["verdict"]["decision"] == "allow"
    for headers, body in server.seen:
        name, _, signature = headers["Acs-Signature"].partition(".")
        public = SERVICE_KEY.public_key()
        public.verify(base64.urlsafe_b64decode(signature + "=="), REQUEST_CONTEXT + body)
        assert name == key_id(public.public_bytes_raw())
    (_, first), (headers, second) = server.seen
    assert headers["X-Team"] == "treasury"
    assert json.loads(first).keys() == {"challenge", "terms"}
    shown = json.loads(second)
    assert shown["policy_input"]["snapshot"] == SNAPSHOT
    assert digest(shown["policy_input"]) == shown["terms"]["enforced_identity"]


def test_a_signed_answer(desk: Desk, server: Server) -> None:
    """An approval that an approver signed may come as the answer; a stranger's may not."""
    server.signs()
    response = resolved(desk)
    assert (response["verdict"]["decision"], response["approval"]["approver"]) == ("allow", "alice")
    server.signs(MALLORY)
    assert failure(resolved(desk)) == "the approval is not signed by a key in ACS_APPROVAL_TRUST_FILE"


def test_an_answer_that_comes_later(desk: Desk, server: Server) -> None:
    """202: pending, until the host brings what the webhook's key signed."""
    server.says({}, 202)
    challenge = desk.challenge(manifest_ref="m")
    claim = {"manifest_ref": "m", "challenge": challenge}
    assert desk.resolve(**claim)["approval"]["outcome"] == "pending"
    callback = desk.approval(challenge)
    assert desk.resolve(**claim, approval=callback)["verdict"]["decision"] == "allow"
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("value", "status", "detail"),
    [
        (b"", 200, "the resolver returned a body that is not JSON"),
        (b"allow", 200, "the resolver returned a body that is not JSON"),
        ("allow", 200, "the resolver returned JSON that is not an object"),
        ([], 200, "the resolver returned JSON that is not an object"),
        ({}, 200, "the outcome is not `allow`, `deny` or `suspend`"),
        ({"outcome": "ALLOW"}, 200, "the outcome is not `allow`, `deny` or `suspend`"),
        ({"outcome": True}, 200, "the outcome is not `allow`, `deny` or `suspend`"),
        (
            {"approval": {}},
            200,
            "the resolver returned an `approval` that is not a string",
        ),
        ({"approval": "yes"}, 200, "the approval does not begin with `acs-approval-v1.`, or is too long"),
        ({"outcome": "allow"}, 500, "the webhook returned status 500"),
        ({"outcome": "allow"}, 201, "the webhook returned status 201"),
        (b"", 204, "the webhook returned status 204"),
        (b" " * 70_000, 200, "the webhook returned more than 65536 bytes"),
    ],
)
def test_an_answer_that_is_none(desk: Desk, server: Server, value: Any, status: int, detail: str) -> None:
    """Whatever is not an answer is a failure, and a deny."""
    server.says(value, status)
    assert failure(resolved(desk)) == detail


@pytest.mark.parametrize("identity", [None, "sha256:" + "0" * 64, 7])
@pytest.mark.parametrize("outcome", ["allow", "suspend"])
def test_an_answer_for_another_action(desk: Desk, server: Server, outcome: str, identity: Any) -> None:
    """An answer that does not repeat the identity lifts nothing."""
    server.agrees(outcome=outcome, enforced_identity=identity)
    response = resolved(desk)
    assert (response["verdict"]["decision"], response["verdict"]["reason"]) == ("deny", MISMATCH)


def test_a_redirect_is_not_followed(desk: Desk, server: Server) -> None:
    """Where the answer comes from is the operator's to say."""
    server.says({}, 307, location=server.url)
    assert failure(resolved(desk)) == "the webhook returned status 307"
    assert len(server.seen) == 1


def test_nobody_there(desk: Desk) -> None:
    """A refused connection is a failure."""
    assert failure(resolved(desk, "away")) == "the webhook could not be reached"


def test_nobodys_name(desk: Desk) -> None:
    """A name that nobody can have is a failure as any other."""
    assert failure(resolved(desk, "nameless")) == "the webhook could not be reached"


def test_too_slow(desk: Desk, server: Server) -> None:
    """The deadline is kept, and is no timeout of the approval."""
    released = threading.Event()
    server.answer = lambda _: (released.wait(30) and 200, b"{}", {})
    assert failure(resolved(desk, "slow")) == "the webhook timed out"
    released.set()


@pytest.mark.parametrize("on_timeout", ["allow", "deny"])
def test_time_up_while_asking(server: Server, on_timeout: str) -> None:
    """A challenge that expires while the webhook is asked is a timeout, and the manifest's word counts."""
    section = with_webhook(server.url)
    section["approval"] |= {"on_timeout": on_timeout}
    with Desk(operator={"m": section}) as desk:

        def late(_: Any) -> Any:
            desk.now += 61 * SECOND
            return 500, b"", {}

        server.answer = late
        response = resolved(desk)
    assert (response["verdict"]["decision"], response["approval"]["by"]) == (on_timeout, "timeout")


def test_an_expired_challenge_asks_nobody(desk: Desk, server: Server) -> None:
    """There is nothing left to answer."""
    server.agrees()
    challenge = desk.challenge(manifest_ref="m")
    desk.now += 60 * SECOND
    response = desk.resolve(manifest_ref="m", challenge=challenge)
    assert failure(response) == "the challenge expired before it was approved"
    assert server.seen == []


def test_an_unsigned_answer_over_an_open_way(desk: Desk, server: Server) -> None:
    """Where somebody on the way could have changed it, only a signature counts."""
    server.agrees()
    assert failure(resolved(desk, "open")) == "an unsigned response requires an https URL"
    server.signs()
    assert resolved(desk, "open")["verdict"]["decision"] == "allow"


BAD_URL = "must be an http or https URL without user information and fragment"


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        ({"url": "ftp://a.example/"}, f"`approval.resolvers.hook.url` {BAD_URL}"),
        ({"url": "https://user@a.example/"}, f"`approval.resolvers.hook.url` {BAD_URL}"),
        ({"url": None}, f"`approval.resolvers.hook.url` {BAD_URL}"),
        ({"timeout_ms": 0}, "`approval.resolvers.hook.timeout_ms` must be an integer from 1 to 60000"),
        ({"send_policy_input": 1}, "`approval.resolvers.hook.send_policy_input` must be `true` or `false`"),
        (
            {"headers": {"a": "b\r\nc: d"}},
            "`approval.resolvers.hook.headers` must map header names to strings without line breaks",
        ),
        (
            {"auth": {"type": "basic", "env": "TOKEN"}},
            "`approval.resolvers.hook.auth` must have `type: bearer` and `env`, an environment variable name",
        ),
        (
            {"auth": {"type": "bearer", "env": "ACS_NO_SUCH_TOKEN"}},
            "`approval.resolvers.hook.auth.env` the environment variable `ACS_NO_SUCH_TOKEN` holds no token",
        ),
    ],
)
def test_a_webhook_that_cannot_be_called(members: dict[str, Any], detail: str) -> None:
    """The manifest serves, nobody is asked, and the escalation ends in a deny that names the member."""
    operator = {"m": with_webhook(**{"url": "https://a.example/"} | members)}
    desk = Desk(operator=operator)
    offer = desk.evaluate(manifest_ref="m")["approval"]
    assert (offer["challenge"], offer["detail"]) == (None, detail)
    assert failure(desk.resolve(manifest_ref="m")) == detail


def test_a_bearer_token(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read from the environment that the manifest names, when it is loaded."""
    monkeypatch.setenv("TREASURY_TOKEN", "s3cret")
    auth = {"type": "bearer", "env": "TREASURY_TOKEN"}
    server.agrees()
    with Desk(operator={"m": with_webhook(server.url, auth=auth)}) as desk:
        assert resolved(desk)["verdict"]["decision"] == "allow"
    assert server.seen[0][0]["Authorization"] == "Bearer s3cret"


def test_an_inline_manifest_calls_only_what_is_allowed(server: Server) -> None:
    """It may serve a host that asks by itself; the service calls no URL for it."""
    desk = Desk(ACS_OUTBOUND_ALLOW="https://other.example")
    given = with_webhook(server.url)
    detail = "`approval.resolvers.hook.url` not allowed by ACS_OUTBOUND_ALLOW"
    assert desk.evaluate(manifest=given)["approval"]["challenge"] is None
    assert failure(desk.resolve(manifest=given)) == detail
    assert server.seen == []


def test_an_inline_manifest_names_no_variables(server: Server) -> None:
    """A member that reads the environment makes it invalid, wherever it stands."""
    given = with_webhook(server.url, auth={"type": "bearer", "env": "HOME"})
    verdict = Desk(ACS_OUTBOUND_ALLOW=server.url).evaluate(manifest=given)["verdict"]
    assert verdict["reason"] == "runtime_error:manifest_invalid"


def test_an_inline_manifest_that_may_call(server: Server) -> None:
    """With the operator's leave its webhook is asked as any other."""
    server.agrees()
    with Desk(ACS_OUTBOUND_ALLOW=server.url) as desk:
        given = with_webhook(server.url)
        challenge = desk.challenge(manifest=given)
        response = desk.resolve(manifest=given, challenge=challenge)
    assert response["verdict"]["decision"] == "allow"


def test_a_slow_webhook_holds_up_a_bounded_number(desk: Desk, server: Server) -> None:
    """Beyond 64 questions at a time the next fail at once, and other requests go on."""
    released = threading.Event()

    def slow(question: Any) -> Any:
        released.wait(30)
        answer = {"outcome": "allow", "enforced_identity": question["terms"]["enforced_identity"]}
        return 200, json.dumps(answer).encode(), {}

    server.answer = slow
    challenge = desk.challenge(manifest_ref="m")
    requests = [{"manifest_ref": "m", "challenge": challenge}] * (MAX_WAITING + 3)
    responses = desk.resolve_at_once(requests, lambda: len(server.seen) == MAX_WAITING, released.set)
    refused = [response for response in responses if response["verdict"]["decision"] == "deny"]
    assert {failure(response) for response in refused} == {
        "more than 64 approval requests are waiting for the webhook"
    }
    assert (len(refused), len(responses) - len(refused)) == (3, MAX_WAITING)
