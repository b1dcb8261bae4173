"""Sections 2.2 to 2.4: errors, other routes, and who may speak to the service."""

import json
import shutil
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import Service, Start
from tests.transports.http.plain_requests import MANIFEST, REQUEST, denies, raw


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "detail"),
    [
        ("POST", "/v1/evaluate/input", b"{", {}, 400, "the body is not valid JSON: line 1, column 2"),
        ("POST", "/v1/evaluate", {"snapshot": {}}, {}, 400, "`intervention_point` is missing: set it in the path "
         "or in the body"),
        ("POST", "/v1/evaluate/input", {"snapshot": {}}, {}, 400, "no default manifest is configured: set "
         "`manifest_ref` or `manifest`, or `?manifest_ref=<name>` at `/v1/intercept`"),
        ("POST", "/v1/evaluate/input", {"snapshot": {}, "manifest_ref": "x"}, {}, 404, "`manifest_ref` names no "
         "loaded manifest"),
        ("POST", "/v1/evaluate/input/", REQUEST, {}, 404, "no such route: POST to "
         "/v1/evaluate/{intervention_point}"),
        ("POST", "/v1/evaluate/", REQUEST, {}, 404, "no such route: POST to "
         "/v1/evaluate/{intervention_point}"),
        ("POST", "/v1/evaluated", REQUEST, {}, 404, "no such route: POST to "
         "/v1/evaluate/{intervention_point}"),
        *(("POST", f"{path}?manifest_ref=m&a", REQUEST, {}, 400, "`manifest_ref` in the query is not read by this route: "
         "set it in the body") for path in ("/v1/evaluate", "/v1/evaluate/input", "/v1/evaluate:batch", "/v1/approvals:resolve")),
        ("POST", "/v1/evaluate/input?%3Cb%3E=1", REQUEST, {}, 400, "the query is not read by this route: set it in the body"),
        *(("POST", path, REQUEST, {}, 404, "no such route: POST to /v1/intercept")
         for path in ("/v1/intercept/", "/v1/intercepts", "/v1/intercept/input")),
        *(("POST", path, REQUEST, {}, 404, "no such route: POST to /v1/approvals:resolve")
         for path in ("/v1/approvals:resolve/", "/v1/approvals", "/v1/approvals/resolve")),
        ("POST", "/v1/evaluate:stream/", REQUEST, {}, 404, "no such route: POST to "
         "/v1/evaluate/{intervention_point}"),
        ("GET", "/v1/evaluate/input", None, {}, 405, "only POST is allowed"),
        ("DELETE", "/v1/evaluate", None, {}, 405, "only POST is allowed"),
        ("OPTIONS", "/v1/evaluate:batch", None, {}, 405, "only POST is allowed"),
        ("POST", "/v1/evaluate/input", b"{}", {"content-type": "text/plain"}, 415, "the Content-Type must be "
         "application/json"),
        ("POST", "/v1/evaluate/input", b"{}", {"content-type": ""}, 415, "the Content-Type must be application/json"),
        ("POST", "/v1/evaluate/input", REQUEST, {"origin": "https://evil.example"}, 403, "requests from web pages "
         "(with an Origin header) are not accepted"),
        ("POST", "/v1/evaluate/input", REQUEST, {"origin": "null"}, 403, "requests from web pages (with an Origin "
         "header) are not accepted"),
        ("POST", "/v1/evaluate/input", REQUEST, {"host": "evil.example"}, 403, "the Host header is neither loopback "
         "nor in ACS_ALLOWED_HOSTS"),
        ("POST", "/v1/evaluate/input", REQUEST, {"host": "127.0.0.1.evil.example"}, 403, "the Host header is neither "
         "loopback nor in ACS_ALLOWED_HOSTS"),
        ("POST", "/v1/evaluate/input", REQUEST, {"host": "localhost@evil.example"}, 403, "the Host header is neither "
         "loopback nor in ACS_ALLOWED_HOSTS"),
        ("POST", "/v1/evaluate/input", REQUEST, {"host": "169.254.169.254"}, 403, "the Host header is neither loopback "
         "nor in ACS_ALLOWED_HOSTS"),
    ],
)  # fmt: skip
def test_every_error_denies(
    inline_service: Service,
    method: str,
    path: str,
    body: Any,
    headers: dict[str, str],
    status: int,
    detail: str,
) -> None:
    """At every status but 200 the answer is problem details with a deny (2.2)."""
    got, reply_headers, reply = inline_service.request(method, path, body, headers)
    problem = json.loads(reply)
    assert (got, reply_headers["content-type"]) == (status, "application/problem+json")
    assert (problem["status"], problem["detail"]) == (status, detail)
    assert denies(problem)


def test_a_stream_is_refused_by_its_own_reason(inline_service: Service) -> None:
    """What is sent as a stream of values is streaming_unsupported (1.12)."""
    headers = {"content-type": "application/x-ndjson"}
    status, _, reply = inline_service.request("POST", "/v1/evaluate/input", b"{}\n{}\n", headers)
    assert status == 415
    assert denies(json.loads(reply), "streaming_unsupported")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_by_any_spelling_is_taken(inline_service: Service, content_type: str) -> None:
    """Parameters and case of the media type do not matter."""
    headers = {"content-type": content_type}
    status, _, reply = inline_service.request("POST", "/v1/evaluate/input", REQUEST, headers)
    assert (status, json.loads(reply)["verdict"]["decision"]) == (200, "allow")


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1", "127.0.0.1", "127.5.5.5:80", "[::1]:9", "LOCALHOST"]
)
def test_loopback_hosts_are_accepted(inline_service: Service, host: str) -> None:
    """Any name of this machine will do (2.4)."""
    status, _, _ = inline_service.request("POST", "/v1/evaluate/input", REQUEST, {"host": host})
    assert status == 200


def test_a_request_without_or_with_two_hosts_is_refused(inline_service: Service) -> None:
    """Exactly one Host header names the service."""
    for hosts in (b"", b"Host: localhost\r\nHost: localhost\r\n"):
        request = (
            b"POST /v1/evaluate/input HTTP/1.1\r\n"
            + hosts
            + b"Connection: close\r\nContent-Length: 0\r\n\r\n"
        )
        status_line, _, rest = raw(inline_service, request).partition(b"\r\n")
        if status_line != b"HTTP/1.1 400 Bad Request":  # the parser's own refusal is as good
            assert status_line == b"HTTP/1.1 403 Forbidden"
            assert denies(json.loads(rest.partition(b"\r\n\r\n")[2]))


def test_what_the_parser_rejects_is_a_bare_400(inline_service: Service) -> None:
    """Bytes that are not HTTP never reach the application."""
    assert raw(inline_service, b"NONSENSE\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_a_batch_answers_in_order(inline_service: Service) -> None:
    """A malformed item is an item with a deny, not a failed batch (2.1)."""
    good = REQUEST | {"intervention_point": "input", "request_id": "one"}
    items = [good, {"snapshot": 1, "request_id": "two"}, "x", good | {"request_id": "four"}]
    status, body = inline_service.post("/v1/evaluate:batch", {"requests": items})
    decisions = [(item["verdict"]["decision"], item.get("request_id")) for item in body["results"]]
    assert status == 200
    assert decisions == [("allow", "one"), ("deny", "two"), ("deny", None), ("allow", "four")]
    assert body["results"][1]["status"] == 400


def test_a_batch_is_bounded(inline_service: Service) -> None:
    """At most 256 items, and an empty batch has no results."""
    status, body = inline_service.post("/v1/evaluate:batch", {"requests": [{}] * 257})
    assert (status, denies(body)) == (400, True)
    assert inline_service.post("/v1/evaluate:batch", {"requests": []}) == (200, {"results": []})


def test_includes_are_added_when_asked_for(inline_service: Service) -> None:
    """The policy input and the trace of steps with their durations (2.1)."""
    request = REQUEST | {"include": ["policy_input", "trace"]}
    _, body = inline_service.post("/v1/evaluate/input", request)
    assert body["policy_input"]["intervention_point"] == "input"
    steps = [step["step"] for step in body["trace"]["steps"]]
    assert steps == ["policy_target", "tool", "policy_input", "policy", "verdict", "identities"]
    assert all(step["duration_us"] >= 0 for step in body["trace"]["steps"])
    assert (body["trace"]["policy_type"], body["trace"]["annotators"]) == ("test", {})


def test_a_failure_still_shows_the_policy_input(inline_service: Service) -> None:
    """What was built before the failure can be shown."""
    failing = MANIFEST | {"policies": {"p": {"type": "test", "error": "x"}}}
    request = {"manifest": failing, "snapshot": {"a": 1}, "include": ["policy_input"]}
    _, body = inline_service.post("/v1/evaluate/input", request)
    assert (denies(body, "policy_invocation_failed"), body["policy_input"]["snapshot"]) == (True, {"a": 1})


@pytest.mark.parametrize("path", ["/v1/nothing", "/healthz/", "/", "/v1/manifests/x"])
def test_unknown_routes_are_problems(inline_service: Service, path: str) -> None:
    """404 as problem details, without redirects, and without a verdict outside of evaluate."""
    status, body = inline_service.get(path)
    assert (status, body["status"], "verdict" in body) == (404, 404, False)


def test_health_and_information(inline_service: Service) -> None:
    """Alive, ready with each check named, and what is running."""
    assert inline_service.get("/healthz") == (200, {"status": "alive"})
    status, ready = inline_service.get("/readyz")
    checks = [(check["name"], check["state"]) for check in ready["checks"]]
    assert (status, ready["ready"], checks) == (
        200,
        True,
        [("manifests", "ok"), ("audit", "ok"), ("access", "ok")],
    )
    status, info = inline_service.get("/v1/info")
    assert (status, info["name"], sorted(info["engines"])) == (
        200,
        "acs-sidecar",
        ["cedarpy", "gordon-to-regorus"],
    )
    assert info["limits"]["max_snapshot_bytes"] == 1_048_576


def test_the_documentation_works_offline(inline_service: Service) -> None:
    """The page loads nothing from anywhere else."""
    status, _, page = inline_service.request("GET", "/docs")
    assert status == 200
    assert b"http://" not in page
    assert b"https://" not in page


def test_what_the_operator_switches_off_is_refused(start: Start) -> None:
    """Each `include` can be switched off (2.1)."""
    service = start(ACS_INCLUDE="trace")
    status, body = service.post("/v1/evaluate/input", REQUEST | {"include": ["policy_input", "trace"]})
    assert (status, denies(body)) == (403, True)
    assert body["detail"] == "`include` of `policy_input` is disabled by the operator (ACS_INCLUDE)"
    assert service.post("/v1/evaluate/input", REQUEST | {"include": ["trace"]})[0] == 200


def test_too_many_requests_are_turned_away(start: Start) -> None:
    """Past the bound on requests in flight the answer is 429, a deny, and when to come back."""
    service = start(ACS_MAX_IN_FLIGHT="1")
    parts = urlsplit(service.url)
    with socket.create_connection((parts.hostname, parts.port)) as first:
        head = b"POST /v1/evaluate/input HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        first.sendall(head + b"Content-Length: 10\r\n\r\n{")
        statuses = []
        for _ in range(50):
            status, headers, reply = service.request("POST", "/v1/evaluate/input", REQUEST)
            statuses.append(status)
            if status == 429:
                assert (headers["retry-after"], denies(json.loads(reply))) == ("1", True)
                break
        assert statuses[-1] == 429
    for _ in range(100):
        if service.request("POST", "/v1/evaluate/input", REQUEST)[0] == 200:
            return
    raise AssertionError("the place of a client that went away was never free again")


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        (b"http://localhost/healthz", b"localhost", 200),
        (b"http://evil.example/healthz", b"localhost", 403),
        (b"http://evil.example/healthz", b"evil.example", 403),
        (b"http://me@localhost/healthz", b"localhost", 403),
    ],
)
def test_a_foreign_authority_is_a_foreign_host(
    inline_service: Service, target: bytes, host: bytes, status: int
) -> None:
    """A target in absolute form names its host itself: a foreign one is refused as a foreign `Host` is."""
    request = b"GET %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % (target, host)
    with socket.create_connection(
        (urlsplit(inline_service.url).hostname, urlsplit(inline_service.url).port)
    ) as peer:
        peer.sendall(request)
        reply = b"".join(iter(lambda: peer.recv(65_536), b""))
    assert reply.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(
    "body",
    [
        b'{"manifest": "\\ud800"}',
        b'{"manifest": {"\\udfff": 1}}',
        b'{"manifest": {"a": NaN}}',
        b'{"manifest": {"a": 1e999}}',
        b'\xef\xbb\xbf{"manifest": {}}',
        '{"manifest": {}}'.encode("utf-16"),
    ],
    ids=["surrogate", "name", "nan", "infinity", "mark", "utf-16"],
)
def test_a_manifest_is_validated_as_decisions_read_it(inline_service: Service, body: bytes) -> None:
    """What is no JSON for a decision is none for validation."""
    reply = inline_service.request("POST", "/v1/manifests:validate", body)
    assert (reply[0], json.loads(reply[2])["detail"].partition(":")[0]) == (400, "the body is not valid JSON")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/evaluate/input", b'{"manifest_ref":"m","snapshot":{"a":1,"\\u0061":2}}'),
        ("/v1/evaluate:batch", b'{"requests":[{"snapshot":{"a":1,"a":2}}]}'),
        ("/v1/approvals:resolve", b'{"challenge":"a","snapshot":{"a":1,"a":2}}'),
        ("/v1/manifests:validate", b'{"manifest":{"a":1,"a":2}}'),
    ],
)
def test_a_duplicate_member_is_refused_on_every_route(
    inline_service: Service, path: str, body: bytes
) -> None:
    """No route reads a body in which another reader may see other members."""
    status, _, reply = inline_service.request("POST", path, body)
    detail = "an object in the body has a member twice: remove one, or let the operator set ACS_DUPLICATE_MEMBERS=last"
    assert (status, json.loads(reply)["detail"]) == (400, detail)


def test_the_last_of_two_members_counts_by_setting(start: Start, tmp_path: Path) -> None:
    """With ACS_DUPLICATE_MEMBERS=last a body with duplicates is decided on as its last members say."""
    (tmp_path / "m.json").write_text(json.dumps(MANIFEST))
    service = start(ACS_MANIFESTS="m.json", ACS_DUPLICATE_MEMBERS="last", ACS_INLINE_MANIFESTS="trusted")
    identities = [
        json.loads(service.request("POST", "/v1/evaluate/input", body)[2])["input_identity"]
        for body in (b'{"snapshot":{"input":1,"input":{"text":"a"}}}', b'{"snapshot":{"input":{"text":"a"}}}')
    ]
    assert identities[0] == identities[1]
    body = b'{"manifest":1,"manifest":{}}'
    assert service.request("POST", "/v1/manifests:validate", body)[0] == 200


def test_an_integer_beyond_64_bits_is_validated_as_decisions_read_it(inline_service: Service) -> None:
    """It is a number there, so it is one here: the digest is that of the same value."""
    body = b'{"manifest": {"metadata": {"a": 123456789012345678901234567890}}}'
    status, _, reply = inline_service.request("POST", "/v1/manifests:validate", body)
    decided = inline_service.post("/v1/evaluate/input", {"snapshot": {}, **json.loads(body)})[1]
    assert (status, json.loads(reply)["digest"]) == (200, decided["manifest_digest"])


def test_an_error_that_nobody_foresaw_is_told_without_its_text(start: Start, tmp_path: Path) -> None:
    """Such an error of any route is counted, and the log has its type and place, not its words (2.2)."""
    (tmp_path / "m.json").write_text(json.dumps(MANIFEST))
    service = start(ACS_MANIFESTS="m.json")
    shutil.rmtree(tmp_path / "var" / "audit")
    status, body = service.get("/v1/audit/records")
    assert (status, body["detail"]) == (500, "internal error; see the service log")
    assert b"acs_faults_total 1.0" in service.request("GET", "/metrics")[2]
    service.stop()
    faults = [json.loads(line) for line in service.log().splitlines() if '"level":"error"' in line]
    assert [(fault["event"], fault["error_type"]) for fault in faults] == [
        ("evaluation_fault", "FileNotFoundError")
    ]
    assert "var/audit/" not in str(faults)
