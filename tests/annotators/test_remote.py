"""Section 1.6: whatever a server does, its annotator fails closed, in time, and troubles nobody else."""

import asyncio
import gc
import gzip
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.annotators.endpoint import EndpointAnnotator, endpoint_annotator
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.spec.ports import AnnotatorContext, NoSources
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json
from tests.annotators.servers import Speak, WireServer, reply, say, wire_server
from tests.conftest import ROOT, environment
from tests.https import https_server

pytestmark = pytest.mark.server

CONTEXT = AnnotatorContext(sources=NoSources(), environment={}, outbound=None)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def drip(content: bytes, seconds: float) -> Speak:
    """Speak byte by byte, with a pause before each."""

    async def speak(writer: asyncio.StreamWriter) -> None:
        for byte in content:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(seconds)

    return speak


def closing(content: bytes) -> Speak:
    """Speak and hang up."""

    async def speak(writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        writer.close()

    return speak


async def silent(_: asyncio.StreamWriter) -> None:
    """Say nothing, and keep the connection."""
    await asyncio.sleep(60)


async def endless(writer: asyncio.StreamWriter) -> None:
    """Speak for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"[" * 0x10000 + b"\r\n")
        await writer.drain()


def annotator(client: HttpClient, url: str, **members: Any) -> EndpointAnnotator:
    """An annotator for a server, with two seconds unless told otherwise."""
    return endpoint_annotator("a", "x", {"url": url, "timeout_ms": 2_000, **members}, CONTEXT, client)


async def outcome(call: Awaitable[Json]) -> Json:
    """Give what an annotator gave, or the reason and detail of its failure."""
    try:
        return await call
    except EvaluationError as error:
        return [error.reason.removeprefix("runtime_error:annotation_"), error.detail]


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what happens beside."""
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110  # what happens is a count on another task
            await asyncio.sleep(0.005)


def run(speak: Speak, scenario: Callable[[WireServer, HttpClient], Awaitable[Json]]) -> Json:
    """Run a scenario against a server."""

    async def running() -> Json:
        async with wire_server(speak) as wire:
            client = HttpClient()
            try:
                return await scenario(wire, client)
            finally:
                await client.close()

    return asyncio.run(running())


REACHED = ["failed", "annotator `a` could not be reached"]
NO_JSON = ["failed", "annotator `a` returned a body that is not JSON"]
TOO_MUCH = ["failed", "annotator `a` returned more than 1048576 bytes"]


@pytest.mark.parametrize(
    ("speak", "expected"),
    [
        pytest.param(reply({"a": 1}, kind="text/html"), {"a": 1}, id="JSON of another media type is JSON"),
        pytest.param(closing(b"HTTP/1.0 200 OK\r\n\r\n[1]"), [1], id="HTTP/1.0 that ends with the connection"),
        pytest.param(
            say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n"),
            [1],
            id="chunks",
        ),
        pytest.param(drip(OK, 0.001), {}, id="a slow reply within the deadline"),
        pytest.param(closing(b""), REACHED, id="hangs up"),
        pytest.param(closing(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"), REACHED, id="less than announced"),
        pytest.param(closing(b"SSH-2.0-OpenSSH_9.2\r\n"), REACHED, id="no HTTP"),
        pytest.param(closing(b"\x00\xff" * 5_000), REACHED, id="bytes"),
        pytest.param(closing(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n{}"), REACHED, id="a huge header"),
        pytest.param(closing(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"), REACHED, id="a length below zero"),
        pytest.param(
            say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), REACHED, id="chunks of no size"
        ),
        pytest.param(reply(b"{"), NO_JSON, id="cut off"),
        pytest.param(reply(b""), NO_JSON, id="empty"),
        pytest.param(reply(b"", 204), NO_JSON, id="no content"),
        pytest.param(reply(b'"\xff\xfe"'), NO_JSON, id="no UTF-8"),
        pytest.param(reply(b"\xef\xbb\xbf{}"), NO_JSON, id="a byte order mark"),
        pytest.param(reply(b'"\\ud800"'), NO_JSON, id="a lone surrogate"),
        pytest.param(reply(b'{"a": NaN}'), NO_JSON, id="not a number"),
        pytest.param(reply(b"[" * 500_000), NO_JSON, id="deep"),
        pytest.param(reply(b"[" * 2_000 + b"]" * 2_000), NO_JSON, id="deep and closed"),
        pytest.param(
            reply(gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}), NO_JSON, id="compressed, unasked"
        ),
        pytest.param(reply(b'"' + b"x" * 1_048_576 + b'"'), TOO_MUCH, id="huge"),
        pytest.param(endless, TOO_MUCH, id="endless"),
        pytest.param(
            reply({}, 307, headers={"Location": "http://127.0.0.1:1/"}),
            ["failed", "annotator `a` returned status 307"],
            id="a redirect",
        ),
        pytest.param(reply({}, 500), ["failed", "annotator `a` returned status 500"], id="an error"),
        pytest.param(
            say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            ["failed", "annotator `a` returned status 101"],
            id="another protocol",
        ),
    ],
)  # fmt: skip
def test_what_comes_over_the_wire(speak: Speak, expected: Json) -> None:
    """Bounded JSON of a 2xx reply is taken however it comes; anything else is `annotation_failed`."""
    assert run(speak, lambda wire, client: outcome(annotator(client, wire.url).annotate(1))) == expected


@pytest.mark.parametrize("speak", [silent, drip(OK, 0.05), endless], ids=["silent", "slow", "endless"])
def test_the_deadline_holds_whatever_the_server_does(speak: Speak) -> None:
    """A server that says nothing, or too little at a time, is given up in time."""

    async def scenario(wire: WireServer, client: HttpClient) -> Json:
        begun = asyncio.get_running_loop().time()
        result = await outcome(annotator(client, wire.url, timeout_ms=100).annotate(1))
        assert asyncio.get_running_loop().time() - begun < 5
        return result

    late = ["timeout", "annotator `a` did not answer within 100 ms"]
    assert run(speak, scenario) in ([late, TOO_MUCH] if speak is endless else [late])


def test_a_breaker_spares_a_dead_server() -> None:
    """After as many failures as allowed, calls are refused at once with the reason that opened it."""

    async def scenario(wire: WireServer, client: HttpClient) -> Json:
        judge = annotator(client, wire.url, timeout_ms=40, breaker={"failures": 3, "cooldown_ms": 60_000})
        loop = asyncio.get_running_loop()
        late = [await outcome(judge.annotate(1)) for _ in range(3)]
        begun = loop.time()
        refused = [await outcome(judge.annotate(1)) for _ in range(100)]
        assert loop.time() - begun < 2
        assert len(wire.received) == 3
        assert all(result == refused[0] for result in refused)
        return [late[0], refused[0]]

    assert run(silent, scenario) == [
        ["timeout", "annotator `a` did not answer within 40 ms"],
        ["timeout", "annotator `a` failed repeatedly; its circuit breaker is open"],
    ]


def test_a_breaker_closes_when_the_server_is_back() -> None:
    """After the cooldown one call tries, and its answer lets the others through."""
    statuses = iter([500, 500])

    async def recovering(writer: asyncio.StreamWriter) -> None:
        await reply({"up": True}, next(statuses, 200))(writer)

    async def scenario(wire: WireServer, client: HttpClient) -> Json:
        judge = annotator(client, wire.url, breaker={"failures": 2, "cooldown_ms": 500})
        results = [await outcome(judge.annotate(1)) for _ in range(3)]
        await asyncio.sleep(0.6)
        return [*results, *await asyncio.gather(*(outcome(judge.annotate(1)) for _ in range(2)))]

    down = ["failed", "annotator `a` returned status 500"]
    refused = ["failed", "annotator `a` failed repeatedly; its circuit breaker is open"]
    assert run(recovering, scenario) == [down, down, refused, {"up": True}, refused]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_hostile_value_opens_no_breaker(status: int) -> None:
    """A status that a caller's value can bring about is an answer: it must not deny everybody else."""

    async def scenario(wire: WireServer, client: HttpClient) -> Json:
        judge = annotator(client, wire.url, breaker={"failures": 1})
        for _ in range(5):
            await outcome(judge.annotate(1))
        return len(wire.received)

    assert run(reply({}, status), scenario) == 5


def test_a_call_that_nobody_waits_for_opens_no_breaker() -> None:
    """Calls that are cancelled, as those of a caller that went away, count neither way."""

    async def scenario(wire: WireServer, client: HttpClient) -> Json:
        judge = annotator(client, wire.url, timeout_ms=60_000, breaker={"failures": 1})
        for number in range(1, 4):
            call = asyncio.create_task(judge.annotate(1))
            await until(lambda: len(wire.received) == number)  # noqa: B023  # awaited in this round
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        return len(wire.received)

    assert run(silent, scenario) == 3


def test_retries_happen_only_where_the_manifest_allows() -> None:
    """None by default; with `retries` a passing fault is survived, an error of ours is not repeated."""

    def flaky(*statuses: int) -> Speak:
        left = iter(statuses)

        async def speak(writer: asyncio.StreamWriter) -> None:
            await reply({"up": True}, next(left))(writer)

        return speak

    def retried(speak: Speak, **members: Any) -> Json:
        async def scenario(wire: WireServer, client: HttpClient) -> Json:
            result = await outcome(annotator(client, wire.url, **members).annotate(1))
            return [result, len(wire.received)]

        return run(speak, scenario)

    assert retried(flaky(503, 200)) == [["failed", "annotator `a` returned status 503"], 1]
    assert retried(flaky(503, 429, 200), retries=2) == [{"up": True}, 3]
    assert retried(flaky(503, 503), retries=1) == [["failed", "annotator `a` returned status 503"], 2]
    assert retried(flaky(401, 200), retries=3) == [["failed", "annotator `a` returned status 401"], 1]


def test_retries_stay_within_the_one_deadline() -> None:
    """A try that could not begin in time is not made: the last failure is told at once."""

    async def scenario(wire: WireServer, client: HttpClient) -> Json:
        begun = asyncio.get_running_loop().time()
        result = await outcome(annotator(client, wire.url, retries=5, timeout_ms=1_000).annotate(1))
        assert asyncio.get_running_loop().time() - begun < 1
        return [result, len(wire.received)]

    assert run(reply({}, 503), scenario) == [["failed", "annotator `a` returned status 503"], 4]


def test_a_stuck_annotator_uses_up_no_connections_of_another() -> None:
    """One whose server never answers holds its own connections; another gets through to the same host."""

    async def scenario(wire: WireServer, client: HttpClient) -> Json:
        async with wire_server(reply({"up": True})) as healthy:
            stuck = annotator(
                client, wire.url, timeout_ms=2_000, max_connections=2, breaker={"failures": 100}
            )
            calls = [asyncio.create_task(outcome(stuck.annotate(1))) for _ in range(50)]
            await until(lambda: len(wire.received) == 2)
            answered = await outcome(annotator(client, healthy.url, timeout_ms=1_500).annotate(1))
            assert not any(call.done() for call in calls)
            assert wire.connections == 2
            late = await asyncio.gather(*calls)
            assert all(
                result == ["timeout", "annotator `a` did not answer within 2000 ms"] for result in late
            )
            return answered

    assert run(silent, scenario) == {"up": True}


def test_calls_under_way_are_bounded() -> None:
    """More than allowed fail at once, without a word from the server and without opening the breaker."""

    async def scenario(wire: WireServer, client: HttpClient) -> Json:
        judge = annotator(client, wire.url, timeout_ms=200, max_in_flight=3, breaker={"failures": 4})
        results = await asyncio.gather(*(outcome(judge.annotate(1)) for _ in range(10)))
        assert results[3:] == [["failed", "annotator `a` already has 3 calls in flight"]] * 7
        assert results[:3] == [["timeout", "annotator `a` did not answer within 200 ms"]] * 3
        return await outcome(judge.annotate(1))

    assert run(silent, scenario) == ["timeout", "annotator `a` did not answer within 200 ms"]


def test_a_name_that_does_not_resolve_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's look-up blocks a thread: it is one of the annotator's own."""
    release = threading.Event()
    looked_up: list[Any] = []
    system = socket.getaddrinfo

    def stuck(host: Any, *arguments: Any, **options: Any) -> Any:
        looked_up.append(host)
        if host == "stuck.example":
            release.wait(10)
            raise socket.gaierror(socket.EAI_AGAIN, "stuck")
        return system(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", stuck)

    async def scenario(wire: WireServer, client: HttpClient) -> Json:
        port = wire.url.rpartition(":")[2]
        lost = [annotator(client, f"http://stuck.example:{port}/", timeout_ms=2_000) for _ in range(8)]
        calls = [asyncio.create_task(outcome(judge.annotate(1))) for judge in lost for _ in range(4)]
        await until(lambda: looked_up.count("stuck.example") == len(lost))
        result = await outcome(annotator(client, f"http://localhost:{port}/", timeout_ms=1_500).annotate(1))
        assert not any(call.done() for call in calls)
        late = await asyncio.gather(*calls)
        release.set()
        assert all(failed == ["timeout", "annotator `a` did not answer within 2000 ms"] for failed in late)
        return result

    assert run(reply({"up": True}), scenario) == {"up": True}


@pytest.mark.parametrize("name", ["a..b", ".b", "a" * 64 + ".example"])
def test_a_name_that_nobody_can_have_is_not_reached(name: str) -> None:
    """What is no name to the system fails the annotator, as a name without an address does."""

    async def scenario(_: WireServer, client: HttpClient) -> Json:
        return await outcome(annotator(client, f"http://{name}/").annotate(1))

    assert run(reply({}), scenario) == REACHED


def test_a_certificate_must_be_trusted(tmp_path: Path) -> None:
    """Nothing is said to a server that cannot prove its name; SSL_CERT_FILE trusts another authority."""
    with https_server(tmp_path) as server:

        async def call() -> Json:
            client = HttpClient()
            try:
                return await outcome(annotator(client, server.url(host="localhost")).annotate(1))
            finally:
                await client.close()

        assert asyncio.run(call()) == ["failed", "annotator `a` has no trusted certificate"]
        script = (
            "import asyncio\n"
            "from tests.annotators.test_remote import HttpClient, annotator, outcome\n"
            "async def call():\n"
            "    client = HttpClient()\n"
            f"    print(await outcome(annotator(client, {server.url(host='localhost')!r}).annotate(1)))\n"
            "    await client.close()\n"
            "asyncio.run(call())\n"
        )
        trusting = environment(SSL_CERT_FILE=str(server.ca_file))
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=trusting, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "['failed', 'annotator `a` returned status 501']"


def test_the_connections_of_a_forgotten_annotator_are_closed() -> None:
    """A manifest that is replaced takes its connections along, without a word in the log."""

    async def scenario(wire: WireServer, client: HttpClient) -> Json:
        assert await outcome(annotator(client, wire.url).annotate(1)) == {}
        assert len(wire.serving) == 1
        gc.collect()
        for _ in range(100):
            if not wire.serving:
                break
            await asyncio.sleep(0.01)
        return len(wire.serving)

    assert run(reply({}), scenario) == 0
