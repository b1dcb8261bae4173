"""Events of a running service: what is told of what, and that nobody waits for who reads it (section 5)."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.audit.log.logs import all_records
from tests.conftest import COMMAND, Service, Start, environment
from tests.transports.http.echo import ask, manifest, with_annotator
from tests.transports.http.telemetry.scrapes import scrape, total
from tests.waiting import wait_for

__all__ = ["manifest"]

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
FIELDS = {
    "event",
    "level",
    "timestamp",
    "intervention_point",
    "mode",
    "decision",
    "reason_code",
    "error_class",
    "policy_id",
    "policy_type",
    "annotators",
    "duration_ms",
    "input_identity",
    "enforced_identity",
    "evidence_artefact",
    "evidence_verification_pointer_keys",
    "evidence_truncated",
    "log",
    "log_index",
    "trace_id",
    "span_id",
}
NAMES = {
    "decision",
    "intervention_point.transformed",
    "annotator_failed",
    "policy_failed",
    "annotator_dispatch",
    "policy_evaluation",
    "evaluation_timing",
}
TRANSFORM = {"decision": "transform", "transform": {"path": "$policy_target.text", "value": "x"}}


def events(service: Service) -> list[dict[str, Any]]:
    """The events that a service has told, after its end."""
    service.stop()
    lines = [json.loads(line) for line in service.log().splitlines()]
    return [line for line in lines if line["event"] in NAMES]


@pytest.mark.parametrize(
    ("events_setting", "logged"),
    [
        ("all", ["allow", "allow", "warn", "escalate", "deny", "deny", "transform", "transform"]),
        ("notable", ["allow", "warn", "escalate", "deny", "deny", "transform", "transform"]),
        ("off", []),
    ],
)
def test_the_filter_says_which_decisions_are_told(
    start: Start, manifest: str, events_setting: str, logged: list[str]
) -> None:
    """`notable` is everything but a plain allow without evidence; each decision once, in order."""
    service = start("--manifests", manifest, ACS_TELEMETRY_EVENTS=events_setting)
    ask(service, {"decision": "allow"})
    ask(service, {"decision": "allow", "evidence": {"artefact": "a"}})
    ask(service, {"decision": "warn"})
    ask(service, {"decision": "escalate"})
    ask(service, {"decision": "deny"})
    ask(service, {})
    ask(service, TRANSFORM)
    ask(service, TRANSFORM, mode="evaluate_only")
    seen = events(service)
    assert [event["decision"] for event in seen if event["event"] == "decision"] == logged
    others = [event["event"] for event in seen if event["event"] != "decision"]
    assert others == ([] if events_setting == "off" else ["policy_failed", "intervention_point.transformed"])
    assert all(event.keys() == FIELDS for event in seen)


def test_an_event_says_what_is_allowed_and_where_the_record_is(start: Start, manifest: str) -> None:
    """Codes, names, digests and identities; pointers by name, never by URL; free text by its hash."""
    service = start("--manifests", manifest)
    evidence = {
        "artefact": "free text, hashed",
        "verification_pointers": {"rekor": "https://rekor.example/1", "free text": "https://x.example"},
    }
    output = {"decision": "deny", "reason": "because of you", "message": "m", "evidence": evidence}
    body = ask(service, output)
    (event,) = events(service)
    expected = {
        "event": "decision",
        "level": "info",
        "intervention_point": "input",
        "mode": "enforce",
        "decision": "deny",
        "reason_code": "policy_reason",
        "error_class": None,
        "policy_id": "echo",
        "policy_type": "rego",
        "annotators": [],
        "input_identity": body["input_identity"],
        "enforced_identity": body["enforced_identity"],
        "log": body["audit"]["log"],
        "log_index": body["audit"]["index"],
        "trace_id": None,
        "span_id": None,
    }
    assert {name: event[name] for name in expected} == expected
    keys = event["evidence_verification_pointer_keys"]
    assert (keys[1], keys[0][:7], event["evidence_artefact"][:7]) == ("rekor", "sha256:", "sha256:")
    assert 0 < event["duration_ms"] < 60_000


@pytest.mark.parametrize("workers", ["1", "2"])
def test_records_and_events_name_the_caller_s_span(
    start: Start, tmp_path: Path, manifest: str, workers: str
) -> None:
    """From `traceparent`, for decisions, batch items and refused requests; a hostile one is ignored."""
    service = start("--manifests", manifest, "--workers", workers)
    given = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    item = {"snapshot": {"v": {"decision": "deny"}}, "intervention_point": "input"}
    service.request("POST", "/v1/evaluate/input", {"snapshot": {"v": {"decision": "deny"}}}, given)
    service.request("POST", "/v1/evaluate:batch", {"requests": [item, 7]}, given)
    service.request("POST", "/v1/evaluate/input", b"{", given)
    for hostile in (f"00-{TRACE}-{SPAN}-01-x", f"00-{'0' * 32}-{SPAN}-01", "é" * 100):
        service.request("POST", "/v1/evaluate/input", item, {"traceparent": hostile})
    logged = [event for event in events(service) if event["trace_id"]]
    records = all_records(tmp_path / "var" / "audit")
    named = [(record["trace_id"], record["span_id"]) for record in records if record["event"] == "decision"]
    assert sorted(named, key=str) == [(TRACE, SPAN)] * 4 + [(None, None)] * 3
    assert [(event["event"], event["span_id"]) for event in logged] == [("decision", SPAN)] * 2
    refusals = [json.loads(line) for line in service.log().splitlines() if "request_refused" in line]
    assert [refusal["trace_id"] for refusal in refusals] == [TRACE, TRACE]


@pytest.mark.parametrize(
    ("level", "logged"),
    [
        ("0", []),
        ("1", ["annotator_dispatch", "policy_evaluation"]),
        ("2", ["annotator_dispatch", "policy_evaluation", "evaluation_timing"]),
    ],
)
def test_performance_events_by_level(start: Start, tmp_path: Path, level: str, logged: list[str]) -> None:
    """Level 1 has what is outside of the service, level 2 each step, also for allows that are not told."""
    path = with_annotator(tmp_path, {"type": "classifier", "provider": "secrets"})
    service = start("--manifests", path, ACS_TELEMETRY_LEVEL=level)
    ask(service, {"decision": "allow"})
    seen = events(service)
    assert [event["event"] for event in seen] == logged
    if level == "2":
        dispatch, policy, timing = seen
        assert dispatch["annotators"] == ["a"]
        assert timing["steps_ms"].keys() >= {"policy_target", "annotators", "policy", "verdict", "identities"}
        assert timing.keys() == FIELDS | {"steps_ms"}
        assert sum(timing["steps_ms"].values()) <= timing["duration_ms"]
        assert policy["duration_ms"] <= timing["steps_ms"]["policy"]


def test_annotators_that_read_others_are_told_with_their_needs(start: Start, tmp_path: Path) -> None:
    """From 0.5 on the events of annotators name what each needs, and no value."""
    detector = {"type": "classifier", "provider": "secrets"}
    (tmp_path / "graph.json").write_text(
        json.dumps(
            {
                "agent_control_specification_version": "0.5.0-alpha.1",
                "policies": {"p": {"type": "test", "output": {"decision": "deny"}}},
                "annotators": {"a": detector, "z": detector, "f": detector},
                "intervention_points": {
                    "input": {
                        "policy_target": "$.input",
                        "policy": {"id": "p"},
                        "annotations": {
                            "z": {"from": "$target"},
                            "a": {"from": "$pi.annotations.z", "needs": ["z"]},
                            "f": {"from": "$target", "needs": ["z", "a"]},
                        },
                    }
                },
            }
        )
    )
    service = start("--manifests", "graph.json", ACS_TELEMETRY_LEVEL="1")
    status, _ = service.post("/v1/evaluate/input", {"snapshot": {"input": "AKIAIOSFODNN7EXAMPLE"}})
    assert status == 200
    told = [event for event in events(service) if event["event"] == "annotator_dispatch"]
    assert [(event["annotators"], event["annotation_needs"]) for event in told] == [
        (["z"], []),
        (["a"], ["z"]),
        (["f"], ["z", "a"]),
    ]
    assert "AKIA" not in service.log()


@pytest.mark.parametrize("reachable", [True, False])
def test_a_failed_annotator_is_told_by_name(start: Start, tmp_path: Path, reachable: bool) -> None:
    """`annotator_failed` beside the deny that it caused: too late, or not there at all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if not reachable:
            listener.close()
        annotator = {"type": "endpoint", "url": f"http://127.0.0.1:{port}/", "timeout_ms": 100}
        service = start("--manifests", with_annotator(tmp_path, annotator))
        ask(service, {"decision": "allow"})
        seen = scrape(service)
        decision, failed = events(service)
    reason = "runtime_error:annotation_timeout" if reachable else "runtime_error:annotation_failed"
    assert (decision["event"], decision["reason_code"]) == ("decision", reason)
    assert (failed["event"], failed["annotators"], failed["reason_code"]) == (
        "annotator_failed",
        ["a"],
        reason,
    )
    outcome = "timeout" if reachable else "failed"
    assert (
        total(seen["acs_annotator_duration_seconds_count"], annotator="a", type="endpoint", outcome=outcome)
        == 1
    )


@pytest.fixture
def unread(tmp_path: Path, manifest: str) -> Iterator[Service]:
    """A service with two workers whose output goes into a pipe that nobody reads."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(COMMAND), "serve", "--port", str(port), "--manifests", manifest, "--workers", "2"]
    settings = environment(ACS_TELEMETRY_EVENTS="all", ACS_TELEMETRY_LEVEL="2")
    with subprocess.Popen(
        command, cwd=tmp_path, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        service = Service(f"http://127.0.0.1:{port}", process, tmp_path / "nothing")
        wait_for(partial(_is_ready, service))
        yield service
        if process.poll() is None:
            process.kill()


def _is_ready(service: Service) -> bool:
    try:
        return service.get("/readyz")[0] == 200
    except OSError:
        return False


def test_a_pipe_that_nobody_reads_delays_no_verdict(unread: Service) -> None:
    """With the pipe and the queue full, verdicts are the same and as quick; what was dropped is counted."""
    output = {"decision": "warn", "reason": "r"}
    item = {"snapshot": {"v": output}, "intervention_point": "input"}
    for _ in range(30):
        _, body = unread.post("/v1/evaluate:batch", {"requests": [item] * 256})
        assert {result["verdict"]["decision"] for result in body["results"]} == {"warn"}
    started = time.monotonic()
    for _ in range(50):
        assert ask(unread, output)["verdict"]["decision"] == "warn"
    assert time.monotonic() - started < 10
    dropped = total(scrape(unread)["acs_telemetry_dropped_total"], sink="log")
    assert dropped > 1000
    unread.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert unread.process.stdout
    lines = unread.process.stdout.read().splitlines()
    assert unread.process.wait(timeout=20) == 0
    assert all(json.loads(line)["event"] for line in lines)
    assert len(lines) + dropped >= 30 * 256


def test_a_pipe_that_nobody_reads_does_not_prevent_the_end(unread: Service) -> None:
    """SIGTERM ends the service although the last lines cannot be written."""
    item = {"snapshot": {"v": {"decision": "warn"}}, "intervention_point": "input"}
    for _ in range(4):
        unread.post("/v1/evaluate:batch", {"requests": [item] * 256})
    os.kill(unread.process.pid, signal.SIGTERM)
    assert unread.process.wait(timeout=20) == 0
