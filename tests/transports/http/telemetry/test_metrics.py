"""`/metrics` of a running service (sections 2.3, 5)."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from tests.conftest import Start
from tests.transports.http.echo import manifest
from tests.transports.http.telemetry.scrapes import scrape, total
from tests.waiting import wait_for

__all__ = ["manifest"]

JSON = {"content-type": "application/json"}
VERDICTS = ("allow", "deny", "warn", "escalate", "transform")


def test_every_verdict_is_counted_where_it_belongs(start: Start, manifest: str) -> None:
    """One counter a verdict, with point, mode, policy and error class; the durations add up to as many."""
    service = start("--manifests", manifest)
    transform = {"path": "$policy_target.text", "value": "x"}
    for verdict in VERDICTS:
        output = {"decision": verdict} | ({"transform": transform} if verdict == "transform" else {})
        snapshot = {"v": output, "text": "y"}
        assert service.post("/v1/evaluate/input", {"snapshot": snapshot, "mode": "evaluate_only"})[0] == 200
    service.post("/v1/evaluate/input", {"snapshot": {}})
    service.post("/v1/evaluate/lunch", {"snapshot": {}})
    service.post("/v1/evaluate/output", {"snapshot": {}})
    seen = scrape(service)
    ran = {"intervention_point": "input", "mode": "evaluate_only", "policy_id": "echo"}
    for verdict in VERDICTS:
        assert (
            seen[f"acs_intervention_{verdict}_total"][frozenset((ran | {"error_class": "none"}).items())] == 1
        )
    denied = seen["acs_intervention_deny_total"]
    failed = {"mode": "enforce", "error_class": "runtime_error"}
    assert total(denied, intervention_point="input", policy_id="echo", **failed) == 1
    assert total(denied, intervention_point="unknown", policy_id="unknown", **failed) == 2
    assert total(seen["acs_intervention_duration_ms_count"]) == 8
    assert total(seen["acs_policy_duration_seconds_count"], policy_type="rego", policy_id="echo") == 6
    assert total(seen["acs_audit_records_total"]) == 9


def test_requests_are_counted_by_route_status_and_cause(start: Start, manifest: str) -> None:
    """Routes are templates, statuses what was sent, causes words of the service."""
    service = start("--manifests", manifest)
    service.post("/v1/evaluate/input", {"snapshot": {}})
    service.post("/v1/evaluate", {"snapshot": {}, "intervention_point": "input"})
    service.post("/v1/evaluate:batch", {"requests": [{"snapshot": {}}, 7]})
    service.post("/v1/evaluate/a/b", {})
    service.request("GET", "/v1/evaluate/input")
    service.request("POST", "/v1/evaluate/input", b"{")
    service.request("POST", "/v1/evaluate/input", b"a=b", {"content-type": "text/plain"})
    service.request("POST", "/v1/evaluate/input", None, JSON | {"content-length": "100000000"})
    service.request("POST", "/v1/evaluate/input", {}, {"origin": "http://web.example"})
    service.request("GET", "/healthz", headers={"host": "web.example"})
    service.get("/v1/manifests/echo")
    service.get("/v1/manifests/nobody")
    service.get("/nowhere")
    seen = scrape(service)
    requests = Counter(
        {
            (dict(labels)["route"], dict(labels)["status"]): value
            for labels, value in seen["acs_http_requests_total"].items()
        }
    )
    del requests["/healthz", "200"]
    assert requests == {
        ("/v1/evaluate/{intervention_point}", "200"): 1,
        ("/v1/evaluate", "200"): 1,
        ("/v1/evaluate:batch", "200"): 1,
        ("unknown", "404"): 2,
        ("/v1/evaluate/{intervention_point}", "405"): 1,
        ("/v1/evaluate/{intervention_point}", "400"): 1,
        ("/v1/evaluate/{intervention_point}", "415"): 1,
        ("/v1/evaluate/{intervention_point}", "413"): 1,
        ("unknown", "403"): 2,
        ("/v1/manifests/{name}", "200"): 1,
        ("/v1/manifests/{name}", "404"): 1,
    }
    causes = {dict(labels)["cause"]: value for labels, value in seen["acs_requests_rejected_total"].items()}
    assert causes == {
        "malformed": 3,
        "not_found": 1,
        "method": 1,
        "media_type": 1,
        "too_long": 1,
        "origin": 1,
        "host": 1,
    }


def test_nothing_that_a_caller_sends_becomes_a_label(start: Start) -> None:
    """Not a point, tool, path, method, manifest name or an inline manifest's names (5)."""
    service = start(ACS_INLINE_MANIFESTS="trusted", ACS_OUTBOUND_ALLOW="http://127.0.0.1:1/")
    policy = {"type": "test", "output": {"decision": "allow"}}
    inline = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"CANARY1": policy},
        "intervention_points": {
            "input": {
                "policy_target": "$",
                "policy": {"id": "CANARY1"},
                "annotations": {"CANARY2": {"from": "$policy_target"}},
            }
        },
        "annotators": {"CANARY2": {"type": "endpoint", "url": "http://127.0.0.1:1/"}},
    }
    service.post("/v1/evaluate/input", {"snapshot": {}, "manifest": inline})
    inline["intervention_points"].pop("input")  # type: ignore[attr-defined]
    inline["intervention_points"]["output"] = {"policy_target": "$", "policy": {"id": "CANARY1"}}  # type: ignore[index]
    service.post("/v1/evaluate/output", {"snapshot": {}, "manifest": inline})
    service.post("/v1/evaluate/output", {"snapshot": {}, "manifest": inline})
    service.post("/v1/evaluate/output", {"snapshot": {}, "manifest": inline, "mode": "CANARY3"})
    service.post("/v1/evaluate/CANARY4", {"snapshot": {}, "manifest": inline})
    service.post("/v1/evaluate/CANARY5/CANARY5", {"snapshot": {}})
    service.post("/v1/evaluate/input", {"snapshot": {}, "manifest_ref": "CANARY6"})
    service.request("CANARY7", "/v1/evaluate/input")
    service.request("CANARY8", "/CANARY8")
    service.request("GET", "/v1/manifests/CANARY9", headers={"accept": "CANARY9", "user-agent": "CANARY9"})
    _, _, body = service.request("GET", "/metrics", headers={"accept": "CANARY10"})
    assert re.findall(r"CANARY\d+", body.decode()) == []
    seen = scrape(service)
    assert total(seen["acs_intervention_allow_total"], policy_id="other", intervention_point="output") == 2
    assert total(seen["acs_inline_cache_requests_total"], outcome="hit") == 2


def test_a_breaker_that_opens_is_counted_under_the_operator_s_name(start: Start, tmp_path: Path) -> None:
    """From zero on, by the annotator; those of callers' manifests are one series (5)."""
    judge = {"type": "endpoint", "url": "http://127.0.0.1:1/", "breaker": {"failures": 2}}
    judged = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
        "annotators": {"judge": judge},
        "intervention_points": {
            "input": {"policy_target": "$", "policy": {"id": "p"}, "annotations": {"judge": {"from": "$"}}}
        },
    }
    (tmp_path / "judged.json").write_text(json.dumps(judged))
    service = start(
        ACS_MANIFESTS="judged.json", ACS_INLINE_MANIFESTS="trusted", ACS_OUTBOUND_ALLOW="http://127.0.0.1:1/"
    )

    def openings() -> dict[str, float]:
        seen = scrape(service).get("acs_annotator_breaker_openings_total", {})
        return {dict(labels)["annotator"]: value for labels, value in seen.items()}

    assert openings() == {"judge": 0}
    for _ in range(5):
        service.post("/v1/evaluate/input", {"snapshot": {}})
    for _ in range(5):
        service.post("/v1/evaluate/input", {"snapshot": {}, "manifest": judged})
    assert openings() == {"judge": 1, "other": 1}


def test_what_is_flagged_is_counted_by_provider_and_category(start: Start, tmp_path: Path) -> None:
    """Each finding, where the value is flagged; categories of an operator's names, a caller's are `other` (8.6)."""
    bound = {name: {"from": "$policy_target"} for name in ("pii", "own", "host")}
    annotated = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
        "annotators": {
            "pii": {"type": "classifier", "provider": "pii"},
            "own": {"type": "classifier", "provider": "patterns", "patterns": {"CANARY": "falcon"}},
            "host": {"type": "classifier", "provider": "host"},
        },
        "intervention_points": {
            "input": {"policy_target": "$snap.text", "policy": {"id": "p"}, "annotations": bound}
        },
    }
    annotated["intervention_points"]["input"]["annotations"]["host"] = {"from": "$snap.annotations.host"}  # type: ignore[index]
    (tmp_path / "annotated.json").write_text(json.dumps(annotated))
    service = start(ACS_MANIFESTS="annotated.json", ACS_INLINE_MANIFESTS="trusted")
    judged = {"flagged": True, "findings": [{"category": "CANARY1"}]}

    def counted() -> dict[tuple[str, str], float]:
        seen = scrape(service).get("acs_detector_findings_total", {})
        return {(dict(one)["provider"], dict(one)["category"]): value for one, value in seen.items()}

    for text in ("none", "to a@b.example and c@d.example: falcon"):
        snapshot = {"text": text, "annotations": {"host": judged}}
        assert service.post("/v1/evaluate/input", {"snapshot": snapshot})[0] == 200
    assert counted() == {("pii", "email"): 2, ("patterns", "CANARY"): 1}
    service.post("/v1/evaluate/input", {"snapshot": snapshot, "manifest": annotated})
    assert counted() == {("pii", "email"): 4, ("patterns", "CANARY"): 1, ("patterns", "other"): 1}


def test_one_scrape_shows_all_workers(start: Start, manifest: str) -> None:
    """Whoever answers, the sum is the same; killed workers' counts stay in it (5)."""
    service = start("--manifests", manifest, "--workers", "2")
    request = {"snapshot": {"v": {"decision": "allow"}}}
    sent = 0
    before = 0.0
    for serving in (3, 4, 5):
        for _ in range(20):
            assert service.post("/v1/evaluate/input", request)[0] == 200
        sent += 20
        for _ in range(6):
            counted = total(scrape(service)["acs_intervention_allow_total"])
            assert counted == sent
            assert counted >= before
            before = counted
        victim = service.workers()[0]
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: service.log().count('"listening"') == serving)  # noqa: B023  # used at once
    wait_for(lambda: total(scrape(service)["acs_worker_starts_total"]) == 5)
    assert total(scrape(service)["acs_http_requests_in_flight"]) == 0


def test_openmetrics_is_given_to_those_who_accept_it(start: Start, manifest: str) -> None:
    """The format is chosen by `Accept`; both name the same metrics (2.3)."""
    service = start("--manifests", manifest)
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    _, headers, body = service.request("GET", "/metrics", headers=accept)
    assert headers["content-type"].startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert body.endswith(b"# EOF\n")
    families = parse_openmetrics(body.decode())  # type: ignore[no-untyped-call]  # the library's
    openmetrics = {sample.name for family in families for sample in family.samples}
    assert openmetrics == scrape(service).keys()


@pytest.mark.parametrize("version", ["abc", "9" * 5000])
def test_a_format_in_an_odd_version_is_the_plain_one(start: Start, manifest: str, version: str) -> None:
    """Whatever stands as a version in `Accept`, the scrape is answered."""
    service = start("--manifests", manifest)
    accept = {"accept": f"application/openmetrics-text; version={version}"}
    status, headers, _ = service.request("GET", "/metrics", headers=accept)
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/plain")


@pytest.mark.skipif(
    shutil.which("promtool") is None and "CI" not in os.environ, reason="promtool is not installed"
)
def test_promtool_finds_nothing_but_the_unit_that_is_specified(start: Start, manifest: str) -> None:
    """The linter of Prometheus objects to the milliseconds in the name that section 5 gives, and to nothing else."""
    service = start("--manifests", manifest)
    service.post("/v1/evaluate/input", {"snapshot": {}})
    _, _, body = service.request("GET", "/metrics")
    command = ["promtool", "check", "metrics"]
    checked = subprocess.run(command, input=body, capture_output=True, check=False)
    assert checked.stderr.decode().splitlines() == [
        "acs_intervention_duration_ms metric names should not contain abbreviated units"
    ]
