"""Section 2.6: an input that ends workers ends two of them, with real processes that die and hang."""

import http.client
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Service, Start
from tests.sandbox.sandboxes import install
from tests.waiting import wait_for

DETAIL = "this input ended 2 worker processes under this policy and is no longer evaluated"


def _manifest(level: int) -> dict[str, Any]:
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": {"type": "custom", "adapter": "deadly", "level": level}},
        "intervention_points": {"input": {"policy_target": "$.do", "policy": {"id": "p"}}},
    }


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The settings of a service whose policy ends or holds its process."""
    install(tmp_path, monkeypatch, "deadly", {"deadly": "tests.server.deadly_adapter:DEADLY"})
    manifest = tmp_path / "m.json"
    manifest.write_text(json.dumps(_manifest(1)))
    return {"ACS_MANIFESTS": str(manifest), "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}


def _evaluate(service: Service, do: str, **members: object) -> dict[str, Any]:
    status, answer = service.post("/v1/evaluate/input", {"snapshot": {"do": do}, **members})
    assert status == 200
    assert isinstance(answer, dict)
    return answer


def _kill_a_worker(service: Service, do: str, **members: object) -> None:
    """Send what ends the worker that reads it, and wait until another serves in its place."""
    workers = service.workers()
    started = service.log().count('"listening"')
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        _evaluate(service, do, **members)
    wait_for(lambda: service.log().count('"listening"') > started, seconds=40)
    wait_for(lambda: len(set(service.workers()) - set(workers)) == 1)
    # A worker that is said to serve before it has a connection must not be seen as the one that died.
    time.sleep(0.2)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_crash_ends_two_workers_and_the_third_request_is_denied(
    start: Start, settings: dict[str, str], workers: str
) -> None:
    """Two deaths, then denied and recorded in every worker, however the request is written (2.6)."""
    service = start(ACS_WORKERS=workers, ACS_TELEMETRY_EVENTS="all", **settings)
    _kill_a_worker(service, "segfault")
    _kill_a_worker(service, "segfault", request_id="another")
    before = service.workers()
    for number in range(8):
        answer = _evaluate(service, "segfault", request_id=f"r{number}")
        assert answer["verdict"]["decision"] == "deny"
        assert answer["verdict"]["reason"] == "runtime_error:policy_invocation_failed"
        assert answer["detail"] == DETAIL
        assert answer["audit"]["log"]
        assert _evaluate(service, "nothing", request_id=f"n{number}")["verdict"]["decision"] == "allow"
    assert service.workers() == before
    log = service.log()
    assert re.findall(r'"code":(-?\d+)', log) == ["-11", "-11"]
    assert [int(deaths) for deaths in re.findall(r'"deaths":(\d+)', log)] == [1, 2]
    assert log.count("no worker evaluates this input again under this policy") == 1
    assert "segfault" not in log
    metrics = wait_for(lambda: _metrics(service, "acs_fatal_input_refusals_total 8.0"))
    assert "\nacs_fatal_inputs 1.0\n" in metrics
    assert service.stop() == 0


def test_a_hang_counts_as_a_death(start: Start, settings: dict[str, str]) -> None:
    """What the supervisor had to end twice is refused the third time (2.6)."""
    service = start(ACS_WORKER_HANG_TIMEOUT_S="1", **settings)
    for _ in range(2):
        _kill_a_worker(service, "hang")
    assert _evaluate(service, "hang")["detail"] == DETAIL
    assert re.findall(r'"code":(-?\d+)', service.log()) == ["-9", "-9"]


def test_a_corrected_policy_evaluates_what_the_faulty_one_could_not(
    start: Start, settings: dict[str, str]
) -> None:
    """The refusal belongs to the policy's digest: after a reload with another one it is over."""
    service = start(**settings)
    for _ in range(2):
        _kill_a_worker(service, "segfault")
    assert _evaluate(service, "segfault")["detail"] == DETAIL
    Path(settings["ACS_MANIFESTS"]).write_text(json.dumps(_manifest(2)))
    digest = _evaluate(service, "nothing")["manifest_digest"]
    service.process.send_signal(1)
    wait_for(lambda: _evaluate(service, "nothing")["manifest_digest"] != digest)
    _kill_a_worker(service, "segfault")


def _metrics(service: Service, line: str) -> str:
    text = service.request("GET", "/metrics")[2].decode()
    return text if line in text else ""
