"""Section 4 over HTTP: each request one record, proofs that verify offline, and no verdict without a record.

`ACS_TEST_KILLS` sets how often the service is killed under load; `--log-cli-level=INFO` shows what came of it.
"""

import json
import re
import resource
import signal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from acs_sidecar.audit.format.checkpoint import Checkpoint
from acs_sidecar.audit.format.merkle import leaf_hash, verify_consistency, verify_inclusion
from acs_sidecar.audit.format.note import SignedNote, VerifierKey
from acs_sidecar.audit.format.receipt import Receipt
from acs_sidecar.audit.format.trust import Trust, TrustedKey
from acs_sidecar.audit.log.directory import find_logs
from acs_sidecar.audit.log.keys import generate_key
from tests.audit.log.logs import all_records
from tests.conftest import Service, Start
from tests.transports.http.audit.audited import assert_sound, trust_of
from tests.transports.http.echo import manifest
from tests.waiting import wait_for

__all__ = ["manifest"]


def records_of(service: Service) -> list[dict[str, Any]]:
    status, body = service.get("/v1/audit/records?limit=1000")
    assert status == 200
    return [json.loads(line) for line in body["records"]]


def test_every_request_has_exactly_one_record(start: Start, manifest: str) -> None:
    """Decisions, failures and refused requests alike; a batch has one for each item (4.1)."""
    service = start("--manifests", manifest)
    envelope = {"agent": {"id": "agent-1"}, "session": {"id": "s-1"}, "tenant_id": "t-1"}
    allowed = {
        "v": {"decision": "allow", "result_labels": ["ok"]},
        "envelope": envelope,
        "tool": "hammer",
        "args": {},
    }
    _, first = service.post("/v1/evaluate/pre_tool_call", {"snapshot": allowed, "request_id": "r-1"})
    service.post("/v1/evaluate/input", {"snapshot": {"v": {"decision": "deny", "reason": "free text"}}})
    service.post("/v1/evaluate/input", {"snapshot": {}})
    service.post("/v1/evaluate/lunch", {"snapshot": {}})
    service.post("/v1/evaluate/input", {"snapshot": 1, "request_id": "r-2"})
    service.request("GET", "/v1/evaluate/input")
    too_long = {"content-type": "application/json", "content-length": "100000000"}
    service.request("POST", "/v1/evaluate/input", None, too_long)
    service.post("/v1/evaluate:batch", {"requests": [{"snapshot": {}, "intervention_point": "input"}, 7]})
    decisions = [record for record in records_of(service) if record["event"] == "decision"]
    assert [(record["decision"], record["reason"], record["intervention_point"]) for record in decisions] == [
        ("allow", None, "pre_tool_call"),
        ("deny", "policy_reason", "input"),
        ("deny", "runtime_error:policy_invocation_failed", "input"),
        ("deny", "runtime_error:intervention_point_unknown", "unknown"),
        ("deny", "runtime_error:request_invalid", "input"),
        ("deny", "runtime_error:request_invalid", "input"),
        ("deny", "runtime_error:request_invalid", "input"),
        ("deny", "runtime_error:policy_invocation_failed", "input"),
        ("deny", "runtime_error:request_invalid", "unknown"),
    ]
    record = decisions[0]
    assert record["index"] == first["audit"]["index"]
    assert {name: record[name] for name in ("log", "record_id")} == {
        name: first["audit"][name] for name in ("log", "record_id")
    }
    expected = {
        "agent_id": "agent-1",
        "session_id": "s-1",
        "tenant_id": "t-1",
        "tool": "hammer",
        "request_id": "r-1",
        "result_labels": ["ok"],
        "policy_id": "echo",
        "policy_type": "rego",
        "manifest_source": "operator",
        "manifest_digest": first["manifest_digest"],
        "input_identity": first["input_identity"],
        "mode": "enforce",
    }
    assert {name: record[name] for name in expected} == expected
    assert (decisions[4]["request_id"], decisions[4]["error_class"]) == ("r-2", "runtime_error")


def test_receipts_verify_offline(start: Start, manifest: str) -> None:
    """With the verdict or later: one JSON and the pinned key are enough (4.5)."""
    service = start("--manifests", manifest)
    trust = trust_of(service)
    request = {"snapshot": {"v": {"decision": "allow"}}, "include": ["receipt"]}
    for _ in range(5):
        _, body = service.post("/v1/evaluate/input", request)
        receipt = Receipt.parse(body["receipt"])
        receipt.verify(trust)
        record = json.loads(receipt.record)
        assert (record["index"], record["record_id"]) == (body["audit"]["index"], body["audit"]["record_id"])
    _, later = service.get("/v1/audit/receipts/2")
    assert Receipt.parse(later).verify(trust).size == 6


def test_proofs_lead_to_the_signed_root(start: Start, manifest: str) -> None:
    """Inclusion and consistency, in the tree whose root the checkpoint signs (4.5)."""
    service = start("--manifests", manifest)
    for _ in range(9):
        service.post("/v1/evaluate/input", {"snapshot": {}})
    _, _, note = service.request("GET", "/v1/audit/checkpoint")
    checkpoint = Checkpoint.parse(SignedNote.parse(note).text)
    lines = service.get("/v1/audit/records")[1]["records"]
    assert (checkpoint.size, len(lines)) == (10, 10)
    for index in (0, 4, 9):
        proof = [
            bytes.fromhex(part)
            for part in service.get(f"/v1/audit/proofs/inclusion?index={index}")[1]["proof"]
        ]
        leaf = leaf_hash(lines[index].encode())
        assert verify_inclusion(leaf, index, 10, proof, checkpoint.root)
        assert json.loads(service.get(f"/v1/audit/records/{index}")[1]["record"])["index"] == index
    service.post("/v1/evaluate/input", {"snapshot": {}})
    _, _, note = service.request("GET", "/v1/audit/checkpoint")
    newer = Checkpoint.parse(SignedNote.parse(note).text)
    proof = [
        bytes.fromhex(part) for part in service.get("/v1/audit/proofs/consistency?from=10&to=11")[1]["proof"]
    ]
    assert verify_consistency(10, 11, checkpoint.root, newer.root, proof)


def test_logs_are_listed_and_served_as_tiles(start: Start, manifest: str) -> None:
    """Every log by name with its verifier key, and in the layout of public tools (4.5)."""
    service = start("--manifests", manifest)
    (log,) = service.get("/v1/audit/logs")[1]["logs"]
    assert (log["state"], log["size"]) == ("open", 1)
    assert VerifierKey.parse(log["vkey"]).name == log["log"]
    status, _, note = service.request("GET", f"/v1/audit/tlog/{log['log']}/checkpoint")
    assert (status, note.decode().splitlines()[0]) == (200, log["log"])
    status, _, tile = service.request("GET", f"/v1/audit/tlog/{log['log']}/tile/0/000.p/1")
    line = service.get("/v1/audit/records/0")[1]["record"]
    assert (status, tile) == (200, leaf_hash(line.encode()))


@pytest.mark.parametrize(
    "path",
    [
        "records/99",
        "records/-1",
        "receipts/99",
        "proofs/inclusion?index=99",
        "proofs/inclusion?index=0&size=99",
        "proofs/consistency?from=2&to=1",
        "records?log=" + quote("../../../../etc", safe=""),
        "records?log=" + quote("a/b/c/d", safe=""),
        "checkpoint?log=" + quote("./././.", safe=""),
        "tlog/a/b/c/d/checkpoint",
        "tlog/..%2f..%2f../b/c/d/checkpoint",
    ],
)
def test_what_is_not_there_is_404(inline_service: Service, path: str) -> None:
    """A log's name must be a known origin, and never becomes a path (4.5)."""
    status, body = inline_service.get(f"/v1/audit/{path}")
    assert (status, body["status"]) == (404, 404)


def test_without_a_log_nothing_is_claimed(start: Start, manifest: str) -> None:
    """`none` keeps no log: said at start, by readiness, and by a null in responses (4.2)."""
    service = start("--manifests", manifest, ACS_AUDIT_DURABILITY="none")
    _, body = service.post("/v1/evaluate/input", {"snapshot": {}})
    assert body["audit"] is None
    checks = {check["name"]: check["state"] for check in service.get("/readyz")[1]["checks"]}
    assert (checks["manifests"], checks["audit"]) == ("ok", "warning")
    assert service.get("/v1/audit/logs")[0] == 404
    assert "verdicts cannot be proven" in service.log()


@pytest.mark.parametrize("durability", ["write", "fsync"])
def test_no_verdict_leaves_without_its_record(
    start: Start, tmp_path: Path, manifest: str, durability: str
) -> None:
    """While the log cannot be written all is 503 deny; it recovers by itself and counts what it missed (4.2)."""
    service = start("--manifests", manifest, ACS_AUDIT_DURABILITY=durability)
    trust = trust_of(service)
    request = {"snapshot": {"v": {"decision": "allow"}}}
    assert service.post("/v1/evaluate/input", request)[0] == 200
    (pid,) = service.workers()
    unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, unlimited[1]))
    for _ in range(5):
        status, body = service.post("/v1/evaluate/input", request)
        assert (status, body["verdict"]["decision"], body["detail"]) == (
            503,
            "deny",
            "the audit log cannot be written",
        )
    assert service.get("/readyz")[0] == 503
    resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
    wait_for(lambda: service.get("/readyz")[0] == 200)
    status, body = service.post("/v1/evaluate/input", request)
    assert (status, body["verdict"]["decision"]) == (200, "allow")
    assert service.stop() == 0
    events = [
        record for record in all_records(tmp_path / "var" / "audit") if record["event"] == "audit_resumed"
    ]
    assert len(events) == 1
    assert 5 in events[0]["details"].values()
    assert_sound(tmp_path / "var" / "audit", trust)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_new_key_takes_over_at_sighup(start: Start, tmp_path: Path, manifest: str, workers: int) -> None:
    """The log is closed under both keys and the next opens under the new; a verifier needs both (4.4)."""
    service = start("--manifests", manifest, "--workers", str(workers))
    old = trust_of(service)
    key_file = tmp_path / "var" / "audit-key.pem"
    before = {directory.origin for directory in find_logs(tmp_path / "var" / "audit")}
    service.post("/v1/evaluate/input", {"snapshot": {}})
    key_file.write_text("not a key")
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: service.log().count("audit_key_refused") == workers)
    assert service.post("/v1/evaluate/input", {"snapshot": {}})[0] == 200
    key_file.unlink()
    new = generate_key(key_file)
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: service.log().count("audit_key_rotated") == workers)
    _, body = service.post("/v1/evaluate/input", {"snapshot": {}})
    assert body["audit"]["log"] not in before
    assert service.stop() == 0
    assert_sound(tmp_path / "var" / "audit", Trust((*old.keys, TrustedKey(new.public))))


def test_no_content_reaches_records_or_logs(start: Start, tmp_path: Path, manifest: str) -> None:
    """Canaries in every free text of a request are in no record, log line or metric (4.1, 5)."""
    service = start(
        "--manifests", manifest, ACS_TELEMETRY_EVENTS="all", ACS_TELEMETRY_LEVEL="2", ACS_LOG_LEVEL="debug"
    )
    canaries = [f"CANARY{number}" for number in range(12)]
    transform = {"path": "$policy_target.text", "value": canaries[0]}
    outputs: list[Any] = [
        {
            "decision": "transform",
            "reason": f"why {canaries[1]}",
            "message": canaries[2],
            "transform": transform,
        },
        {
            "decision": "deny",
            "reason": canaries[3] + " ",
            "message": canaries[2],
            "result_labels": [f"a {canaries[4]}"],
        },
        {"decision": "warn", "evidence": {"extra": canaries[5]}},
        {"decision": "allow", "message": canaries[2], "reason": f"{canaries[1]} is why"},
        {"decision": "escalate", "message": canaries[2], "result_labels": [f"a {canaries[4]}"]},
        {"decision": "transform", "transform": {"path": f"$policy_target.{canaries[8]}", "value": 1}},
        {"decision": "transform", "transform": {"path": f"$snap.{canaries[8]}", "value": 1}},
        {"decision": canaries[6]},
        canaries[7],
        {"decision": "transform", "transform": {"path": canaries[8], "value": 1}},
    ]
    for output in outputs:
        snapshot = {"v": output, "text": canaries[9], canaries[10]: [canaries[11]], "envelope": canaries[9]}
        service.request(
            "POST",
            "/v1/evaluate/input",
            {"snapshot": snapshot},
            {"x-custom": canaries[9], "user-agent": canaries[9]},
        )
    service.post(f"/v1/evaluate/{canaries[0]}", {"snapshot": {}})
    service.post("/v1/evaluate/pre_tool_call", {"snapshot": {"args": 1, "tool": canaries[1]}})
    service.post("/v1/evaluate/input", {"snapshot": {}, "manifest_ref": canaries[2]})
    service.post("/v1/evaluate/input", {"snapshot": {}, canaries[3]: 1})
    service.request("POST", "/v1/evaluate/input", canaries[4].encode())
    service.request("GET", f"/{canaries[5]}?{canaries[6]}")
    traced = {"traceparent": canaries[7], "tracestate": canaries[7], "baggage": canaries[7]}
    service.request("POST", "/v1/evaluate/input", {"snapshot": {}}, traced)
    _, _, metrics = service.request("GET", "/metrics", None, {"accept": canaries[8]})
    service.stop()
    written = b"".join(path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file())
    output = written.decode(errors="replace") + service.log() + metrics.decode()
    assert len(all_records(tmp_path / "var" / "audit")) == 2 + len(outputs) + 6
    assert re.findall(r"CANARY\d+", output) == []
