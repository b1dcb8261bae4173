"""Section 2.4: who may use which route, and what a caller may ask for there."""

import json
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from acs_sidecar.decision.caller import Scope
from acs_sidecar.transports.http.access import ROUTES, UndeclaredRouteError, route_rules
from acs_sidecar.transports.http.app import create_api
from acs_sidecar.transports.http.decisions import is_decision
from tests.conftest import ROOT, Service, start_service
from tests.described import checked_reply
from tests.transports.http.access.callers import MANIFEST, SUPPORT, bearer, entry, evaluate

ROW = re.compile(r"^\| `(?P<route>[A-Z]+ /[^`]*)` \| (?P<needs>[^|]+?) \|", re.MULTILINE)
DENIED = {
    "decision": "deny",
    "reason": "runtime_error:request_invalid",
    "message": "The request is invalid.",
    "result_labels": [],
}


CALLERS: dict[str, Any] = {scope.value: entry(f"token-{scope}", scope.value) for scope in Scope} | {
    "host": entry("token-host", "evaluate", agents=["support-*"]),
    "held": entry("token-held", "evaluate", manifests=["support*"]),
    "reads": entry("token-reads", "manifests:read", manifests=["support*"]),
    "plain": entry("token-plain", "evaluate", inline=False),
    "late": entry("token-late", "admin", expires="2020-01-01T00:00:00Z"),
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with two manifests that asks for tokens, and takes inline manifests."""
    folder = tmp_path_factory.mktemp("access")
    (folder / "manifests").mkdir()
    for name in ("support", "payments"):
        (folder / "manifests" / f"{name}.json").write_text(json.dumps(MANIFEST))
    (folder / "callers.json").write_text(json.dumps({"callers": CALLERS}))
    service = start_service(
        folder,
        ACS_AUTH_TOKENS_FILE="callers.json",
        ACS_INLINE_MANIFESTS="trusted",
        ACS_DEFAULT_MANIFEST="support",
    )
    yield service
    service.stop()


def records_of(service: Service) -> list[dict[str, Any]]:
    headers = bearer("token-audit:read")
    _, _, body = service.request("GET", "/v1/audit/records?limit=1000", None, headers)
    lines = [json.loads(line) for line in json.loads(body)["records"]]
    return [line for line in lines if line["event"] == "decision"]


# The table


def _served() -> set[str]:
    """List every route of the application, by method and path."""
    api = create_api()
    served = {
        f"{method} {route.path}"
        for route in iter_route_contexts(api.routes)
        for method in sorted((route.methods or {"GET"}) - {"HEAD"})
    }
    # The decision routes are no routes of the framework; the document describes every route of both halves.
    for path, operations in api.openapi()["paths"].items():
        served |= {
            f"{method.upper()} {path}"
            for method in operations
            if method != "parameters" and is_decision(path)
        }
    return served


def test_every_route_is_in_the_table_and_in_the_documentation() -> None:
    """No route is forgotten, and none is documented that is not there."""
    documented = {
        row["route"]: row["needs"] for row in ROW.finditer((ROOT / "docs" / "access.md").read_text())
    }
    assert set(ROUTES) == _served()
    assert documented == {
        route: needs.value if not isinstance(needs, Scope) else f"`{needs.value}`"
        for route, needs in ROUTES.items()
    }


def test_a_route_that_nobody_declared_is_not_served() -> None:
    """The application is not built with a route of which nobody said who may use it."""
    api = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    api.post("/v1/new")(lambda: None)
    with pytest.raises(
        UndeclaredRouteError,
        match=r"declare in acs_sidecar\.transports\.http\.access\.ROUTES who may use POST /v1/new",
    ):
        route_rules(api.routes)


def _sample(path: str) -> str:
    if path == "/static-offline-docs":
        return "/static-offline-docs/swagger-ui.css"
    return (
        path.replace("{intervention_point}", "input")
        .replace("{path:path}", "{path}")
        .replace("{path}", "checkpoint")
        .replace("{", "")
        .replace("}", "")
    )


CREDENTIALS = [None, "not-a-token", "token-late", *(f"token-{scope.value}" for scope in Scope)]


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("route", sorted(_served()))
def test_each_route_with_each_credential(service: Service, route: str, credential: str | None) -> None:
    """Each route answers, is 401 or is 403, as the table in the documentation says, for every credential."""
    documented = {
        row["route"]: row["needs"].strip("`")
        for row in ROW.finditer((ROOT / "docs" / "access.md").read_text())
    }
    needs = documented[route]
    known = credential is not None and credential.startswith("token-") and credential != "token-late"
    scope = (credential or "").removeprefix("token-")
    if needs == "open":
        expected = None
    elif not known:
        expected = 401
    else:
        expected = None if needs == "any caller" or scope in (needs, "admin") else 403
    method, _, path = route.partition(" ")
    body = None
    if method == "POST":
        body = (
            {"requests": []} if path.endswith(":batch") else {"snapshot": {}, "intervention_point": "input"}
        )
        body = {"manifest": MANIFEST} if path.endswith(":validate") else body
    headers = {} if credential is None else bearer(credential)
    if path.endswith(":stream"):
        headers |= {"content-type": "application/x-ndjson"}
    status, reply_headers, reply = service.request(method, _sample(path), body, headers)
    assert (status if status in (401, 403) else None) == expected, reply
    if expected is None:
        assert status < 500
        assert status in (200, 404, 422, 400)
        return
    problem = json.loads(reply)
    assert reply_headers["www-authenticate"].startswith('Bearer realm="acs-sidecar"')
    if path == "/v1/intercept":
        assert problem == {"decision": "deny", "reason": "runtime_error:request_invalid"}
        return
    assert reply_headers["content-type"] == "application/problem+json"
    assert (problem.get("verdict") == DENIED) is is_decision(path)


def _head_and_body(
    service: Service, method: str, path: str, credential: str | None
) -> tuple[list[str], bytes]:
    """Send a request by hand; return the lines of the head, without the date, and all bytes behind it."""
    parts = urlsplit(service.url)
    named = f"Authorization: Bearer {credential}\r\n" if credential else ""
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=20) as connection:
        request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{named}\r\n"
        connection.sendall(request.encode())
        reply = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = reply.partition(b"\r\n\r\n")
    unlike = ("date:", "content-length:", "transfer-encoding:") if "/metrics" in path else ("date:",)
    lines = [line for line in head.decode().lower().split("\r\n") if not line.startswith(unlike)]
    return lines, body


def _read_paths() -> list[str]:
    """Return a path of every route that answers GET: those of the OpenAPI document, and those served."""
    document = json.loads((ROOT / "openapi" / "openapi.json").read_text())
    documented = {path for path, operations in document["paths"].items() if "get" in operations}
    served = {route[4:] for route in _served() if route.startswith("GET ")}
    return sorted({_sample(path) for path in documented | served})


@pytest.mark.parametrize("credential", [None, "token-metrics", "token-admin"])
@pytest.mark.parametrize("path", [*_read_paths(), "/none"])
def test_head_is_answered_like_get(service: Service, path: str, credential: str | None) -> None:
    """HEAD has the status and headers of GET, by the same rules of access, and no body."""
    wanted, _ = _head_and_body(service, "GET", path, credential)
    answered, body = _head_and_body(service, "HEAD", path, credential)
    assert (answered, body) == (wanted, b"")


def test_head_where_there_is_no_get(service: Service) -> None:
    """A route that only takes POST refuses HEAD, without a body."""
    lines, body = _head_and_body(service, "HEAD", "/v1/evaluate/input", "token-admin")
    assert (lines[0], body) == ("http/1.1 405 method not allowed", b"")
    assert "allow: post" in lines


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nothing",
        "/healthz/",
        "//healthz",
        "/healthz/x",
        "/HEALTHZ",
        "/v1/audit/../../healthz",
        "/docs/",
        "/v1",
        "/%68ealthz/",
    ],
)
def test_no_other_path_is_open(service: Service, path: str) -> None:
    """What is not a route asks for a credential too, and is not found with one."""
    assert service.request("GET", path)[0] == 401
    status, _, body = service.request("GET", path, None, bearer("token-admin"))
    assert (status, json.loads(body)["detail"]) == (404, "no such route")


def test_another_method_is_refused_with_what_is_allowed(service: Service) -> None:
    """A route asks for a credential whatever the method is."""
    assert service.request("DELETE", "/v1/manifests")[0] == 401
    status, headers, _ = service.request("DELETE", "/v1/manifests", None, bearer("token-metrics"))
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    assert service.request("POST", "/healthz", {})[0] == 401


# Credentials


@pytest.mark.parametrize(
    ("value", "detail", "error"),
    [
        (None, "a credential is required: send `Authorization: Bearer <token>`", ""),
        ("Basic dTpw", "the Authorization header must be `Bearer <token>` and occur once", ""),
        ("token-evaluate", "the Authorization header must be `Bearer <token>` and occur once", ""),
        ("Bearer", "the Authorization header must be `Bearer <token>` and occur once", ""),
        ("Bearer ", "the Authorization header must be `Bearer <token>` and occur once", ""),
        ("Bearer x", "unknown token", ', error="invalid_token"'),
        ("Bearer token-evaluat", "unknown token", ', error="invalid_token"'),
        ("Bearer token-evaluate token-evaluate", "unknown token", ', error="invalid_token"'),
        ("Bearer token-late", "the credential has expired", ', error="invalid_token"'),
    ],
)
def test_no_or_a_bad_credential_is_401(service: Service, value: str | None, detail: str, error: str) -> None:
    """The answer denies, says what is missing, and leaves no record (2.2, 4.1)."""
    before = len(records_of(service))
    headers = {} if value is None else {"authorization": value}
    status, reply_headers, reply = service.request("POST", "/v1/evaluate/input", {"snapshot": {}}, headers)
    problem = json.loads(reply)
    assert (status, problem["detail"], problem["verdict"]["decision"]) == (401, detail, "deny")
    assert reply_headers["www-authenticate"] == f'Bearer realm="acs-sidecar"{error}'
    assert len(records_of(service)) == before


def test_the_scheme_is_read_in_any_case(service: Service) -> None:
    """Names of schemes have no case."""
    headers = {"authorization": "bEARER  token-evaluate"}
    assert service.request("POST", "/v1/evaluate/input", {"snapshot": {}}, headers)[0] == 200


def test_two_credentials_are_none(service: Service) -> None:
    """Of two Authorization headers, not even two good ones, neither counts."""
    import http.client

    connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=10)
    connection.putrequest("GET", "/v1/info")
    connection.putheader("Authorization", "Bearer token-evaluate")
    connection.putheader("Authorization", "Bearer token-evaluate")
    connection.endheaders()
    assert checked_reply("GET", "/v1/info", connection)[0] == 401
    connection.close()


# What a caller may ask for


def test_the_callers_name_is_in_the_record(service: Service) -> None:
    """A decision and a refusal say who asked; nothing holds a token (4.1)."""
    assert evaluate(service, "token-host", request_id="named")[0] == 200
    assert evaluate(service, "token-metrics", request_id="x")[0] == 403
    records = records_of(service)[-2:]
    assert [(one["caller"], one["decision"], one["reason"]) for one in records] == [
        ("host", "allow", None),
        ("metrics", "deny", "runtime_error:request_invalid"),
    ]
    assert "token-" not in json.dumps(records_of(service))
    assert "token-host" not in service.log()


@pytest.mark.parametrize(
    "snapshot",
    [{}, {"envelope": {}}, {"envelope": {"agent": {"id": "billing-1"}}}, {"envelope": {"agent": {"id": 7}}}],
)
def test_a_caller_speaks_for_its_agents_alone(service: Service, snapshot: Any) -> None:
    """Another agent, one that is missing or not a text is 403 and deny, and is recorded (2.4)."""
    before = len(records_of(service))
    status, body = evaluate(service, "token-host", snapshot=snapshot, request_id="r")
    assert (status, body["verdict"], body["request_id"]) == (403, DENIED, "r")
    assert body["detail"] == "this caller is not allowed to act for this agent (`snapshot.envelope.agent.id`)"
    records = records_of(service)
    assert len(records) == before + 1
    assert (records[-1]["caller"], records[-1]["decision"], records[-1]["request_id"]) == (
        "host",
        "deny",
        "r",
    )
    assert evaluate(service, "token-evaluate", snapshot=snapshot)[0] == 200


def test_a_caller_is_held_to_its_manifests(service: Service) -> None:
    """By name, by digest, by default or inline: only what its globs match, and a refusal is recorded."""
    assert evaluate(service, "token-held")[0] == 200
    assert evaluate(service, "token-held", manifest_ref="support")[0] == 200
    status, body = evaluate(service, "token-held", manifest_ref="payments")
    assert (status, body["detail"], body["verdict"]) == (
        403,
        "this caller is not allowed to use this manifest, or it is not loaded",
        DENIED,
    )
    assert records_of(service)[-1]["caller"] == "held"
    for token in ("token-held", "token-plain"):
        status, body = evaluate(service, token, manifest=MANIFEST)
        assert (status, body["detail"]) == (403, "this caller is not allowed to send inline manifests")
        headers = bearer(token)
        assert service.request("POST", "/v1/manifests:validate", {"manifest": MANIFEST}, headers)[0] == 403
    assert evaluate(service, "token-plain", manifest_ref="payments")[0] == 200
    assert evaluate(service, "token-host", manifest=MANIFEST)[0] == 200


def test_a_restricted_caller_does_not_learn_what_else_is_loaded(service: Service) -> None:
    """A manifest that is not its own and one that is not loaded have one answer, by name and by digest."""
    own = evaluate(service, "token-held", manifest_ref="payments")
    digest = evaluate(service, "token-held")[1]["manifest_digest"]
    for reference in ("nobody", "supporting", "sha256:" + "0" * 64, digest):
        status, body = evaluate(service, "token-held", manifest_ref=reference)
        assert (status, _without_record(body)) == (own[0], _without_record(own[1])), reference
    status, body = evaluate(service, "token-plain", manifest_ref="nobody")
    assert (status, body["detail"]) == (404, "`manifest_ref` names no loaded manifest")


def test_a_restricted_caller_sees_its_own_manifests_alone(service: Service) -> None:
    """The list has what the caller may use; another manifest and one that is not loaded have one answer."""
    listed = {}
    for token in ("token-reads", "token-admin", "token-manifests:read"):
        status, _, body = service.request("GET", "/v1/manifests", None, bearer(token))
        assert status == 200
        listed[token] = [one["name"] for one in json.loads(body)["manifests"]]
    assert listed == {
        "token-reads": ["support"],
        "token-admin": ["payments", "support"],
        "token-manifests:read": ["payments", "support"],
    }
    answers = {
        name: service.request("GET", f"/v1/manifests/{name}", None, bearer("token-reads"))
        for name in ("support", "payments", "nobody")
    }
    assert answers["support"][0] == 200
    assert answers["payments"][0] == 404
    assert answers["payments"][2] == answers["nobody"][2]


def _without_record(body: Any) -> Any:
    return {name: value for name, value in body.items() if name not in ("audit", "request_id")}


def test_each_item_of_a_batch_is_checked(service: Service) -> None:
    """An item for another agent is an item with a deny, recorded under the caller's name."""
    item = {"intervention_point": "input", "snapshot": SUPPORT}
    other = item | {"snapshot": {"envelope": {"agent": {"id": "billing-1"}}}, "request_id": "other"}
    body = {"requests": [item, other, item | {"snapshot": {}}]}
    status, _, reply = service.request("POST", "/v1/evaluate:batch", body, bearer("token-host"))
    results = json.loads(reply)["results"]
    assert status == 200
    assert [one["verdict"]["decision"] for one in results] == ["allow", "deny", "deny"]
    assert [one.get("status") for one in results] == [None, 403, 403]
    assert [one["caller"] for one in records_of(service)[-3:]] == ["host"] * 3
