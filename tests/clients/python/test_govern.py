"""Callables of other kinds than functions run as permitted calls too (section 12.6)."""

import asyncio
import functools
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from acs_client import Client, Decision, Denied, govern, governed
from acs_client.govern import _process_sessions
from tests.clients.answers import ALLOW
from tests.clients.canned import canned, reply
from tests.conftest import ROOT, Service, environment


def send(to: str, text: str = "hello", /, *, copy: str = "") -> str:
    """What was sent to whom."""
    return f"{to} {text} {copy}"


@pytest.mark.parametrize(
    ("tool", "args"),
    [
        (functools.partial(send, "jo"), {"to": "jo", "text": "hello", "copy": ""}),
        (functools.partial(send, "jo", copy="x"), {"to": "jo", "text": "hello", "copy": "x"}),
        (
            functools.partial(functools.partial(send, "jo"), "there"),
            {"to": "jo", "text": "there", "copy": ""},
        ),
    ],
)
def test_what_a_partial_brings_is_judged(tool: Any, args: Any) -> None:
    """Its function names the tool, and its arguments are arguments like any other."""
    points = ("pre_tool_call", "post_tool_call")
    with (
        canned(*(reply(ALLOW | {"intervention_point": point}) for point in points)) as server,
        Client(server.url) as client,
        client.session("a", points=points),
    ):
        assert govern(tool)() == tool()
    judged = json.loads(server.requests[0].partition(b"\r\n\r\n")[2])
    assert judged["dialect"] == "0.3"
    assert judged["snapshot"]["tool_call"] == {"name": "send", "args": args}


def test_an_object_whose_call_is_a_coroutine_is_awaited(client: Client) -> None:
    """It gives a coroutine function."""

    class Search:
        async def __call__(self, q: str) -> str:
            return f"found {q}"

    async def run() -> str:
        found: Any = govern(Search(), name="search_help", session=session)
        return str(await found("x"))

    with client.session("a") as session:
        assert asyncio.run(run()) == "found x"


def test_a_generator_is_refused() -> None:
    """Its results would leave one by one, before any was judged."""
    with pytest.raises(TypeError, match="a generator function cannot be governed: return the whole result"):

        @governed
        def pages() -> Any:
            yield 1


@pytest.mark.parametrize("made", [list, bytearray, set])
def test_what_changes_while_it_is_judged_does_not_run(client: Client, made: Any) -> None:
    """The tool gets the caller's own objects, so that they must be what the policy saw."""
    given: Any = made()

    def change(_: Any) -> None:
        (given.add if made is set else given.append)(len(given))

    def search_help(q: Any) -> None:
        raise AssertionError("it ran")

    with client.session("a", on_decision=change) as session, pytest.raises(Denied) as raised:
        govern(search_help, session=session)(given)
    assert raised.value.decision.message == "the arguments have changed since they were judged"


def test_a_session_that_only_observes_stops_no_function(client: Client) -> None:
    """Not for arguments that cannot be sent, and not for results."""
    seen: list[Decision] = []

    def search_help(q: Any) -> Any:
        return q

    with client.session("a", mode="evaluate_only", on_decision=seen.append) as session:
        watched: Any = govern(search_help, session=session)
        assert watched(search_help) is search_help
    reasons = [decision.reason for decision in seen if decision.decision == "deny"]
    assert reasons == ["runtime_error:request_invalid", "runtime_error:request_invalid"]


class Waiting:
    """An object that is a coroutine function."""

    async def __call__(self, q: str) -> str:
        """Search."""
        return f"found {q}"


def test_a_partial_of_an_object_that_is_awaited(client: Client) -> None:
    """It stays a coroutine function, whatever it is wrapped in."""
    tool = govern(functools.partial(Waiting(), "x"), name="search_help")

    async def run() -> Any:
        with client.session("a"):
            return await tool()

    assert asyncio.run(run()) == "found x"


def test_a_forked_process_has_a_session_of_its_own(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """One session is one process: two would count the same calls twice over."""
    monkeypatch.setenv("ACSCLIENT_URL", service.url)
    monkeypatch.setenv("ACSCLIENT_MANIFEST", "support-agent")
    seen: list[str] = []

    def search_help(q: str) -> str:
        held = {id(session): session for session in _process_sessions.values()}
        seen.extend(session.id for session in held.values())
        return q

    tool = govern(search_help, agent="forked")
    tool("x")
    (own,) = seen
    child = os.fork()
    if child == 0:
        tool("x")
        os._exit(0 if len(set(seen[1:])) == 2 and _process_sessions[os.getpid(), "forked"].id != own else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize(
    ("manifest", "printed", "failure"),
    [("support-agent", "x\n", ""), ("missing", "", "the service lists no valid manifest `missing`")],
)
def test_the_session_of_a_process_leaves_no_connection_open(
    service: Service, manifest: str, printed: str, failure: str
) -> None:
    """Neither when the process ends nor where the session cannot begin."""
    program = (
        "from acs_client import govern\n"
        "def search_help(q: str) -> str:\n"
        "    return q\n"
        "print(govern(search_help, agent='alone')('x'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program],
        cwd=ROOT / "clients" / "python",  # where the package is
        env=environment(ACSCLIENT_URL=service.url, ACSCLIENT_MANIFEST=manifest, ACSCLIENT_TIMEOUT="20"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == printed
    assert done.stderr.rstrip().endswith(failure) if failure else not done.stderr
    assert "ResourceWarning" not in done.stderr


class Desk:
    """An object whose methods are tools."""

    @governed
    def search_help(self, q: str) -> str:
        """Search."""
        return f"found {q}"

    @classmethod
    @governed
    def look(cls, q: str) -> str:
        """Look."""
        return f"seen {q}"

    @staticmethod
    @governed
    def find(q: str) -> str:
        """Find."""
        return f"there is {q}"


@pytest.mark.parametrize("tool", [Desk().search_help, Desk.look, Desk().find])
def test_the_object_of_a_method_is_no_argument(tool: Any) -> None:
    """What is judged are the arguments of the call."""
    points = ("pre_tool_call", "post_tool_call")
    with (
        canned(*(reply(ALLOW | {"intervention_point": point}) for point in points)) as server,
        Client(server.url) as client,
        client.session("a", points=points),
    ):
        assert tool("x").endswith(" x")
    judged = json.loads(server.requests[0].partition(b"\r\n\r\n")[2])
    assert judged["snapshot"]["tool_call"] == {"name": tool.__name__, "args": {"q": "x"}}
