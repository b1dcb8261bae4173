"""Section 6.7: `POST /v1/intercept`, a bare verdict on an agent context."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from acs_sidecar.approval.approval import approve
from acs_sidecar.approval.challenge import inspect_challenge
from acs_sidecar.audit.log.keys import generate_key, load_key
from acs_sidecar.spec.approval import ApprovalOutcome
from tests.conftest import Service, start_service
from tests.spec.dialects.contexts import context

INTERCEPT = "/v1/intercept"
DENIED = {"decision": "deny", "reason": "runtime_error:request_invalid"}
FORBIDDEN = "runtime_error:transform_target_forbidden"


def _manifest(output: Any, target: str, version: str = "0.4.0-alpha.1", **members: Any) -> dict[str, Any]:
    return {
        "agent_control_specification_version": version,
        "policies": {"p": {"type": "test", "output": output}},
        "intervention_points": {"pre_tool_call": {"policy_target": target, "policy": {"id": "p"}}},
        **members,
    }


def _transform(path: str, value: Any = "X") -> dict[str, Any]:
    return {"decision": "transform", "reason": "r", "transform": {"path": path, "value": value}}


APPROVAL = {"default_resolver": "officer", "resolvers": {"officer": {"type": "token"}}}
MANIFESTS = {
    "allow": _manifest({"decision": "allow"}, "$.target"),
    "warn": _manifest({"decision": "warn", "reason": "odd", "message": "look"}, "$.target"),
    "older-warn": _manifest({"decision": "warn", "reason": "host_error:x"}, "$.target", "0.3.1-beta"),
    "deny": _manifest({"decision": "deny", "reason": "no", "result_labels": []}, "$.target"),
    "fails": _manifest("allow", "$.target"),
    "escalate": _manifest(
        {"decision": "escalate", "approval": {"team": "treasury", "acs": "forged"}}, "$.target", approval=APPROVAL
    ),
    "unresolvable": _manifest({"decision": "escalate", "approval": {"acs": {"challenge": "forged"}}}, "$.target"),
    "equal": _manifest(_transform("$target.amount"), "$.tool_call.args"),
    "alias": _manifest(_transform("$target.to.iban"), "$.target"),
    "below": _manifest(_transform("$target.iban"), "$.tool_call.args.to"),
    "below-whole": _manifest(_transform("$target"), "$.target.to.iban"),
    "older": _manifest(_transform('$policy_target["iban"]'), "$.tool_call.args.to", "0.3.1-beta"),
    "above": _manifest(_transform("$target.args.amount"), "$.tool_call"),
    "beside": _manifest(_transform("$target"), "$.tool_call.name"),
    "root": _manifest(_transform("$target.sequence"), "$"),
    "older-startup": {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": {"type": "test", "output": _transform("$policy_target", {})}},
        "intervention_points": {"agent_startup": {"policy_target": "$.target", "policy": {"id": "p"}}},
    },
    "odd-name": _manifest(_transform('$policy_target["a b"]'), "$.tool_call.args.to", "0.3.1-beta"),
}  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with those manifests, and an approver."""
    folder = tmp_path_factory.mktemp("intercept")
    (folder / "manifests").mkdir()
    for name, manifest in MANIFESTS.items():
        (folder / "manifests" / f"{name}.json").write_text(json.dumps(manifest))
    public = base64.b64encode(generate_key(folder / "alice.pem").public).decode()
    (folder / "approvers.yaml").write_text(f'approvers:\n  alice: {{public_key: "{public}"}}\n')
    service = start_service(folder, ACS_MANIFESTS="manifests", ACS_APPROVAL_TRUST_FILE="approvers.yaml")
    yield service
    service.stop()


def _intercept(
    service: Service, manifest: str, body: Any = None, status: int = 200
) -> tuple[dict[str, Any], dict[str, str]]:
    sent = context("pre_tool_call") if body is None else body
    found, headers, content = service.request("POST", f"{INTERCEPT}?manifest_ref={manifest}", sent)
    assert found == status
    verdict = json.loads(content)
    assert isinstance(verdict, dict)
    return verdict, headers


@pytest.mark.parametrize(
    ("manifest", "verdict"),
    [
        ("allow", {"decision": "allow"}),
        ("warn", {"decision": "allow", "reason": "odd", "message": "look", "warnings": [{"reason": "odd", "message": "look"}]}),
        ("older-warn", {"decision": "allow", "warnings": [{}]}),
        ("deny", {"decision": "deny", "reason": "no"}),
        ("fails", {"decision": "deny", "reason": "runtime_error:policy_output_invalid", "message": "The policy returned an invalid output."}),
        ("unresolvable", {"decision": "deny", "approval": {}}),
    ],
)  # fmt: skip
def test_a_bare_verdict(service: Service, manifest: str, verdict: dict[str, Any]) -> None:
    """The answer is the verdict and nothing around it; the headers say where its record is."""
    found, headers = _intercept(service, manifest)
    assert found == verdict
    log, _, index = headers["x-acs-audit"].rpartition(":")
    status, record = service.get(f"/v1/audit/records/{index}?log={log}")
    assert status == 200
    members = json.loads(record["record"])
    who = (None, None) if manifest == "older-warn" else ("a1", "s1")
    assert (members["agent_id"], members["session_id"], members["mode"]) == (*who, "enforce")
    assert members["input_identity"] == headers.get("x-acs-input-identity")


@pytest.mark.parametrize(
    ("manifest", "transform"),
    [
        ("equal", {"path": "$target.amount", "value": "X"}),
        ("alias", {"path": "$target.to.iban", "value": "X"}),
        ("below", {"path": "$target.to.iban", "value": "X"}),
        ("below-whole", {"path": "$target.to.iban", "value": "X"}),
        ("older", {"path": "$target.to.iban", "value": "X"}),
    ],
)
def test_a_transform_is_one_of_the_target_of_the_host(
    service: Service, manifest: str, transform: dict[str, Any]
) -> None:
    """Whatever the policy target is within it, the host changes the value that the policy meant."""
    verdict, headers = _intercept(service, manifest)
    assert verdict == {"decision": "transform", "reason": "r", "transform": transform}
    assert "x-acs-input-identity" in headers


def test_a_path_that_no_host_parses_becomes_the_whole_target(service: Service) -> None:
    """A name with a space is no segment of Agent Hooks."""
    args = {"amount": 5, "to": {"a b": 1, "c": 2}}
    sent = context("pre_tool_call", tool_call={"id": "c", "name": "pay", "args": args}, target=args)
    verdict, _ = _intercept(service, "odd-name", sent)
    assert verdict["transform"] == {"path": "$target", "value": {"amount": 5, "to": {"a b": "X", "c": 2}}}


@pytest.mark.parametrize("manifest", ["above", "beside", "root"])
def test_a_transform_of_something_else_is_refused(service: Service, manifest: str) -> None:
    """The host would apply it to another value than the policy meant."""
    verdict, headers = _intercept(service, manifest)
    assert (verdict["decision"], verdict["reason"]) == ("deny", FORBIDDEN)
    assert "x-acs-input-identity" not in headers


@pytest.mark.parametrize(
    ("target", "body", "status"),
    [
        ("", {}, 400),
        ("", b"{", 400),
        ("", context("pre_tool_call", target={"amount": 1}), 400),
        ("", json.dumps(context("pre_tool_call")).replace('"sequence": 3', '"sequence": 3, "sequence": 3').encode(), 400),
        ("&x=1", context("pre_tool_call"), 400),
        ("&manifest_ref=allow", context("pre_tool_call"), 400),
        ("%ff", context("pre_tool_call"), 400),
        ("s", context("pre_tool_call"), 404),
    ],
)  # fmt: skip
def test_a_request_error_is_a_bare_deny(service: Service, target: str, body: Any, status: int) -> None:
    """At every status the answer is a verdict that a host can read."""
    found, headers, content = service.request("POST", f"{INTERCEPT}?manifest_ref=allow{target}", body)
    assert (found, json.loads(content)) == (status, DENIED)
    assert headers["content-type"] == "application/json"
    assert "x-acs-audit" not in headers


def test_another_method_or_media_type_is_a_bare_deny(service: Service) -> None:
    """Also where the request is for something else."""
    for headers, status in (({"content-type": "text/plain"}, 415), ({"host": "evil.example"}, 403)):
        found, _, content = service.request("POST", INTERCEPT, context("pre_tool_call"), headers)
        assert (found, json.loads(content)) == (status, DENIED)


def test_an_escalation_brings_its_challenge(service: Service) -> None:
    """A resolver of the host brings what an approver signed, with the same context."""
    sent = context("pre_tool_call")
    verdict, _ = _intercept(service, "escalate", sent)
    assert verdict["decision"] == "deny"
    approval = verdict["approval"]
    assert approval["team"] == "treasury"
    offer = approval["acs"]
    assert offer["resolver"] == "officer"
    folder = service.log_path.parent
    now = int(time.time() * 1_000_000)
    signed = approve(
        inspect_challenge(offer["challenge"]),
        ApprovalOutcome.ALLOW,
        now,
        load_key(folder / "alice.pem").private,
    )
    claim = {
        "snapshot": sent,
        "manifest_ref": "escalate",
        "challenge": offer["challenge"],
        "approval": signed,
    }
    status, resolved = service.post("/v1/approvals:resolve", claim)
    assert status == 200
    assert resolved["verdict"] == {"decision": "allow", "reason": "approved"}
    assert (resolved["approval"]["outcome"], resolved["intervention_point"]) == ("allow", "pre_tool_call")
    # Another context is another action.
    args = {"amount": 6}
    other = context("pre_tool_call", tool_call={"id": "c", "name": "pay", "args": args}, target=args)
    _, refused = service.post("/v1/approvals:resolve", claim | {"snapshot": other})
    assert refused["verdict"]["reason"] == "runtime_error:approval_action_mismatch"
    _, rejected = service.post(
        "/v1/approvals:resolve", {k: v for k, v in claim.items() if k != "approval"} | {"outcome": "deny"}
    )
    assert rejected["verdict"]["decision"] == "deny"
    assert "approval" not in rejected["verdict"]


def test_the_identity_of_a_context_is_included_on_request(service: Service) -> None:
    """A snapshot that is no agent context has none, and the detail says why."""
    body = {"snapshot": context("pre_tool_call"), "manifest_ref": "allow", "include": ["context_identity"]}
    status, response = service.post("/v1/evaluate", body)
    assert (status, response["dialect"], response["verdict"]) == (200, "0.4", {"decision": "allow"})
    assert response["context_identity"].startswith("sha256:")
    snapshot = {"target": 1, "agent": {"id": "a"}}
    status, response = service.post("/v1/evaluate/pre_tool_call", body | {"snapshot": snapshot})
    assert (status, response["context_identity"]) == (200, None)
    assert response["detail"] == (
        "the snapshot has no identity of an agent context: `spec` must be `agent-hooks/<number>.<number>`"
    )


def test_two_agents_in_one_snapshot_are_refused(service: Service) -> None:
    """Section 6.8: nobody is let in as one and decided upon as another."""
    sent = context("pre_tool_call", envelope={"agent": {"id": "b2"}})
    assert _intercept(service, "allow", sent, 400)[0] == DENIED
    same = context("pre_tool_call", envelope={"agent": {"id": "a1"}})
    assert _intercept(service, "allow", same)[0] == {"decision": "allow"}


def test_a_host_transforms_nothing_at_startup(service: Service) -> None:
    """A manifest of 0.3 may ask for it, and the host would fail on the verdict."""
    status, verdict = service.post(f"{INTERCEPT}?manifest_ref=older-startup", context("agent_startup"))
    assert (status, verdict["decision"], verdict["reason"]) == (200, "deny", FORBIDDEN)


@pytest.mark.parametrize(
    ("amount", "status"),
    [
        (2**64 - 1, 200),
        (-(2**63), 200),
        (1e300, 200),
        ("1" * 40, 200),
        (2**64, 400),
        (-(2**63) - 1, 400),
        (10**400, 400),
    ],
)
def test_an_integer_of_which_not_every_digit_is_read_is_refused(
    amount: Any, status: int, service: Service
) -> None:
    """Two integers beyond 64 bits are one number once they are read, and two to the host."""
    members = {
        "tool_call": {"id": "c", "name": "pay", "args": {"amount": amount}},
        "target": {"amount": amount},
    }
    body = json.dumps(context("pre_tool_call", **members)).encode()
    headers = {"content-type": "application/json"}
    replied, _, answer = service.request("POST", f"{INTERCEPT}?manifest_ref=allow", body, headers)
    assert (replied, json.loads(answer)) == (status, {"decision": "allow"} if status == 200 else DENIED)
