"""Section 1.12: every reserved reason is reached over HTTP, and is a deny."""

import json
from typing import Any

import pytest

from acs_sidecar.spec.reasons import Reason
from tests.conftest import Service

RESOLVE = "/v1/approvals:resolve"
POINT = {"policy_target": "$.input", "tool_name_from": "$.tool", "policy": {"id": "p"}}
SNAPSHOT = {"input": {"text": "x"}, "tool": "t"}


def _manifest(output: Any = None, **members: Any) -> dict[str, Any]:
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": {"type": "test", "output": output or {"decision": "allow"}}},
        "tools": {"t": {}},
        "intervention_points": {"pre_tool_call": POINT},
    } | members


def _transform(path: str) -> dict[str, Any]:
    return {"decision": "transform", "transform": {"path": path, "value": 1}}


def _annotated(**members: Any) -> dict[str, Any]:
    point = POINT | {"annotations": {"a": {"from": "$policy_target"}}}
    return _manifest(annotators={"a": members}, intervention_points={"pre_tool_call": point})


def _escalating(**approval: Any) -> dict[str, Any]:
    return _manifest({"decision": "escalate"}, approval=approval)


RESOLVER = {"default_resolver": "r", "resolvers": {"r": {"type": "token"}}}
REQUESTS: dict[Reason, dict[str, Any]] = {
    Reason.MANIFEST_INVALID: {"manifest": _manifest(policies={})},
    Reason.INTERVENTION_POINT_UNKNOWN: {"manifest": _manifest(), "point": "output"},
    Reason.PATH_MISSING: {"manifest": _manifest(), "snapshot": {}},
    Reason.PATH_TYPE_MISMATCH: {"manifest": _manifest(), "snapshot": {"input": 1, "tool": 1}},
    Reason.TOOL_UNKNOWN: {"manifest": _manifest(tools={})},
    Reason.ANNOTATION_FAILED: {"manifest": _annotated(type="endpoint", url="http://127.0.0.1:1/")},
    Reason.POLICY_INVOCATION_FAILED: {"manifest": _manifest(policies={"p": {"type": "test", "error": "x"}})},
    Reason.POLICY_OUTPUT_INVALID: {"manifest": _manifest({"decision": "maybe"})},
    Reason.TRANSFORM_INVALID: {"manifest": _manifest(_transform("$policy_target.nothing"))},
    Reason.TRANSFORM_TARGET_FORBIDDEN: {"manifest": _manifest(_transform("$snap.input"))},
    Reason.RESOURCE_LIMIT_EXCEEDED: {"manifest": _manifest(limits={"max_snapshot_bytes": 2})},
    Reason.ADAPTER_UNSUPPORTED: {"manifest": _annotated(type="classifier", provider="oracle")},
    Reason.REQUEST_INVALID: {"manifest": 1},
    Reason.APPROVAL_ACTION_MISMATCH: {"route": RESOLVE, "manifest": _manifest()},
    Reason.APPROVAL_RESOLVER_MISSING: {"route": RESOLVE, "manifest": _escalating()},
    Reason.APPROVAL_RESOLVER_FAILED: {"route": RESOLVE, "manifest": _escalating(**RESOLVER)},
    Reason.STREAMING_UNSUPPORTED: {"content_type": "text/event-stream", "manifest": _manifest()},
}


@pytest.mark.parametrize("reason", REQUESTS, ids=lambda reason: reason.name)
def test_a_reserved_reason_is_reached_and_denies(inline_service: Service, reason: Reason) -> None:
    """The verdict has the reason and its fixed message."""
    given = dict(REQUESTS[reason])
    point = given.pop("point", "pre_tool_call")
    content_type = given.pop("content_type", "application/json")
    route = given.pop("route", "/v1/evaluate")
    body = {"snapshot": SNAPSHOT, "intervention_point": point} | given
    status, _, reply = inline_service.request("POST", route, body, {"content-type": content_type})
    verdict = json.loads(reply)["verdict"]
    assert (verdict["decision"], verdict["reason"], verdict["message"]) == ("deny", reason, reason.message)
    assert status == {Reason.REQUEST_INVALID: 400, Reason.STREAMING_UNSUPPORTED: 415}.get(reason, 200)


def test_no_reason_is_left_out() -> None:
    """The set is closed: each reason is reached above, but for the timeout's."""
    assert set(REQUESTS) | {Reason.ANNOTATION_TIMEOUT} == set(Reason)
