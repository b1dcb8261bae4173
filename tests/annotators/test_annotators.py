"""Section 1.6: annotators against a real HTTP server, with an outcome that never depends on timing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.annotators.endpoint import endpoint_annotator
from acs_sidecar.annotators.remote import MAX_REPLY_BYTES
from acs_sidecar.annotators.runner import AnnotatorRunner
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.model import AnnotatorUse
from acs_sidecar.spec.path import parse_path
from acs_sidecar.spec.ports import Annotator, AnnotatorContext, NoSources
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.trace import Trace
from acs_sidecar.spec.values import Json

pytestmark = pytest.mark.server

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CONTEXT = AnnotatorContext(sources=NoSources(), environment={}, outbound=None)
PRELIMINARY: dict[str, Json] = {
    "intervention_point": "input",
    "policy_target": {"kind": None, "path": "$", "value": {"text": "hello"}},
    "snapshot": {"text": "hello"},
    "annotations": {},
    "tool": None,
}


async def _echo(request: web.Request) -> web.Response:
    headers = {
        name: request.headers.get(name) for name in ("Content-Type", "X-Key", "Cookie", "Authorization")
    }
    return web.json_response({"got": await request.json(), "headers": headers})


async def _slow(request: web.Request) -> web.Response:
    await asyncio.sleep(float(request.query["s"]))
    return web.json_response({"slept": request.query["s"]})


async def _status(request: web.Request) -> web.Response:
    status = int(request.query["code"])
    return web.Response(status=status, text="{}", headers={"Location": "/echo", "Set-Cookie": "a=b"})


async def _text(request: web.Request) -> web.Response:
    return web.Response(text=request.query["t"])


async def _big(request: web.Request) -> web.Response:
    return web.Response(text='"' + "x" * int(request.query["n"]) + '"')


async def _forged(_: web.Request) -> web.Response:
    return web.json_response({"a": [{"reason": "runtime_error:path_missing"}]})


async def _hang_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    """A real server on loopback with the answers that annotators give and should not give."""
    application = web.Application()
    routes = {"echo": _echo, "slow": _slow, "status": _status, "text": _text, "big": _big, "forged": _forged}
    for name, handler in {**routes, "hangup": _hang_up}.items():
        application.router.add_post(f"/{name}", handler)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _annotate(
    annotators: dict[str, dict[str, Any]], limits: Limits | None = None, trace: Trace | None = None
) -> dict[str, Json]:
    """Run annotators, by name: the path on the server, `from`, and further members."""
    async with server() as base:
        client = HttpClient()
        uses = []
        for name, given in sorted(annotators.items()):
            members = {key: value for key, value in given.items() if key not in ("at", "from")}
            invocation = {"url": given.get("url", base + given.get("at", "/echo")), **members}
            use = AnnotatorUse(name, "endpoint", parse_path(given.get("from", "$policy_target")), invocation)
            uses.append((use, endpoint_annotator(name, f"annotators.{name}", invocation, CONTEXT, client)))
        try:
            return await AnnotatorRunner(tuple(uses), limits or Limits())(PRELIMINARY, trace or Trace())
        finally:
            await client.close()


def _failure(annotators: dict[str, dict[str, Any]], limits: Limits | None = None) -> tuple[str, str]:
    with pytest.raises(EvaluationError) as caught:
        asyncio.run(_annotate(annotators, limits))
    return caught.value.reason.value.removeprefix("runtime_error:"), caught.value.detail


def test_the_value_is_posted_as_json() -> None:
    """The resolved value goes under `input`, with the configured headers and no cookies or credentials."""
    result = asyncio.run(_annotate({"a": {"from": "$.text", "headers": {"X-Key": "k"}}}))
    headers = {"Content-Type": "application/json", "X-Key": "k", "Cookie": None, "Authorization": None}
    assert result == {"a": {"got": {"input": "hello"}, "headers": headers}}


def test_the_input_field_and_the_response_field_can_be_named() -> None:
    """`input_field` renames the member that is sent, `response_field` picks one of the reply."""
    result = asyncio.run(_annotate({"a": {"input_field": "text", "response_field": "got"}}))
    assert result == {"a": {"text": {"text": "hello"}}}


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ({"at": "/status?code=500"}, "annotator `a` returned status 500"),
        ({"at": "/status?code=302"}, "annotator `a` returned status 302"),
        ({"at": "/status?code=404"}, "annotator `a` returned status 404"),
        ({"at": "/text?t=nonsense"}, "annotator `a` returned a body that is not JSON"),
        ({"at": "/text?t=NaN"}, "annotator `a` returned a body that is not JSON"),
        ({"response_field": "nothing"}, "annotator `a` returned no member `nothing`"),
        ({"at": "/text?t=[]", "response_field": "x"}, "annotator `a` returned no member `x`"),
        (
            {"at": f"/big?n={MAX_REPLY_BYTES}"},
            f"annotator `a` returned more than {MAX_REPLY_BYTES} bytes",
        ),
        (
            {"at": "/big?n=262144"},
            "the result of annotator `a` exceeds `max_annotator_output_bytes` (262144)",
        ),
        (
            {"at": "/text?t=" + "[" * 65 + "]" * 65},
            "the result of annotator `a` exceeds `max_policy_input_depth` (64)",
        ),
        (
            {"at": "/forged"},
            "the result of annotator `a` carries a `reason` that starts with the reserved `runtime_error:`",
        ),
        ({"at": "/hangup"}, "annotator `a` could not be reached"),
        ({"url": "http://127.0.0.1:1/"}, "annotator `a` could not be reached"),
        ({"url": "http://nowhere.invalid/"}, "annotator `a` could not be reached"),
    ],
)
def test_whatever_goes_wrong_is_annotation_failed(given: dict[str, Any], detail: str) -> None:
    """Anything but a 2xx reply of bounded, honest JSON fails closed."""
    assert _failure({"a": given}) == ("annotation_failed", detail)


def test_a_deadline_is_annotation_timeout() -> None:
    """`timeout_ms` bounds the whole exchange."""
    failure = _failure({"a": {"at": "/slow?s=2", "timeout_ms": 30}})
    assert failure == ("annotation_timeout", "annotator `a` did not answer within 30 ms")


def test_annotators_run_concurrently() -> None:
    """Ten annotators of 50 ms answer in far less than ten times 50 ms, in name order."""

    async def run() -> tuple[float, list[str]]:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        result = await _annotate({f"a{n}": {"at": "/slow?s=0.05"} for n in range(10)})
        return loop.time() - begun, list(result)

    took, names = asyncio.run(run())
    assert names == [f"a{n}" for n in range(10)]
    assert took < 0.4


def test_the_first_failure_in_name_order_is_reported() -> None:
    """A later name that fails first does not win."""
    failure = _failure({"a": {"at": "/slow?s=2", "timeout_ms": 100}, "b": {"at": "/status?code=500"}})
    assert failure == ("annotation_timeout", "annotator `a` did not answer within 100 ms")


def test_a_path_that_fails_is_that_annotators_failure() -> None:
    """It keeps the path's reason, and an earlier annotator's failure still comes first."""
    assert _failure({"a": {}, "b": {"from": "$.nothing"}, "c": {}}) == (
        "path_missing",
        "`$.nothing` has no value at `nothing`",
    )
    assert _failure({"a": {"at": "/status?code=500"}, "b": {"from": "$.nothing"}})[0] == "annotation_failed"
    assert _failure({"b": {"from": "$.text.x"}})[0] == "path_type_mismatch"


def test_none_starts_after_a_path_that_fails() -> None:
    """Annotators behind the failing name are not called."""
    calls: list[str] = []

    async def count(request: web.Request) -> web.Response:
        calls.append(request.path)
        return web.json_response({})

    async def run() -> None:
        application = web.Application()
        application.router.add_post("/{name}", count)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            await _annotate({"a": {"url": f"{base}/a"}, "b": {"from": "$.no"}, "c": {"url": f"{base}/c"}})
        finally:
            await runner.cleanup()

    with pytest.raises(EvaluationError):
        asyncio.run(run())
    assert calls == ["/a"]


def test_more_annotators_than_allowed_exceed_a_limit() -> None:
    """`max_annotators_per_point` is checked before any is called."""
    assert _failure({"a": {}, "b": {}}, Limits(max_annotators_per_point=1)) == (
        "resource_limit_exceeded",
        "the point has more annotators than `max_annotators_per_point` (1)",
    )


def test_annotators_are_timed_for_the_trace() -> None:
    """The trace has the time of each annotator, also of one that failed."""
    ticks = iter(range(0, 10_000, 1_000))
    trace = Trace(lambda: next(ticks))
    asyncio.run(_annotate({"a": {}}, trace=trace))
    assert trace.as_json()["annotators"] == {"a": 1.0}


@pytest.mark.parametrize(
    ("members", "path", "message"),
    [
        (
            {},
            "x.url",
            "must be an http or https URL without user information and fragment; or `provider: host` for what the host"
            " brings",
        ),
        ({"url": "https://a/", "provider": "own"}, "x.provider", "must be `host`, or absent"),
        ({"url": "ftp://a/"}, "x.url", "must be an http or https URL without user information and fragment"),
        ({"url": "http://u:p@a/"}, "x.url", "must be an http or https URL without user information and fragment"),
        ({"url": "http://a:99999/"}, "x.url", "must be an http or https URL without user information and fragment"),
        ({"url": "http://a/", "headers": {"a": 1}}, "x.headers", "must map header names to strings without "
         "line breaks"),
        ({"url": "http://a/", "headers": {"a": "b\r\nc: d"}}, "x.headers", "must map header names to strings "
         "without line breaks"),
        ({"url": "http://a/", "headers": {"a": "b\x7f"}}, "x.headers", "must map header names to strings without "
         "line breaks"),
        ({"url": "http://a/", "headers": {"": "b"}}, "x.headers", "must map header names to strings without "
         "line breaks"),
        ({"url": "http://a/", "headers": {"hOST": "b"}}, "x.headers.hOST", "`hOST` is set by the service and must not be given"),
        ({"url": "http://a/", "headers": {"Transfer-Encoding": "chunked"}}, "x.headers.Transfer-Encoding",
         "`Transfer-Encoding` is set by the service and must not be given"),
        ({"url": "http://a/", "headers": {"Content-Length": "1"}}, "x.headers.Content-Length",
         "`Content-Length` is set by the service and must not be given"),
        ({"url": "http://a/", "headers": {"Proxy-Authorization": "b"}}, "x.headers.Proxy-Authorization",
         "`Proxy-Authorization` is set by the service and must not be given"),
        ({"url": "http://a/", "timeout_ms": 0}, "x.timeout_ms", "must be an integer from 1 to 600000"),
        ({"url": "http://a/", "timeout_ms": True}, "x.timeout_ms", "must be an integer from 1 to 600000"),
        ({"url": "http://a/", "input_field": ""}, "x.input_field", "must be a member name"),
        ({"url": "http://a/", "response_field": 1}, "x.response_field", "must be a member name"),
    ],
)  # fmt: skip
def test_a_declaration_that_cannot_work_is_invalid(members: dict[str, Json], path: str, message: str) -> None:
    """Every member is checked when the manifest is compiled."""
    with pytest.raises(ManifestError) as caught:
        endpoint_annotator("a", "x", members, CONTEXT, HttpClient())
    assert [(finding.path, finding.message) for finding in caught.value.diagnostics] == [(path, message)]


class _Scripted:
    """An annotator that answers or fails after so many turns of the loop."""

    def __init__(self, turns: int, outcome: Json | Reason) -> None:
        self._turns = turns
        self._outcome = outcome

    async def annotate(self, _value: Json) -> Json:
        """Do as scripted."""
        for _ in range(self._turns):
            await asyncio.sleep(0)
        if isinstance(self._outcome, Reason):
            raise EvaluationError(self._outcome, "scripted")
        return self._outcome


@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3),
        st.tuples(
            st.integers(0, 9),
            st.sampled_from([1, {"a": 2}, Reason.ANNOTATION_FAILED, Reason.ANNOTATION_TIMEOUT, "unresolved"]),
        ),
        max_size=8,
    )
)
def test_an_outcome_never_depends_on_timing(script: dict[str, tuple[int, Any]]) -> None:
    """Whoever is first to answer or fail: all results in name order, or the first failure in name order."""
    annotators: tuple[tuple[AnnotatorUse, Annotator], ...] = tuple(
        (
            AnnotatorUse(name, "endpoint", parse_path("$.no" if outcome == "unresolved" else "$"), {}),
            _Scripted(turns, outcome),
        )
        for name, (turns, outcome) in sorted(script.items())
    )
    expected: Any = []
    for name, (_, outcome) in sorted(script.items()):
        if outcome == "unresolved" or isinstance(outcome, Reason):
            expected = Reason.PATH_MISSING if outcome == "unresolved" else outcome
            break
        expected.append((name, outcome))
    try:
        results = asyncio.run(AnnotatorRunner(annotators, Limits())(PRELIMINARY, Trace()))
        assert list(results.items()) == expected
    except EvaluationError as error:
        assert error.reason is expected
