"""Who may see the console: one browser, once, on loopback (section 15.1)."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from acs_sidecar.console.gate import COOKIE, HEADERS, ConsoleGate, Pass

HOST = "127.0.0.1:8384"
NO_ENTRY = "This page wants the address"


class Browser:
    """Asks a gate as a browser would, with the headers that it is told to send."""

    def __init__(self) -> None:
        self.own = Pass()
        self.gate = ConsoleGate(PlainTextResponse("the page"), self.own, frozenset({HOST, "localhost:8384"}))
        self.cookie = f"{COOKIE}={self.own.cookie}"

    def ask(
        self,
        path: str,
        query: str = "",
        method: str = "GET",
        hosts: tuple[str, ...] = (HOST,),
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, str], str]:
        """Return status, headers and text of an answer."""
        sent = [(b"host", host.encode()) for host in hosts]
        sent += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": sent,
        }
        messages: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        async def send(message: Message) -> None:
            messages.append(message)

        asyncio.run(self.gate(scope, receive, send))
        start, body = messages
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], found, body["body"].decode()


@pytest.fixture
def browser() -> Browser:
    """A browser that was not let in yet."""
    return Browser()


def test_the_token_is_exchanged_once(browser: Browser) -> None:
    """For a cookie of the console's path alone; a second time it is refused."""
    status, headers, _ = browser.ask(f"{browser.own.path}/enter", f"token={browser.own.token}")
    assert status == 200
    assert headers["set-cookie"] == (
        f"{COOKIE}={browser.own.cookie}; HttpOnly; Path={browser.own.path}/; SameSite=strict"
    )
    status, headers, text = browser.ask(f"{browser.own.path}/enter", f"token={browser.own.token}")
    assert (status, "set-cookie" in headers) == (401, False)
    assert text.startswith(NO_ENTRY)


@pytest.mark.parametrize(
    "query", ["", "token=", "token=wrong", "token={0}x", "x=1&token={0}", "token={0}&token={0}"]
)
def test_another_token_lets_nobody_in(browser: Browser, query: str) -> None:
    """And does not use up the right one."""
    assert browser.ask(f"{browser.own.path}/enter", query.format(browser.own.token))[0] == 401
    assert browser.ask(f"{browser.own.path}/enter", f"token={browser.own.token}")[0] == 200


def test_the_cookie_opens_every_page(browser: Browser) -> None:
    """By each of the two names of loopback, with all headers of protection."""
    for host in (HOST, "localhost:8384"):
        status, headers, text = browser.ask(
            f"{browser.own.path}/", hosts=(host,), headers={"cookie": browser.cookie}
        )
        assert (status, text) == (200, "the page")
        assert headers.items() >= HEADERS.items()


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("{0}/", {}),
        ("{0}/", {"cookie": f"{COOKIE}="}),
        ("{0}/", {"cookie": f"{COOKIE}=guessed"}),
        ("{0}/", {"cookie": "\x00;=;;"}),
        ("/", {"cookie": "right"}),
        ("/guess/", {"cookie": "right"}),
        ("{0}x/", {"cookie": "right"}),
        ("//{0}/", {"cookie": "right"}),
        ("/static/verify.mjs", {"cookie": "right"}),
    ],
)
def test_without_path_and_cookie_there_is_nothing(
    browser: Browser, path: str, headers: Mapping[str, str]
) -> None:
    """Every route is 401, with one text."""
    given = {name: browser.cookie if value == "right" else value for name, value in headers.items()}
    status, answered, text = browser.ask(path.format(browser.own.path), headers=given)
    assert status == 401
    assert text.startswith(NO_ENTRY)
    assert answered.items() >= HEADERS.items()


@pytest.mark.parametrize(
    "hosts",
    [("evil.example:8384",), ("127.0.0.1",), ("127.0.0.1:80",), (HOST, HOST), (), ("127.0.0.1:8384.",)],
)
def test_another_host_is_refused(browser: Browser, hosts: tuple[str, ...]) -> None:
    """A site whose name leads to loopback gets nothing, and neither does a request with two names."""
    status, _, text = browser.ask(f"{browser.own.path}/", hosts=hosts, headers={"cookie": browser.cookie})
    assert (status, text) == (403, "the console answers on loopback alone\n")


@pytest.mark.parametrize(
    "origin", [None, "null", "http://127.0.0.1:9999", "https://127.0.0.1:8384", "http://localhost:8384"]
)
def test_what_changes_state_needs_the_same_origin(browser: Browser, origin: str | None) -> None:
    """Cookies go to all ports of a host: the origin tells them apart."""
    headers = {"cookie": browser.cookie} | ({"origin": origin} if origin else {})
    status, _, text = browser.ask(f"{browser.own.path}/x", method="POST", headers=headers)
    assert (status, text) == (403, "`Origin` is not that of the console\n")
    right = {"cookie": browser.cookie, "origin": f"http://{HOST}"}
    assert browser.ask(f"{browser.own.path}/x", method="POST", headers=right)[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "SAME-ORIGIN", "new"])
def test_a_request_of_another_page_is_refused(browser: Browser, site: str) -> None:
    """Reading too: a page of another port could learn from what takes how long."""
    status, _, text = browser.ask(
        f"{browser.own.path}/", headers={"cookie": browser.cookie, "sec-fetch-site": site}
    )
    assert (status, text) == (403, "another page sent this request\n")
    assert (
        browser.ask(
            f"{browser.own.path}/", headers={"cookie": browser.cookie, "sec-fetch-site": "same-origin"}
        )[0]
        == 200
    )


def test_every_run_has_secrets_of_its_own() -> None:
    """None is twice the same, nor one the other."""
    one, other = Pass(), Pass()
    assert len({one.path, one.token, one.cookie, other.path, other.token, other.cookie}) == 6
    assert all(len(secret) >= 24 for secret in (one.path, one.token, one.cookie))
