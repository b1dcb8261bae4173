"""Section 6.7 over HTTP: the vocabulary of a response, and manifests of 0.4 in this process and in the sandbox."""

import json
from typing import Any

import pytest

from tests.conftest import Service, Start
from tests.spec.dialects.contexts import context

EVALUATE = "/v1/evaluate/input"


def _body(output: Any, **members: Any) -> dict[str, Any]:
    manifest = {
        "agent_control_specification_version": "0.4.0-alpha.1",
        "policies": {"p": {"type": "test", "output": output}},
        "intervention_points": {"input": {"policy_target": "$.input", "policy": {"id": "p"}}},
    }
    return {"manifest": manifest, "snapshot": {"input": {"text": "hi"}}, **members}


@pytest.mark.parametrize(
    ("members", "dialect", "verdict"),
    [
        ({}, "0.4", {"decision": "allow", "reason": "r", "warnings": [{"reason": "r"}]}),
        ({"dialect": "0.4"}, "0.4", {"decision": "allow", "reason": "r", "warnings": [{"reason": "r"}]}),
        ({"dialect": "0.3"}, "0.3", {"decision": "warn", "reason": "r", "result_labels": []}),
    ],
)
def test_a_request_names_its_vocabulary(
    inline_service: Service, members: dict[str, Any], dialect: str, verdict: dict[str, Any]
) -> None:
    """Without `dialect` it is that of the manifest; both are told where nothing runs and where a child does."""
    status, response = inline_service.post(EVALUATE, _body({"decision": "warn", "reason": "r"}, **members))
    assert (status, response["dialect"], response["verdict"]) == (200, dialect, verdict)


def test_a_manifest_of_0_4_is_evaluated_in_the_sandbox(inline_service: Service) -> None:
    """Outputs are read as its dialect says, wherever the policy runs."""
    output = {"decision": "transform", "transform": {"path": "$target.text", "value": None}}
    _, response = inline_service.post(EVALUATE, _body(output))
    assert response["verdict"] == {
        "decision": "transform",
        "transform": {"path": "$target.text", "value": None},
    }
    assert response["transformed_policy_target"] == {"text": None}
    _, response = inline_service.post(EVALUATE, _body({"decision": "deny", "reason": "host_error:x"}))
    assert response["detail"] == "`reason` starts with the reserved `host_error:`"


@pytest.mark.parametrize("integer", [2**64 - 1, 2**64, 10**30, -(2**63) - 1])
@pytest.mark.parametrize("path", ["/v1/evaluate/output", "/v1/evaluate:batch"])
def test_integers_of_which_not_every_digit_is_read_have_no_identity(
    inline_service: Service, integer: int, path: str
) -> None:
    """An integer beyond 64 bits is read as the nearest double, and is another value to the host."""
    sent = context("output", output={"content": "@"}, target={"content": "@"})
    request = _body({"decision": "allow"}, snapshot=sent, include=["context_identity"])
    request["manifest"]["intervention_points"] = {
        "output": {"policy_target": "$.target", "policy": {"id": "p"}}
    }
    body = {"requests": [{"request_id": "1", "snapshot": {}}, request]} if path.endswith("batch") else request
    text = json.dumps(body).replace('"@"', str(integer))
    status, _, content = inline_service.request("POST", path, text.encode())
    response = json.loads(content)["results"][1] if path.endswith("batch") else json.loads(content)
    assert (status, response["verdict"]) == (200, {"decision": "allow"})
    assert response["context_identity"] is None
    assert response["detail"].startswith(
        "the snapshot has no identity of an agent context: an integer is beyond"
    )


def test_an_older_response_is_what_it_was(inline_service: Service) -> None:
    """Nobody who knows 0.3 alone sees that there is another vocabulary."""
    body = _body({"decision": "allow"})
    body["manifest"]["agent_control_specification_version"] = "0.3.1-beta"
    _, response = inline_service.post(EVALUATE, body)
    assert "dialect" not in response
    assert response["verdict"] == {"decision": "allow", "result_labels": []}
    _, response = inline_service.post(EVALUATE, {**body, "dialect": "0.4"})
    assert (response["dialect"], response["verdict"]) == ("0.4", {"decision": "allow"})


def test_an_operator_names_the_vocabulary_of_the_others(start: Start) -> None:
    """With ACS_DIALECT=0.3 a request that names none is answered in 0.3; what it names counts before that."""
    service = start(ACS_INLINE_MANIFESTS="trusted", ACS_DIALECT="0.3")
    escalation = _body({"decision": "escalate", "approval": {"team": "t"}})
    _, response = service.post(EVALUATE, escalation)
    assert response["verdict"] == {"decision": "escalate", "result_labels": []}
    _, response = service.post(EVALUATE, {**escalation, "dialect": "0.4"})
    assert response["verdict"] == {"decision": "deny", "approval": {"team": "t"}}
