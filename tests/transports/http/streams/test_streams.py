"""Section 6.9: streams over HTTP."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Service, Start, start_service
from tests.decision.streams.streaming import STREAMS, first_line, further_lines, summary
from tests.transports.http.streams.streaming import (
    HEAD,
    STREAM,
    chunk,
    connected,
    exchanging,
    first_of,
    posted,
    settled_of,
    stream_records,
    text,
    write_manifest,
)
from tests.waiting import wait_for

CASES = [pytest.param(case, id=case["name"]) for case in STREAMS["cases"]]
REFUSED = [pytest.param(case, id=case["name"]) for case in STREAMS["refused"]]
END = b'{"end": true}'
MOST_SENT = 32 << 20


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that takes inline manifests and has one of the operator's."""
    folder: Path = tmp_path_factory.mktemp("streams")
    write_manifest(folder / "m.json")
    service = start_service(
        folder,
        "--manifests",
        "m.json",
        ACS_INLINE_MANIFESTS="sandboxed",
        ACS_STREAM_MAX="4",
        ACS_STREAM_IDLE_S="3",
        ACS_REQUEST_TIMEOUT_S="3",
    )
    yield service
    service.stop()


@pytest.mark.parametrize("case", CASES)
def test_a_stream(case: dict[str, Any], service: Service) -> None:
    """The cases of the decision service come out the same over HTTP, with an inline manifest in the sandbox."""
    status, answer = posted(service, [first_line(case), *further_lines(case)])
    assert status == 200
    assert summary(answer) == case["answer"]
    settled = answer[-1]["settled"]
    assert {name: settled.get(name, "absent") for name in case["settled"]} == case["settled"]


@pytest.mark.parametrize("case", REFUSED)
def test_a_stream_that_does_not_begin(case: dict[str, Any], service: Service) -> None:
    """Until the first line is valid, errors are problem details with a deny."""
    status, (problem,) = posted(service, [first_line(case)])
    assert (status, problem["detail"]) == (400, case["detail"])
    assert problem["verdict"]["reason"] == f"runtime_error:{case.get('reason', 'request_invalid')}"


def test_a_query_is_not_ignored(service: Service) -> None:
    """A stream that names its manifest in the query is refused: `open` names it."""
    lines = first_of() + b"\n" + END
    headers = {"content-type": "application/x-ndjson"}
    status, _, body = service.request("POST", f"{STREAM}?manifest_ref=other", lines, headers)
    problem = json.loads(body)
    detail = "`manifest_ref` in the query is not read by this route: set it in the body"
    assert (status, problem["detail"], problem["verdict"]["decision"]) == (400, detail, "deny")


def test_each_watermark_comes_before_more_text(service: Service) -> None:
    """Both directions run at once: a line is answered when it came, and its record is in the log."""
    with exchanging(service, first_of(request_id="r-1")) as stream:
        opened = stream.line()
        assert opened and opened["opened"]["tracks"]["response"]["policy_id"] == "p"
        for number, word in enumerate(["a", "b😀", "c"], 1):
            stream.send(text(word))
            span, watermark = stream.line(), stream.line()
            assert span and watermark
            assert watermark == {"watermark": {"track": "response", "offset": [1, 3, 4][number - 1]}}
            _, record = service.get(f"/v1/audit/records/{span['span']['audit']['index']}")
            assert json.loads(record["record"])["stream"] == opened["opened"]["stream"]
        stream.send(END)
        settled = stream.line()
        assert settled and settled["settled"]["kind"] == "complete"
        assert stream.line() is None
    details = settled_of(stream_records(service))[opened["opened"]["stream"]]
    assert (details["spans"], details["request_id"], details["kind"]) == (3, "r-1", "complete")


def test_a_span_is_what_an_evaluation_of_the_whole_is(service: Service) -> None:
    """The input identity of a span is that of evaluating the snapshot with all of its text."""
    _, answer = posted(service, [first_of(), text("hel"), text("lo"), END])
    _, whole = service.post("/v1/evaluate/post_model_call", {"snapshot": {"response": {"text": "hello"}}})
    assert answer[3]["span"]["input_identity"] == whole["input_identity"]


def test_events_are_the_same_objects(service: Service) -> None:
    """An `Accept` that prefers server-sent events has them; otherwise lines."""
    lines = [first_of(), text("hello"), END]
    _, events = posted(service, lines, {"accept": "text/event-stream"})
    _, plain = posted(service, lines, {"accept": "application/x-ndjson, text/event-stream;q=0.5"})
    assert [list(line) for line in events] == [list(line) for line in plain]
    assert events[2] == plain[2] == {"watermark": {"track": "response", "offset": 5}}


@pytest.mark.parametrize(
    ("method", "headers", "body", "status", "detail"),
    [
        ("GET", {}, None, 405, "only POST is allowed"),
        ("HEAD", {}, None, 405, None),
        ("POST", {"content-type": "application/json"}, b"{}", 415, "the Content-Type must be application/x-ndjson: one JSON object a line"),
        ("POST", {"content-type": "application/x-ndjson", "content-encoding": "gzip"}, b"{}", 415, "the Content-Encoding must be `identity`, or absent"),
        ("POST", {"content-type": "application/x-ndjson; charset=utf-8"}, b"", 400, "the first line must be `open`, and the body is empty"),
        ("POST", {"content-type": "application/x-ndjson"}, b"\n", 400, "the first line must be `open`, and the body is empty"),
        ("POST", {"content-type": "application/x-ndjson"}, b"x" * 262_145, 413, "the first line exceeds 262144 bytes"),
        ("POST", {"content-type": "application/x-ndjson", "host": "evil.example"}, b"{}", 403, "the Host header is neither loopback nor in ACS_ALLOWED_HOSTS"),
    ],
)  # fmt: skip
def test_what_is_no_stream_is_a_problem(
    method: str,
    headers: dict[str, str],
    body: bytes | None,
    status: int,
    detail: str | None,
    service: Service,
) -> None:
    """A request that is no stream at all is refused as on the other routes."""
    replied, _, content = service.request(method, STREAM, body, headers)
    assert replied == status
    assert detail is None or json.loads(content)["detail"] == detail


def test_one_stream_too_many_is_told_to_wait(service: Service) -> None:
    """Streams at once are bounded; one that ends makes room."""
    with exchanging(service, first_of()) as first:
        assert first.line()
        with exchanging(service, first_of()) as second, exchanging(service, first_of()) as third, exchanging(service, first_of()) as fourth:  # fmt: skip
            assert second.line()
            assert third.line()
            assert fourth.line()
            status, (problem,) = posted(service, [first_of(), END])
            assert (status, problem["detail"]) == (429, "more than 4 streams are open (ACS_STREAM_MAX)")
    wait_for(lambda: posted(service, [first_of(), END])[0] == 200)


def test_a_line_over_its_bound_fails_behind_what_came_before(service: Service) -> None:
    """Text before a line that is too long is decided on."""
    _, answer = posted(service, [first_of(), text("hello"), text("x" * 262_144), END])
    assert summary(answer) == [[0, 5, "allow"], 5]
    assert answer[-1]["settled"]["detail"] == "a line exceeds 262144 bytes"


def test_a_first_line_that_does_not_come_is_late(service: Service) -> None:
    """Until a stream is open, the timeout of a request holds."""
    with connected(service) as stream:
        stream.connection.sendall(chunk(b'{"open": '))
        assert stream.read_head() == 408


def test_silence_ends_a_stream_and_uncut_text_is_no_silence(service: Service) -> None:
    """Each line counts, a cut or not; then silence fails the stream, longer than any body may take."""
    with exchanging(service, first_of()) as stream:
        for _ in range(5):
            stream.send(text("a", cut=False))
            time.sleep(1)
        answer = stream.rest()
        assert summary(answer) == []
        assert answer[-1]["settled"]["detail"] == "no line came for 3 seconds (ACS_STREAM_IDLE_S)"


def test_a_stream_that_is_settled_is_read_though_its_client_goes_on_sending(service: Service) -> None:
    """The last line is not lost in a reset when the service ends a stream that its client has not."""
    with exchanging(service, first_of()) as stream:
        stream.send(text("bomb"))
        assert stream.line()
        stream.send(*[text("x" * 10_000)] * 30)
        answer = stream.rest()
        assert [list(line) for line in answer] == [["span"], ["settled"]]
        stream.send(*[text("x" * 10_000)] * 30)


def test_a_client_that_reads_nothing_gets_everything_later(service: Service) -> None:
    """A client may send far more than buffers hold before it reads, and slower than a body may come."""
    lines = [text("x")] * 4_000
    with exchanging(service, first_of()) as stream:
        for part in range(4):
            stream.send(*lines[part * 1_000 : (part + 1) * 1_000])
            time.sleep(1)
        stream.send(END)
        stream.end_body()
        answer = stream.rest()
    assert len(answer) == 1 + 2 * 4_000 + 1
    assert answer[-1]["settled"]["kind"] == "complete"
    assert answer[-1]["settled"]["watermarks"] == {"response": 4_000}


def test_one_span_too_many_fails(service: Service) -> None:
    """A stream has at most 4,096 spans."""
    _, answer = posted(service, [first_of(), *[text("x")] * 4_097, END])
    assert len(answer) == 1 + 2 * 4_096 + 1
    assert answer[-1]["settled"]["detail"] == "the stream has more than 4096 spans: cut less often"


def test_text_that_no_snapshot_holds_is_denied_at_once(service: Service) -> None:
    """Uncut text is not kept beyond the limit of a snapshot: it is evaluated, and denied for its size."""
    with exchanging(service, first_of()) as stream:
        stream.line()
        stream.send(*[text("x" * 200_000, cut=False)] * 6)
        span = stream.line()
        assert span and span["span"]["verdict"]["reason"] == "runtime_error:resource_limit_exceeded"
        assert span["span"]["detail"] == "the snapshot exceeds `max_snapshot_bytes` (1048576)"
        settled = stream.line()
        assert settled and settled["settled"]["kind"] == "denied"


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_any_chunks_carry_the_same_lines(size: int, service: Service) -> None:
    """A chunk may end inside a line, a character or an escape."""
    spoken = '{"text": "é\\ud83d\\ude00😀", "source": "model_generated"}'.encode()
    body = b"\n".join([first_of(), spoken, END])
    with connected(service) as stream:
        for at in range(0, len(body), size):
            stream.connection.sendall(chunk(body[at : at + size]))
        stream.end_body()
        answer = stream.rest()
    assert answer[-1]["settled"]["watermarks"] == {"response": 3}


@pytest.mark.parametrize("broken", [b"no size\r\n", b"5\r\nhello world", b"GET / HTTP/1.1\r\n\r\n"])
@pytest.mark.parametrize("opened", [True, False], ids=["opened", "at-once"])
def test_a_body_that_breaks_off_settles_the_stream(service: Service, broken: bytes, opened: bool) -> None:
    """No status is written into an answer under way: what came whole counts, and the connection ends."""
    with connected(service) as stream:
        parts = [chunk(first_of() + b"\n"), chunk(text("hello") + b"\n") + broken]
        answer: list[Any] = []
        for part in parts if opened else [b"".join(parts)]:
            stream.connection.sendall(part)
            answer.append(stream.line())
        answer += stream.rest()
        assert summary(answer) == [[0, 5, "allow"], 5]
        assert answer[-1]["settled"]["kind"] == "failed"
        assert answer[-1]["settled"]["detail"] == 'the body ended without a last line `{"end": true}`'
        assert stream.file.read() == b"\r\n"


def test_what_stands_behind_the_body_of_a_stream_is_bounded(service: Service) -> None:
    """Trailers that do not end fail the stream, whatever silence it may have: they would fill the memory."""
    with exchanging(service, first_of()) as stream:
        stream.send(text("hello"))
        stream.connection.sendall(b"0\r\n" + b"X: y\r\n" * 60_000)
        answer = stream.rest()
        assert summary(answer) == [[0, 5, "allow"], 5]
        assert answer[-1]["settled"]["detail"] == 'the body ended without a last line `{"end": true}`'


def test_a_body_that_breaks_off_before_a_line_is_refused(service: Service) -> None:
    """Before the first line, a body that is no HTTP is a problem with a deny."""
    with connected(service) as stream:
        stream.connection.sendall(b"0\r\nno trailer\r\n\r\n")
        assert stream.read_head() == 400
        problem = json.loads(stream.file.read())
        assert problem["detail"].endswith("is not valid HTTP: check the sizes of its chunks and its trailers")
        assert problem["verdict"]["decision"] == "deny"


@pytest.mark.parametrize("behind", [b"NONSENSE\r\n\r\n", b"GET /" + b"x" * 70_000])
def test_what_is_no_request_behind_a_stream_leaves_its_answer(service: Service, behind: bytes) -> None:
    """The stream is answered to its end, and then the connection closes."""
    body = b"\n".join([first_of(), text("hello"), END])
    with connected(service) as stream:
        stream.connection.sendall(chunk(body) + b"0\r\n\r\n" + behind)
        answer = stream.rest()
        assert summary(answer) == [[0, 5, "allow"], 5]
        assert answer[-1]["settled"]["kind"] == "complete"
        after = stream.file.read()
        assert after == b"\r\n" or after.startswith(
            b"\r\nHTTP/1.1 4"
        )  # it may come after the end of the stream


def test_what_comes_behind_a_stream_waits_for_its_end(service: Service) -> None:
    """The next request on a connection is not kept while the stream in front of it is not read."""
    with connected(service) as stream:
        lines = [first_of(), *[text("x")] * 4_000, END]
        stream.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        stream.connection.sendall(chunk(b"\n".join(lines)) + b"0\r\n\r\n")
        stream.connection.sendall(HEAD.format(headers="").encode())
        stream.connection.settimeout(0.5)
        sent = 0
        with suppress(TimeoutError):
            while sent < MOST_SENT:
                sent += stream.connection.send(chunk(b"x" * 65_536))
        assert sent < MOST_SENT


def test_streams_are_counted(service: Service) -> None:
    """Open streams are a gauge, ended ones a counter by how and why."""
    with exchanging(service, first_of()) as stream:
        assert stream.line()
        _, _, metrics = service.request("GET", "/metrics")
        assert b"acs_streams_open 1" in metrics
    posted(service, [first_of(), b"{"])
    _, _, metrics = service.request("GET", "/metrics")
    assert b'acs_streams_settled_total{cause="malformed",kind="failed"}' in metrics
    assert b'acs_http_requests_total{route="/v1/evaluate:stream",status="200"}' in metrics
    assert '"event":"stream_settled"' in service.log()


def test_a_stop_settles_streams(start: Start, tmp_path: Path) -> None:
    """A service that stops ends its streams at once, with a line and a record, and exits in order."""
    write_manifest(tmp_path / "m.json")
    service = start("--manifests", "m.json")
    with exchanging(service, first_of()) as stream:
        stream.send(text("hello"))
        opened = stream.line()
        assert [stream.line(), stream.line()]
        service.process.send_signal(signal.SIGTERM)
        settled = stream.line()
        assert opened and settled
        assert settled["settled"]["detail"] == "the service is shutting down"
        assert settled["settled"]["watermarks"] == {"response": 5}
    assert service.process.wait(timeout=30) == 0
    (records,) = tmp_path.glob("var/audit/*/*/*/*/records-*.jsonl")
    events = [json.loads(line) for line in records.read_text().splitlines()]
    assert [event["event"] for event in events[-2:]] == ["stream_settled", "log_closed"]
    assert events[-2]["details"]["cause"] == "shutdown"


def test_a_stream_keeps_its_manifest_over_a_reload(start: Start, tmp_path: Path) -> None:
    """All spans of a stream are evaluated against what it was opened with."""
    write_manifest(tmp_path / "m.json")
    service = start("--manifests", "m.json")
    with exchanging(service, first_of()) as stream:
        opened = stream.line()
        changed = json.loads((tmp_path / "m.json").read_text())
        changed["policies"]["p"] = {"type": "test", "output": {"decision": "deny"}}
        (tmp_path / "m.json").write_text(json.dumps(changed))
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: posted(service, [first_of(), text("a"), END])[1][-1]["settled"]["kind"] == "denied")
        stream.send(text("hello"), END)
        span, _, settled = stream.rest()
        assert (span["span"]["verdict"]["decision"], settled["settled"]["kind"]) == ("allow", "complete")
        _, record = service.get(f"/v1/audit/records/{span['span']['audit']['index']}")
        assert opened
        assert (
            json.loads(record["record"])["manifest_digest"]
            == opened["opened"]["tracks"]["response"]["manifest_digest"]
        )


def test_a_worker_that_is_killed_leaves_no_stream_unsettled(start: Start, tmp_path: Path) -> None:
    """The log of the worker that follows says of each stream that it failed, with a span or none."""
    write_manifest(tmp_path / "m.json")
    service = start("--manifests", "m.json")
    names = []
    with (
        exchanging(service, first_of()) as first,
        exchanging(service, first_of()) as second,
        exchanging(service, first_of()) as silent,
    ):
        for stream in (first, second):
            stream.send(text("hello"))
            opened = stream.line()
            assert opened and stream.line() and stream.line()
            names.append(opened["opened"]["stream"])
        opened = silent.line()
        assert opened
        names.append(opened["opened"]["stream"])
        for worker in service.workers():
            os.kill(worker, signal.SIGKILL)
        assert [first.rest(), second.rest()] == [[], []]

    def ends() -> dict[str, dict[str, Any]]:
        lines = [
            json.loads(line)
            for path in tmp_path.glob("var/audit/*/*/*/*/records-*.jsonl")
            for line in path.read_text().splitlines()
        ]
        return settled_of(lines)

    wait_for(lambda: set(ends()) == set(names))
    assert sorted((end["kind"], end["cause"], end["watermarks"]["response"]) for end in ends().values()) == [
        ("failed", "crashed", 0),
        ("failed", "crashed", 5),
        ("failed", "crashed", 5),
    ]
