"""Section 2: the OpenAPI document describes what the service sends, and the tests notice when it does not."""

import json
from typing import Any

import pytest

from tests.conftest import Service
from tests.described import DOCUMENT, check_replies, check_response

JSON = {"content-type": "application/json"}
PROBLEM = {"content-type": "application/problem+json"}
DENIAL = {
    "decision": "deny",
    "result_labels": [],
    "reason": "runtime_error:request_invalid",
    "message": "The request is invalid.",
}
REFUSED = {
    "type": "about:blank",
    "title": "Bad Request",
    "status": 400,
    "detail": "the body is not a JSON object",
    "verdict": DENIAL,
}
DECISION = {
    "verdict": {"decision": "allow", "result_labels": []},
    "transformed_policy_target_applied": False,
    "intervention_point": "input",
    "mode": "enforce",
    "policy_id": "p",
    "manifest_digest": "sha256:" + "0" * 64,
    "input_identity": "sha256:" + "1" * 64,
    "enforced_identity": "sha256:" + "2" * 64,
    "audit": None,
}
OFFER = {
    "resolver": "desk",
    "type": "manual",
    "timeout_seconds": 300,
    "on_timeout": "deny",
    "expires": "2025-01-15T10:00:00.000000Z",
    "challenge": "x",
}
TRANSFORM = {
    "decision": "transform",
    "result_labels": [],
    "transform": {"path": "$policy_target", "value": 1},
}
APPLIED = {
    "verdict": TRANSFORM,
    "transformed_policy_target": None,
    "transformed_policy_target_applied": True,
}


def _without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {member: inner for member, inner in value.items() if member != name}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"audit": {"log": "a/b/0/1", "index": 3, "record_id": "01a1fd56-f544-77e3-b243-a8c2f53368db"}},
        {"approval": OFFER},
        {"approval": OFFER | {"expires": None, "challenge": None, "detail": "no key"}},
        {"trace": {"steps": [], "annotators": {"a": 1.5}, "policy_type": "custom", "of_its_own": 1}},
        APPLIED,
    ],
    ids=["plain", "audit", "approval", "nobody approves", "trace", "transform"],
)
def test_a_described_decision_passes(change: dict[str, Any]) -> None:
    """Optional members may be there or not."""
    check_response("POST", "/v1/evaluate/input", 200, JSON, json.dumps(DECISION | change).encode())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"new": 1}, r"\$: Additional properties are not allowed \('new' was unexpected\)"),
        ({"verdict": {"decision": "allow", "result_labels": [], "new": 1}}, r"\$\.verdict: .*'new' was unexpected"),
        ({"verdict": {"decision": "maybe", "result_labels": []}}, r"\$\.verdict\.decision: 'maybe' is not one of"),
        ({"verdict": {"decision": "allow"}}, r"\$\.verdict: 'result_labels' is a required property"),
        ({"verdict": {"decision": "transform", "result_labels": []}}, r"\$\.verdict: 'transform' is a required"),
        ({"verdict": TRANSFORM | {"decision": "allow"}}, r"\$\.verdict: .* should not be valid under"),
        ({"transformed_policy_target": 1}, r"\$: .* should not be valid under"),
        ({"manifest_digest": "sha256:0"}, r"\$\.manifest_digest: 'sha256:0' does not match"),
        ({"audit": {"log": "a", "index": -1, "record_id": "x"}}, r"\$\.audit: .* is not valid under any"),
        ({"approval": OFFER | {"expires": "tomorrow"}}, r"\$\.approval\.expires: 'tomorrow' is not a 'date-time'"),
        ({"approval": _without(OFFER, "challenge")}, r"\$\.approval: 'challenge' is a required property"),
        ({"policy_input": {}}, r"\$\.policy_input: '\w+' is a required property"),
        ({"receipt": {"schema": "other"}}, r"\$\.receipt"),
    ],
)  # fmt: skip
def test_an_undescribed_decision_fails(change: dict[str, Any], fault: str) -> None:
    """A member that is not described, lacks, or has another value fails by its place."""
    with pytest.raises(AssertionError, match=f"^POST /v1/evaluate/input: 200 application/json: {fault}"):
        check_response("POST", "/v1/evaluate/input", 200, JSON, json.dumps(DECISION | change).encode())


@pytest.mark.parametrize(
    ("method", "target", "status", "headers", "body", "fault"),
    [
        ("POST", "/v1/evaluate", 418, PROBLEM, REFUSED, "this status is not described; described are"),
        ("POST", "/v1/evaluate", 200, PROBLEM, DECISION, "this media type is not described"),
        ("POST", "/v1/evaluate", 400, JSON, REFUSED, "this media type is not described"),
        ("POST", "/v1/evaluate", 400, PROBLEM, _without(REFUSED, "verdict"), r"\$: 'verdict' is a required property"),
        ("POST", "/v1/evaluate", 413, PROBLEM, REFUSED, "the body has the status 400"),
        ("POST", "/v1/evaluate", 429, PROBLEM, REFUSED, "without the header Retry-After"),
        ("POST", "/v1/evaluate:batch", 404, PROBLEM, REFUSED, "this status is not described"),
        ("GET", "/v1/info", 401, PROBLEM, REFUSED, "without the header WWW-Authenticate"),
        ("GET", "/v1/manifests/a", 404, PROBLEM, REFUSED, r"\$: Additional properties .*'verdict' was unexpected"),
        ("GET", "/v1/info?x=1", 200, JSON, {}, r"\$: 'name' is a required property"),
        ("GET", "/healthz", 401, PROBLEM, REFUSED, "this status is not described"),
        ("GET", "/v1/nothing", 200, JSON, {}, "this operation is not described"),
        ("PUT", "/v1/evaluate", 200, JSON, DECISION, "this operation is not described"),
        ("PUT", "/v1/evaluate", 405, JSON, REFUSED, "not problem details"),
        ("PUT", "/v1/evaluate", 405, PROBLEM, _without(REFUSED, "verdict"), r"\$: 'verdict' is a required property"),
    ],
)  # fmt: skip
def test_an_undescribed_response_fails(
    method: str, target: str, status: int, headers: dict[str, str], body: dict[str, Any], fault: str
) -> None:
    """So does a status, a media type, a header or an operation that the document does not have."""
    with pytest.raises(AssertionError, match=fault):
        check_response(method, target, status, headers, json.dumps(body).encode())


def test_every_reply_of_a_connection_is_checked() -> None:
    """Also the second one; what the parser answers has no JSON and is nobody's operation."""
    body = b'{"status": "alive"}'
    good = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )
    parsers = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\nInvalid HTTP request received."
    assert check_replies("GET", "/healthz", good * 2 + parsers) == [200, 200, 400]
    with pytest.raises(AssertionError, match="'alive' was expected"):
        check_replies("GET", "/healthz", good + good.replace(b"alive", b"alove"))
    with pytest.raises(AssertionError, match=r"^GET /healthz: 400 : this status is not described"):
        check_replies(
            "GET", "/healthz", parsers.replace(b"Invalid HTTP request received.", b"Something else")
        )


def test_the_document_is_current(inline_service: Service) -> None:
    """The checked-in document is the one that the service gives; `make openapi` writes it anew."""
    assert inline_service.get("/openapi.json") == (200, json.loads(DOCUMENT.read_text()))


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    """Generators refuse the one and make dead types of the other."""
    document = json.loads(DOCUMENT.read_text())
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    named = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert named == set(schemas)


def test_every_operation_and_response_says_what_it_is() -> None:
    """No text is the framework's: summaries are sentences of the product, and so is what a response holds."""
    document = json.loads(DOCUMENT.read_text())
    operations = [
        operation
        for item in document["paths"].values()
        for method, operation in item.items()
        if method in {"get", "post"}
    ]
    framework = [each["operationId"].replace("_", " ").title() for each in operations]
    assert [each["summary"] for each in operations if not each["summary"].endswith(".")] == []
    assert {each["summary"] for each in operations}.isdisjoint(framework)
    described = [each["description"] for one in operations for each in one["responses"].values()]
    assert "Successful Response" not in described
    assert [text for text in described if not text[:1].islower() and not text.startswith("`")] == []


def test_every_operation_has_a_name_of_its_own() -> None:
    """Generators name functions by it."""
    document = json.loads(DOCUMENT.read_text())
    names = [
        operation["operationId"]
        for item in document["paths"].values()
        for method, operation in item.items()
        if method in {"get", "post"}
    ]
    assert sorted(names) == sorted(set(names))
    assert all(name.isidentifier() and len(name) < 24 for name in names)
