"""Sections 2.1 and 2.2: every member of a request, and what is said of a bad one."""

from typing import Any

import orjson
import pytest

from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.decision.request import MAX_BATCH, DuplicateMembers
from acs_sidecar.spec.points import Mode
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.transports.http.bodies import parse_batch, parse_evaluate
from acs_sidecar.transports.http.problems import refusal_json


def _detail(body: bytes, point: str | None = "input") -> str:
    with pytest.raises(RefusalError) as caught:
        parse_evaluate(body, point)
    assert (caught.value.cause, caught.value.reason) == (Cause.MALFORMED, Reason.REQUEST_INVALID)
    return caught.value.detail


def test_a_full_request_is_read() -> None:
    """Every member has its place."""
    body = {
        "snapshot": {"a": [1]},
        "intervention_point": "input",
        "mode": "evaluate_only",
        "manifest": "text",
        "manifest_signature": {"key_id": "k", "signature": "s"},
        "request_id": "r 1",
        "include": ["trace", "policy_input"],
    }
    request = parse_evaluate(orjson.dumps(body), None)
    assert (request.point, request.snapshot, request.mode) == ("input", {"a": [1]}, Mode.EVALUATE_ONLY)
    assert (request.manifest, request.manifest_ref, request.request_id) == ("text", None, "r 1")
    assert request.manifest_signature == {"key_id": "k", "signature": "s"}
    assert request.include == {"trace", "policy_input"}


def test_the_least_request_has_defaults() -> None:
    """A snapshot is enough; the mode is enforce."""
    request = parse_evaluate(b'{"snapshot":{}}', "input")
    assert (request.mode, request.include, request.manifest) == (Mode.ENFORCE, frozenset(), None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"snapshot":{"a":1,"a":2}}',
        b'{"snapshot":{"a":1,"\\u0061":2}}',
        b'{"snapshot":{},"snapshot":{}}',
        b'{"snapshot":{},"manifest":{"version":"1","version":"1"}}',
    ],
)
def test_a_duplicate_member_is_refused(body: bytes) -> None:
    """Another reader may take the first of two, so a member that occurs twice is refused, also by an escape."""
    detail = "an object in the body has a member twice: remove one, or let the operator set ACS_DUPLICATE_MEMBERS=last"
    assert _detail(body) == detail


def test_the_last_duplicate_counts_by_choice() -> None:
    """With `last`, the last of two members counts, for the policy and the identities alike."""
    body = b'{"snapshot":{"a":1,"a":2}}'
    assert parse_evaluate(body, "input", DuplicateMembers.LAST).snapshot == {"a": 2}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is not valid JSON: line 1, column 1"),
        (b"{", "the body is not valid JSON: line 1, column 2"),
        (b'{"snapshot": NaN}', "the body is not valid JSON: line 1, column 14"),
        (b"[" * 100_000, "the body is not valid JSON: line 1, column 100001"),
        (b'"\xff"', "the body is not valid JSON: line 1, column 1"),
        (b'{"snapshot": {"a": "\\ud800"}}', "the body is not valid JSON: line 1, column 20"),
        (b"[]", "the body is not a JSON object"),
        (b"null", "the body is not a JSON object"),
        (b"{}", "`snapshot` must be an object"),
        (b'{"snapshot":[]}', "`snapshot` must be an object"),
        (b'{"snapshot":null}', "`snapshot` must be an object"),
    ],
)
def test_a_body_that_is_no_request(body: bytes, detail: str) -> None:
    """Not JSON, not an object, not UTF-8, nested past the parser: each is said."""
    found = _detail(body)
    assert found.partition(":")[0] == detail.partition(":")[0]


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        ({"mode": "audit"}, "`mode` must be `enforce` or `evaluate_only`"),
        ({"mode": None}, "`mode` must be `enforce` or `evaluate_only`"),
        ({"mode": ["enforce"]}, "`mode` must be `enforce` or `evaluate_only`"),
        ({"manifest": 1}, "`manifest` must be an object, or a string of YAML or JSON"),
        ({"manifest": []}, "`manifest` must be an object, or a string of YAML or JSON"),
        ({"manifest_ref": 1}, "`manifest_ref` must be a string"),
        ({"manifest": {}, "manifest_ref": "a"}, "set either `manifest` or `manifest_ref`"),
        ({"manifest_signature": {"key_id": "k", "signature": "s"}}, "`manifest_signature` requires `manifest`"),
        ({"manifest": {}, "manifest_signature": {"key_id": "k"}}, "`manifest_signature` must be an object with the "
         "strings `key_id` and `signature`, and the object `statement` where it has one"),
        ({"manifest": {}, "manifest_signature": {"key_id": "k", "signature": 1}}, "`manifest_signature` must be an "
         "object with the strings `key_id` and `signature`, and the object `statement` where it has one"),
        ({"manifest": {}, "manifest_signature": {"key_id": "k", "signature": "s", "statement": "x"}},
         "`manifest_signature` must be an object with the strings `key_id` and `signature`, and the object `statement` "
         "where it has one"),
        ({"intervention_point": "output"}, "`intervention_point` contradicts the path"),
        ({"intervention_point": 1}, "`intervention_point` must be a string"),
        ({"request_id": ""}, "`request_id` must be 1 to 128 printable characters"),
        ({"request_id": "x" * 129}, "`request_id` must be 1 to 128 printable characters"),
        ({"request_id": "a\nb"}, "`request_id` must be 1 to 128 printable characters"),
        ({"request_id": 7}, "`request_id` must be 1 to 128 printable characters"),
        ({"include": "trace"}, "`include` must be a list of distinct names from `context_identity`, `explain`, `policy_input`, "
         "`receipt`, `trace`"),
        ({"include": ["trace", "trace"]}, "`include` must be a list of distinct names from `context_identity`, `explain`, `policy_input`, "
         "`receipt`, `trace`"),
        ({"dialect": "0.5"}, '`dialect` must be `"0.3"` or `"0.4"`'),
        ({"dialect": None}, '`dialect` must be `"0.3"` or `"0.4"`'),
        ({"dialect": 0.4}, '`dialect` must be `"0.3"` or `"0.4"`'),
        ({"snapshot": {"interception_point": "output"}}, "`snapshot.interception_point` contradicts the intervention point of the request"),
        ({"snapshot": {"interception_point": None}}, "`snapshot.interception_point` must be a string"),
        ({"include": [{}]}, "`include` must be a list of distinct names from `context_identity`, `explain`, `policy_input`, `receipt`, `trace`"),
    ],
)  # fmt: skip
def test_each_wrong_member_is_named(members: dict[str, Any], detail: str) -> None:
    """The detail names the member and what is allowed, never the value."""
    assert _detail(orjson.dumps({"snapshot": {}, **members})) == detail


KNOWN = "`dialect`, `include`, `intervention_point`, `manifest`, `manifest_ref`, `manifest_signature`, `mode`, `request_id`, `snapshot`"


@pytest.mark.parametrize(
    ("name", "named"),
    [("_x-1", " `_x-1`"), ("a b", ""), ("", ""), ("é", ""), ("a" * 65, "")],
)
def test_an_unknown_member_is_named_to_the_caller_alone(name: str, named: str) -> None:
    """The response names a member that looks like one; the detail, which is logged, names none."""
    with pytest.raises(RefusalError) as caught:
        parse_evaluate(orjson.dumps({"snapshot": {}, name: 1}), "input")
    advice = f"remove it; must be one of {KNOWN}"
    assert caught.value.detail == f"unknown member: {advice}"
    assert refusal_json(caught.value)["detail"] == f"unknown member{named}: {advice}"


def test_a_misspelt_member_is_told_its_name() -> None:
    """A name that is nearly a member is answered with that member alone."""
    assert _detail(b'{"snapshoot": {}}') == "unknown member: rename it to `snapshot`"


def test_a_point_must_be_somewhere() -> None:
    """Without a point in the path it must be in the body."""
    detail = _detail(b'{"snapshot":{}}', None)
    assert detail == "`intervention_point` is missing: set it in the path or in the body"


def test_a_bad_request_keeps_its_id() -> None:
    """A request that can be told apart is told apart, also when it is refused."""
    with pytest.raises(RefusalError) as caught:
        parse_evaluate(b'{"request_id": "r1", "mode": 1, "snapshot": {}}', "input")
    assert caught.value.request_id == "r1"
    assert refusal_json(caught.value)["request_id"] == "r1"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "`requests` must be a list"),
        ({"requests": {}}, "`requests` must be a list"),
        ({"requests": [], "x": 1}, "unknown member: remove it; must be one of `requests`"),
        ({"requests": [{}] * (MAX_BATCH + 1)}, "`requests` exceeds 256 items"),
    ],
)
def test_a_bad_batch_is_named(body: dict[str, Any], detail: str) -> None:
    """A batch is a list of at most 256 requests and nothing else."""
    with pytest.raises(RefusalError) as caught:
        parse_batch(orjson.dumps(body))
    assert caught.value.detail == detail


def test_a_problem_always_denies() -> None:
    """The body of a problem carries the deny that its caller must act on."""
    with pytest.raises(RefusalError) as caught:
        parse_evaluate(b"[]", "input")
    assert refusal_json(caught.value) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "the body is not a JSON object",
        "verdict": {
            "decision": "deny",
            "reason": "runtime_error:request_invalid",
            "message": "The request is invalid.",
            "result_labels": [],
        },
    }
