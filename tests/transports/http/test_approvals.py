"""Approvals over HTTP, with the command that approvers use: every step recorded (sections 4.1, 19)."""

import base64
import json
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.approval.approval import approve
from acs_sidecar.approval.challenge import inspect_challenge
from acs_sidecar.audit.format.chain import audit_logs
from acs_sidecar.audit.format.findings import Status
from acs_sidecar.audit.format.trust import Trust, TrustedKey
from acs_sidecar.audit.log.directory import find_logs
from acs_sidecar.audit.log.keys import generate_key, load_key
from acs_sidecar.audit.read.source import FileLogSource
from acs_sidecar.spec.approval import ApprovalOutcome
from tests.command import start_refused
from tests.conftest import COMMAND, Service, Start, environment
from tests.transports.http.approving import ACTION, acs, manifest
from tests.waiting import wait_for

RESOLVE = "/v1/approvals:resolve"
EVALUATE = "/v1/evaluate"
FAILED = "runtime_error:approval_resolver_failed"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A deployment: a manifest, and a file of approvers with alice in it."""
    (tmp_path / "payments.json").write_text(json.dumps(manifest()))
    trust(tmp_path, "alice")
    return tmp_path


def trust(folder: Path, *names: str) -> None:
    """Trust these approvers, and no other; their keys are made when they are missing."""
    entries = ""
    for name in names:
        public = base64.b64encode(generate_key(folder / f"{name}.pem").public).decode()
        entries += f'  "{name}": {{public_key: "{public}"}}\n'
    (folder / "approvers.yaml").write_text("approvers:\n" + entries)


@pytest.fixture
def service(start: Start, folder: Path) -> Service:
    """That deployment, running."""
    return start(ACS_MANIFESTS="payments.json", ACS_APPROVAL_TRUST_FILE="approvers.yaml")


def resolved(service: Service, **members: Any) -> dict[str, Any]:
    """Resolve, and give the response, which is a 200."""
    status, body = service.post(RESOLVE, ACTION | members)
    assert status == 200
    assert isinstance(body, dict)
    return body


def records(service: Service) -> list[dict[str, Any]]:
    """Every record of the service, without those of the log itself."""
    _, body = service.get("/v1/audit/records?limit=1000")
    found = [json.loads(line) for line in body["records"]]
    return [record for record in found if record["event"] in {"decision", "approval"}]


def test_from_escalation_to_approval(service: Service, folder: Path) -> None:
    """The host asks, an approver signs, the host resolves; the log says who approved what, when, and why."""
    _, escalation = service.post(EVALUATE, ACTION | {"include": ["policy_input"]})
    assert escalation["verdict"]["decision"] == "escalate"
    (folder / "response.json").write_text(json.dumps(escalation))
    challenge = escalation["approval"]["challenge"]
    approve = ("approve", "--key", "alice.pem", "--policy-input", "response.json")
    key = acs(folder, "approvals", "key").strip()
    approval = acs(folder, *approve, "--service-key", key, given=json.dumps(escalation)).strip()
    response = resolved(service, challenge=challenge, approval=approval, include=["receipt"])
    assert response["verdict"] == {"decision": "allow", "reason": "approved", "result_labels": []}
    assert response["approval"] == {
        "outcome": "allow",
        "by": "approver",
        "resolver": "officer",
        "approver": "alice",
        "expires": escalation["approval"]["expires"],
        "escalation": escalation["audit"],
    }
    first, second = records(service)
    assert json.loads(response["receipt"]["record"]) == second
    assert (first["event"], first["decision"], "approval" in first) == ("decision", "escalate", False)
    assert (second["event"], second["decision"], second["reason"]) == ("approval", "allow", "approved")
    assert second["approval"]["approved_at"] <= second["time"]
    assert second["approval"] == {
        "approved_at": second["approval"]["approved_at"],
        "approver": "alice",
        "by": "approver",
        "challenge": second["approval"]["challenge"],
        "enforced_identity": first["enforced_identity"],
        "escalation": {name: first[name] for name in ("index", "log", "record_id")},
        "key_id": second["approval"]["key_id"],
        "outcome": "allow",
        "required_approvers": None,
        "resolver": "officer",
        "resolver_type": "token",
    }


def test_approvers_that_the_policy_names(start: Start, folder: Path) -> None:
    """Whom the policy asks is shown to the approver, bound, recorded, and in the receipt that verifies offline."""
    value = manifest()
    value["policies"]["p"]["output"]["evidence"] = {"approvers": ["treasury", "cfo"]}
    (folder / "payments.json").write_text(json.dumps(value))
    approvers = ["approvers:\n"]
    for name, group in (("carol", "support"), ("dave", "treasury")):
        key = ("--key", f"{name}.pem", "--generate")
        approvers.append(acs(folder, "approvals", "approver", name, *key, "--group", group))
    (folder / "approvers.yaml").write_text("".join(approvers))
    service = start(ACS_MANIFESTS="payments.json", ACS_APPROVAL_TRUST_FILE="approvers.yaml")
    _, escalation = service.post(EVALUATE, ACTION)
    assert escalation["verdict"]["evidence"] == {"approvers": ["treasury", "cfo"]}
    challenge = escalation["approval"]["challenge"]
    assert inspect_challenge(challenge).terms["approvers"] == ["treasury", "cfo"]
    shown = subprocess.run(
        [COMMAND, "approve", "--key", "carol.pem", "--challenge", challenge],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert '"treasury"' in shown.stderr
    refused = resolved(service, challenge=challenge, approval=shown.stdout.strip())
    assert (refused["verdict"]["reason"], refused["detail"]) == (
        FAILED,
        "the approver is not among those that the policy names (`approvers`)",
    )
    approval = acs(folder, "approve", "--key", "dave.pem", "--challenge", challenge).strip()
    response = resolved(service, challenge=challenge, approval=approval, include=["receipt"])
    assert (response["verdict"]["decision"], response["approval"]["approver"]) == ("allow", "dave")
    receipt = response["receipt"]
    found = [json.loads(receipt["record"])["approval"], *(one["approval"] for one in records(service)[1:])]
    assert [one["required_approvers"] for one in found] == [["treasury", "cfo"]] * 3
    (folder / "receipt.json").write_text(json.dumps(receipt))
    receipt["record"] = receipt["record"].replace('["treasury","cfo"]', '["treasury"]')
    (folder / "changed.json").write_text(json.dumps(receipt))
    service.stop()
    verify = ("audit", "verify", "--key", acs(folder, "audit", "key").strip(), "--receipt")
    assert json.loads(acs(folder, *verify, "receipt.json"))["receipts"][0]["error"] is None
    acs(folder, *verify, "changed.json", code=1)


def test_every_resolution_is_one_record(service: Service, folder: Path) -> None:
    """Refusals and failures too; the log that holds them is sound."""
    challenge = service.post(EVALUATE, ACTION)[1]["approval"]["challenge"]
    resolved(service, challenge=challenge)
    resolved(service, challenge=challenge, outcome="suspend")
    resolved(service, challenge=challenge + "A")
    assert service.post(RESOLVE, {"snapshot": 1})[0] == 400
    assert service.post(RESOLVE, ACTION | {"manifest_ref": "other"})[0] == 404
    found = [(one["event"], one["decision"], one["reason"]) for one in records(service)]
    assert found == [
        ("decision", "escalate", "large"),
        ("approval", "escalate", "large"),
        ("approval", "escalate", "large"),
        ("approval", "deny", FAILED),
        ("approval", "deny", "runtime_error:request_invalid"),
        ("approval", "deny", "runtime_error:request_invalid"),
    ]
    _, _, metrics = service.request("GET", "/metrics")
    assert b'acs_approvals_total{by="host",outcome="suspend",resolver_type="token"} 1' in metrics
    service.stop()
    key = Trust((TrustedKey(load_key(folder / "var" / "audit-key.pem").public),))
    logs = [FileLogSource(log) for log in find_logs(folder / "var" / "audit")]
    assert audit_logs(logs, key).status is Status.SOUND


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"[]", "the body is not a JSON object"),
        ({"snapshot": {}}, "`intervention_point` is missing: set it in the path or in the body"),
        (ACTION | {"challenge": 1}, "`challenge` must be a string"),
        (ACTION | {"approval": {}}, "`approval` must be a string"),
        (ACTION | {"outcome": []}, "`outcome` must be a string"),
        (ACTION | {"approval": "a", "outcome": "deny"}, "set either `approval` or `outcome`"),
        (ACTION | {"mode": "evaluate_only"}, "`mode` must be `enforce`"),
    ],
)
def test_a_malformed_resolution(inline_service: Service, body: Any, detail: str) -> None:
    """A 400 names the member, and carries a deny."""
    status, _, reply = inline_service.request("POST", RESOLVE, body)
    problem = json.loads(reply)
    assert (status, problem["detail"], problem["verdict"]["decision"]) == (400, detail, "deny")


def test_the_route_is_guarded_like_the_others(inline_service: Service) -> None:
    """Method, media type, size, Host and Origin; always with a deny, and `request_id` where it was given."""
    tries = {
        405: ("GET", None, {}),
        415: ("POST", b"{}", {"content-type": "text/plain"}),
        413: ("POST", b"{}", {"content-length": "5000000"}),
        403: ("POST", b"{}", {"origin": "https://evil.example"}),
        400: ("POST", ACTION | {"mode": "off", "request_id": "r-1"}, {}),
    }
    for expected, (method, body, headers) in tries.items():
        status, _, reply = inline_service.request(method, RESOLVE, body, headers)
        problem = json.loads(reply)
        assert (status, problem["verdict"]["decision"]) == (expected, "deny")
    assert problem["request_id"] == "r-1"
    assert inline_service.post("/v1/approvals", {})[0] == 404


def test_an_approver_who_is_taken_from_the_file_is_trusted_no_more(service: Service, folder: Path) -> None:
    """The file is read again when it changes; one that cannot be used changes nothing, loudly."""
    challenge = service.post(EVALUATE, ACTION)[1]["approval"]["challenge"]
    approval = acs(folder, "approve", "--key", "alice.pem", "--challenge", challenge).strip()
    claim = {"challenge": challenge, "approval": approval}
    assert resolved(service, **claim)["verdict"]["decision"] == "allow"
    trust(folder, "bob")
    wait_for(lambda: resolved(service, **claim)["verdict"]["reason"] == FAILED)
    (folder / "approvers.yaml").write_text("approvers: everybody")
    wait_for(lambda: '"event":"access_file_refused"' in service.log())
    assert resolved(service, **claim)["verdict"]["reason"] == FAILED
    _, readiness = service.get("/readyz")
    (check,) = [check for check in readiness["checks"] if check["name"] == "access"]
    assert (check["state"], "approvers" in check["detail"]) == ("warning", True)
    trust(folder, "bob", "alice")
    wait_for(lambda: resolved(service, **claim)["verdict"]["decision"] == "allow")


def test_replicas_share_a_key(start: Start, folder: Path) -> None:
    """What one replica escalated another resolves, with several workers each, also after a restart."""
    shared = {"ACS_MANIFESTS": "payments.json", "ACS_APPROVAL_TRUST_FILE": "approvers.yaml"}
    first = start(**shared, ACS_AUDIT_INSTANCE="a", ACS_WORKERS="2")
    second = start(**shared, ACS_AUDIT_INSTANCE="b", ACS_AUDIT_KEY_FILE="b.pem", ACS_AUDIT_DIR="b")
    challenge = first.post(EVALUATE, ACTION)[1]["approval"]["challenge"]
    first.stop()
    approval = acs(folder, "approve", "--key", "alice.pem", "--challenge", challenge).strip()
    assert resolved(second, challenge=challenge, approval=approval)["verdict"]["decision"] == "allow"
    stranger = start(**shared, ACS_AUDIT_NAME="other", ACS_AUDIT_DIR="c")
    refused = resolved(stranger, challenge=challenge, approval=approval)
    assert (refused["verdict"]["reason"], refused["detail"]) == (
        FAILED,
        "the challenge was issued by another service",
    )


def test_without_an_audit_log(start: Start, folder: Path) -> None:
    """Approvals work where no log is kept: the challenge names no record."""
    service = start(
        ACS_MANIFESTS="payments.json",
        ACS_APPROVAL_TRUST_FILE="approvers.yaml",
        ACS_AUDIT_DURABILITY="none",
    )
    challenge = service.post(EVALUATE, ACTION)[1]["approval"]["challenge"]
    approval = acs(folder, "approve", "--key", "alice.pem", "--challenge", challenge).strip()
    response = resolved(service, challenge=challenge, approval=approval)
    assert (response["verdict"]["decision"], response["audit"]) == ("allow", None)
    assert response["approval"]["escalation"] is None


def test_a_timeout_by_the_clock(start: Start, folder: Path) -> None:
    """The manifest's word counts once the real clock has passed the challenge's end."""
    (folder / "payments.json").write_text(json.dumps(manifest(timeout_seconds=1, on_timeout="allow")))
    service = start(ACS_MANIFESTS="payments.json")
    challenge = service.post(EVALUATE, ACTION)[1]["approval"]["challenge"]
    assert resolved(service, challenge=challenge)["approval"]["outcome"] == "pending"
    time.sleep(1.05)
    response = resolved(service, challenge=challenge)
    assert response["verdict"]["decision"] == "allow"
    assert response["approval"]["by"] == "timeout"


def test_callers_are_held_to_their_own(start: Start, folder: Path) -> None:
    """Scope and agents count as for an evaluation; what one caller escalated another does not resolve."""
    callers: dict[str, dict[str, Any]] = {
        "host": {"scopes": ["evaluate"]},
        "other": {"scopes": ["evaluate"]},
        "reader": {"scopes": ["audit:read"]},
        "elsewhere": {"scopes": ["evaluate"], "agents": ["support-*"]},
    }
    for name, entry in callers.items():
        entry["token_sha256"] = [sha256(f"token-{name}".encode()).hexdigest()]
    (folder / "callers.json").write_text(json.dumps({"callers": callers}))
    service = start(
        ACS_MANIFESTS="payments.json",
        ACS_APPROVAL_TRUST_FILE="approvers.yaml",
        ACS_AUTH_TOKENS_FILE="callers.json",
    )

    def post(route: str, caller: str, **members: Any) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer token-{caller}"}
        status, _, reply = service.request("POST", route, ACTION | members, headers)
        return status, json.loads(reply)

    challenge = post(EVALUATE, "host")[1]["approval"]["challenge"]
    approval = approve(
        inspect_challenge(challenge),
        ApprovalOutcome.ALLOW,
        time.time_ns() // 1_000,
        load_key(folder / "alice.pem").private,
    )
    claim = {"challenge": challenge, "approval": approval}
    for caller, expected in {"reader": 403, "elsewhere": 403, "nobody": 401}.items():
        status, problem = post(RESOLVE, caller, **claim)
        assert (status, problem["verdict"]["decision"]) == (expected, "deny")
    _, refused = post(RESOLVE, "other", **claim)
    assert refused["verdict"]["reason"] == "runtime_error:approval_action_mismatch"
    assert refused["detail"] == "`caller` differs from the challenge"
    assert post(RESOLVE, "host", **claim)[1]["verdict"]["decision"] == "allow"


def test_a_batch_offers_too(service: Service) -> None:
    """Each escalated item has its own challenge."""
    _, body = service.post("/v1/evaluate:batch", {"requests": [ACTION, ACTION]})
    first, second = (result["approval"]["challenge"] for result in body["results"])
    assert first != second


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ACS_APPROVAL_TRUST_FILE": "nowhere.yaml"}, "`nowhere.yaml` cannot be read"),
        ({"ACS_APPROVAL_TRUST_FILE": "payments.json"}, "must have the single member `approvers`"),
        ({"ACS_APPROVAL_KEY_FILE": "payments.json"}, "is not an unencrypted PKCS#8 PEM private key"),
    ],
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_start_that_could_not_approve(
    folder: Path, settings: dict[str, str], message: str, workers: str
) -> None:
    """Keys that cannot be used stop the start and are named."""
    stderr = start_refused(folder, ACS_MANIFESTS="payments.json", ACS_WORKERS=workers, **settings)
    assert message in stderr
    assert "Traceback" not in stderr


def test_a_program_of_a_resolver_does_not_hold_the_service_s_sockets(start: Start, folder: Path) -> None:
    """A program that outlives the service, or is taken over, cannot answer in its place."""
    program = "import shutil, sys; shutil.copytree('/proc/self/fd', sys.argv[1], symlinks=True)"
    command = [sys.executable, "-I", "-c", program, str(folder / "held")]
    resolver = {"type": "command", "command": command}
    (folder / "payments.json").write_text(json.dumps(manifest(resolvers={"officer": resolver})))
    service = start(ACS_MANIFESTS="payments.json", ACS_APPROVAL_COMMANDS="true")
    challenge = service.post(EVALUATE, ACTION)[1]["approval"]["challenge"]
    resolved(service, challenge=challenge)
    listening = links(Path(f"/proc/{service.workers()[0]}/fd")) & listeners()
    assert len(listening) == 1
    assert listening.isdisjoint(links(folder / "held"))


def links(folder: Path) -> set[str]:
    """What the links in a directory name."""
    return {str(link.readlink()) for link in folder.iterdir() if link.is_symlink()}


def listeners() -> set[str]:
    """The sockets of this machine that listen for TCP, as links to descriptors name them."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{line[9]}]" for line in lines if line[3] == "0A"}
