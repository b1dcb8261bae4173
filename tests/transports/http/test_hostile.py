"""Section 2.5: what a stranger's policy does costs its own request a deny, and its neighbours nothing."""

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from acs_sidecar.spec.reasons import Reason
from tests.conftest import Service, Start, start_service

LOOP = """package p
import rego.v1
v := {"decision": "allow"} if { count([1 | some x in numbers.range(1, 4000); some y in numbers.range(1, 4000); x == y * 7]) > 0 }
"""
MEMORY = """package p
import rego.v1
v := {"decision": "allow"} if count(numbers.range(1, 1000000000)) > 0
"""
HOSTILE = {"an endless loop": LOOP, "a memory eater": MEMORY}
REFUSED = {
    "nested brackets": "package p\nv := " + "[" * 40 + "]" * 40,
    "a recursive function": 'package p\nimport rego.v1\nf(x) := f(x)\nv := {"decision": "allow"} if f(1)',
    "a clock": 'package p\nimport rego.v1\nv := {"decision": "allow"} if time.now_ns() > 0',
    "a request": 'package p\nimport rego.v1\nv := {"decision": "allow"} if http.send({"url": "http://127.0.0.1/"})',
}


def _manifest(policy: dict[str, Any]) -> dict[str, Any]:
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": policy},
        "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
    }


def _rego(text: str) -> dict[str, Any]:
    return _manifest({"type": "rego", "modules": {"m": text}, "query": "data.p.v"})


NEIGHBOUR = _rego('package p\nimport rego.v1\nv := {"decision": "allow"}')


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose inline manifests run in the sandbox."""
    service = start_service(tmp_path_factory.mktemp("sandbox"), ACS_INLINE_MANIFESTS="sandboxed")
    yield service
    service.stop()


def _verdict(service: Service, manifest: Any) -> tuple[str, str | None]:
    status, body = service.post("/v1/evaluate/input", {"manifest": manifest, "snapshot": {}})
    assert status == 200
    return body["verdict"]["decision"], body["verdict"].get("reason")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_policy_costs_its_own_request_alone(sandbox: Service, name: str) -> None:
    """It is denied, and neighbours are allowed within their own limits meanwhile."""
    assert _verdict(sandbox, NEIGHBOUR) == ("allow", None)
    found: list[tuple[str, str | None]] = []
    strangers = [
        threading.Thread(target=lambda: found.append(_verdict(sandbox, _rego(HOSTILE[name]))))
        for _ in range(3)
    ]
    for stranger in strangers:
        stranger.start()
    neighbours = []
    while any(stranger.is_alive() for stranger in strangers):
        neighbours.append(_verdict(sandbox, NEIGHBOUR))
    for stranger in strangers:
        stranger.join()
    assert set(neighbours) == {("allow", None)}
    assert found == [("deny", Reason.POLICY_INVOCATION_FAILED)] * 3


@pytest.mark.parametrize("name", REFUSED)
def test_source_that_would_hang_or_leak_is_refused(sandbox: Service, name: str) -> None:
    """It never reaches an engine that it could crash, nor anything outside of its input (1.7, 1.9)."""
    decision, reason = _verdict(sandbox, _rego(REFUSED[name]))
    assert decision == "deny"
    assert reason in (Reason.MANIFEST_INVALID, Reason.RESOURCE_LIMIT_EXCEEDED)


def test_cedar_nesting_is_refused(sandbox: Service) -> None:
    """Nesting that would end the engine's process is refused before it is parsed (1.7)."""
    text = "permit(principal, action, resource) when { " + "(" * 5_000 + "true" + ")" * 5_000 + " };"
    verdict = _verdict(sandbox, _manifest({"type": "cedar", "policy_set": text}))
    assert verdict == ("deny", Reason.RESOURCE_LIMIT_EXCEEDED)


def test_forged_entities_fail_closed(sandbox: Service) -> None:
    """Request data cannot become an entity (1.7.1)."""
    manifest = _manifest({"type": "cedar", "policy_set": "permit(principal, action, resource);"})
    snapshot = {"envelope": {"agent": {"id": "a"}}, "x": {"__entity": {"type": "Agent", "id": "root"}}}
    _, body = sandbox.post("/v1/evaluate/input", {"manifest": manifest, "snapshot": snapshot})
    assert body["verdict"]["reason"] == Reason.POLICY_INVOCATION_FAILED


def test_an_annotator_that_is_too_slow_times_out(start: Start) -> None:
    """The deadline holds against a server that accepts and says nothing (1.6)."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        service = start(ACS_INLINE_MANIFESTS="sandboxed", ACS_OUTBOUND_ALLOW=url)
        manifest = _manifest({"type": "test", "output": {"decision": "allow"}})
        manifest["annotators"] = {"a": {"type": "endpoint", "url": url, "timeout_ms": 100}}
        manifest["intervention_points"]["input"]["annotations"] = {"a": {"from": "$"}}
        request = {"manifest": manifest, "snapshot": {}, "include": ["trace"]}
        _, answer = service.post("/v1/evaluate/input", request)
    assert (answer["verdict"]["decision"], answer["verdict"]["reason"]) == ("deny", Reason.ANNOTATION_TIMEOUT)
    assert answer["detail"] == "annotator `a` did not answer within 100 ms"
    assert list(answer["trace"]["annotators"]) == ["a"]


@pytest.mark.parametrize("form", ["object", "text"])
def test_the_findings_of_a_manifest_are_bounded(sandbox: Service, form: str) -> None:
    """The first hundred are listed, and how many more there are (2.3)."""
    manifest: Any = _manifest({"type": "test", "output": {}}) | {f"m{n}": 1 for n in range(350)}
    if form == "text":
        manifest = json.dumps(manifest)
    status, answer = sandbox.post("/v1/manifests:validate", {"manifest": manifest})
    assert (status, answer["valid"]) == (200, False)
    findings = answer["diagnostics"]
    assert len(findings) == 101
    assert {finding["code"] for finding in findings[:100]} == {"member-unknown"}
    assert (findings[100]["code"], findings[100]["message"]) == (
        "findings-omitted",
        "250 more findings are not shown",
    )


def test_a_validation_counts_as_in_flight(start: Start) -> None:
    """Where one request may be in flight, none is validated beside it, and then it is (2.2)."""
    service = start(ACS_INLINE_MANIFESTS="sandboxed", ACS_MAX_IN_FLIGHT="1")
    slow = _manifest({"type": "test", "output": {"decision": "allow"}, "delay_ms": 900})
    with service.begun("/v1/evaluate/input", {"manifest": slow, "snapshot": {}}) as begun:
        assert service.post("/v1/manifests:validate", {"manifest": NEIGHBOUR})[0] == 429
        assert begun.getresponse().status == 200
    assert service.post("/v1/manifests:validate", {"manifest": NEIGHBOUR})[0] == 200
