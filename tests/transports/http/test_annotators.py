"""Section 1.6 over HTTP: annotators under load, and manifests that do not use them."""

import asyncio
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.annotators.servers import Speak, WireServer, reply, say, wire_server
from tests.conftest import Service, Start
from tests.waiting import wait_for

DEADLINE_MS = 1_000
NO_BREAKER = {"failures": 1_000_000, "cooldown_ms": 1}


async def _silent(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def _slow(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.05)
    await reply({"score": 1})(writer)


@contextmanager
def serving(speak: Speak) -> Iterator[WireServer]:
    """A server on a thread of its own."""
    started: list[WireServer] = []
    ready = threading.Event()
    stop: list[Any] = []

    async def serve() -> None:
        async with wire_server(speak) as wire:
            done = asyncio.Event()
            started.append(wire)
            stop.extend((asyncio.get_running_loop(), done))
            ready.set()
            await done.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield started[0]
    finally:
        loop, done = stop
        loop.call_soon_threadsafe(done.set)
        thread.join(10)


def manifest(annotators: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A manifest that allows, after these annotators."""
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
        "annotators": annotators,
        "intervention_points": {
            "input": {
                "policy_target": "$.text",
                "policy": {"id": "p"},
                "annotations": {name: {"from": "$policy_target"} for name in annotators},
            }
        },
    }


def loaded(folder: Path, **manifests: dict[str, Any]) -> str:
    """Write an operator's manifests."""
    place = folder / "manifests"
    place.mkdir()
    for name, value in manifests.items():
        (place / f"{name}.json").write_text(json.dumps(value))
    return str(place)


def ask(service: Service, name: str, **members: Any) -> tuple[float, Any]:
    """Evaluate once: the seconds that it took, and the response."""
    body = {"manifest_ref": name, "intervention_point": "input", "snapshot": {"text": "hi"}} | members
    begun = time.perf_counter()
    status, response = service.post("/v1/evaluate", body)
    assert status == 200, response
    return time.perf_counter() - begun, response


@pytest.mark.parametrize(
    ("speak", "reason", "detail"),
    [
        pytest.param(None, "failed", "annotator `judge` could not be reached", id="dead"),
        pytest.param(_silent, "timeout", f"annotator `judge` did not answer within {DEADLINE_MS} ms", id="slow"),
        pytest.param(
            say(b"\x16\x03\x01 what is this \xff\r\n\r\n"),
            "failed",
            "annotator `judge` could not be reached",
            id="garbage",
        ),
        pytest.param(
            reply(b"<html>Bad gateway</html>", kind="text/html"),
            "failed",
            "annotator `judge` returned a body that is not JSON",
            id="another page",
        ),
    ],
)  # fmt: skip
def test_a_broken_annotator_troubles_nobody_else(
    start: Start, tmp_path: Path, speak: Speak | None, reason: str, detail: str
) -> None:
    """Under load it denies with its reason within its deadline; another manifest answers as if alone."""
    with serving(speak or _silent) as wire:
        url = wire.url if speak else "http://127.0.0.1:1/"
        judge = {"type": "endpoint", "url": url, "timeout_ms": DEADLINE_MS, "breaker": NO_BREAKER}
        service = start(
            "--manifests", loaded(tmp_path, judged=manifest({"judge": judge}), plain=manifest({}))
        )
        ask(service, "judged")
        ask(service, "plain")
        with ThreadPoolExecutor(24) as threads:
            judged = [threads.submit(ask, service, "judged") for _ in range(48)]
            plain = [ask(service, "plain") for _ in range(50)]
            answered = [each.result() for each in judged]
    denied = Counter(
        (each["verdict"]["decision"], each["verdict"]["reason"], each["detail"]) for _, each in answered
    )
    assert denied == {("deny", f"runtime_error:annotation_{reason}", detail): 48}
    assert {each["verdict"]["decision"] for _, each in plain} == {"allow"}
    # None waits for the annotator of another manifest.
    assert statistics.median(seconds for seconds, _ in plain) < DEADLINE_MS / 1000


def test_a_stuck_annotator_does_not_fill_the_service(start: Start, tmp_path: Path) -> None:
    """Calls under way are bounded for each annotator, so requests for others are not answered 429."""
    with serving(_silent) as wire:
        judge = {
            "type": "endpoint",
            "url": wire.url,
            "timeout_ms": 5_000,
            "max_in_flight": 4,
            "breaker": NO_BREAKER,
        }
        place = loaded(tmp_path, judged=manifest({"judge": judge}), plain=manifest({}))
        service = start("--manifests", place, ACS_MAX_IN_FLIGHT="8")
        with ThreadPoolExecutor(4) as threads:
            stuck = [threads.submit(ask, service, "judged") for _ in range(4)]
            wait_for(lambda: wire.connections == 4)
            refused = [ask(service, "judged") for _ in range(20)]
            assert ask(service, "plain")[1]["verdict"]["decision"] == "allow"
            late = {each.result()[1]["verdict"]["reason"] for each in stuck}
    assert {each["detail"] for _, each in refused} == {"annotator `judge` already has 4 calls in flight"}
    assert late == {"runtime_error:annotation_timeout"}


def test_annotators_of_one_point_run_at_once(start: Start, tmp_path: Path) -> None:
    """Ten take far less together than one after the other, and come in name order, whatever order they answer in."""
    with serving(_slow) as wire:
        judges = {f"judge{number}": {"type": "endpoint", "url": wire.url} for number in range(10)}
        service = start("--manifests", loaded(tmp_path, judged=manifest(judges)))
        ask(service, "judged")
        shares = []
        for _ in range(5):
            seconds, response = ask(service, "judged", include=["policy_input", "trace"])
            shares.append(seconds * 1_000_000 / sum(response["trace"]["annotators"].values()))
            assert list(response["policy_input"]["annotations"]) == sorted(judges)
            assert set(response["trace"]["annotators"]) == set(judges)
    assert response["policy_input"]["annotations"] == {key: {"score": 1} for key in sorted(judges)}
    assert min(shares) < 0.8


def test_one_annotator_serves_all_points_that_use_it_alike(start: Start, tmp_path: Path) -> None:
    """Its failures at one point open its breaker for the others; one with another member stands alone."""
    value = manifest(
        {"judge": {"type": "endpoint", "url": "http://127.0.0.1:1/", "breaker": {"failures": 2}}}
    )
    points = value["intervention_points"]
    points["output"] = points["input"]
    points["post_model_call"] = points["input"] | {
        "annotations": {"judge": {"from": "$.text", "input_field": "x"}}
    }
    service = start("--manifests", loaded(tmp_path, judged=value))
    details = [
        ask(service, "judged", intervention_point=point)[1]["detail"]
        for point in ("input", "input", "output", "post_model_call")
    ]
    reached = "annotator `judge` could not be reached"
    assert details == [
        reached,
        reached,
        "annotator `judge` failed repeatedly; its circuit breaker is open",
        reached,
    ]


def test_a_credential_comes_from_the_environment_of_the_service(start: Start, tmp_path: Path) -> None:
    """It is read when the manifest is compiled, and nothing that the service shows repeats it."""
    with serving(
        reply({"choices": [{"finish_reason": "stop", "message": {"content": '{"label": "ok"}'}}]})
    ) as wire:
        judge = {"type": "llm", "base_url": wire.url, "model": "m", "api_key_env": "JUDGE_KEY"}
        service = start(
            "--manifests", loaded(tmp_path, judged=manifest({"judge": judge})), JUDGE_KEY="s3cret"
        )
        _, response = ask(service, "judged", include=["policy_input"])
        assert response["policy_input"]["annotations"]["judge"]["label"] == "ok"
        assert wire.received[0].headers["authorization"] == "Bearer s3cret"
        _, shown = service.get("/v1/manifests/judged")
        assert shown["manifest"]["annotators"]["judge"]["api_key_env"] == "[redacted]"
        assert "s3cret" not in json.dumps([response, shown]) + service.log()
        assert "JUDGE_KEY" not in json.dumps([response, shown]) + service.log()


def test_a_missing_credential_stops_the_start_with_its_name(tmp_path: Path, start: Start) -> None:
    """The operator is told which variable is missing."""
    judge = {"type": "llm", "model": "m", "api_key_env": "JUDGE_KEY"}
    with pytest.raises(AssertionError, match="the environment variable `JUDGE_KEY` is not set"):
        start("--manifests", loaded(tmp_path, judged=manifest({"judge": judge})))


@pytest.mark.parametrize("mode", ["trusted", "sandboxed"])
def test_an_inline_manifest_brings_its_own_key_and_calls_what_is_allowed(
    start: Start, tmp_path: Path, mode: str
) -> None:
    """The URL that is called must be allowed; no variable of the service is within its reach."""
    answer = {"choices": [{"finish_reason": "stop", "message": {"content": '{"label": "ok"}'}}]}
    with serving(reply(answer)) as wire:
        service = start(ACS_INLINE_MANIFESTS=mode, ACS_OUTBOUND_ALLOW=f"{wire.url}/v1", JUDGE_KEY="s3cret")

        def decide(**members: Any) -> tuple[str | None, str | None]:
            judge = {"type": "llm", "model": "m", "api_key": "own", "base_url": f"{wire.url}/v1"} | members
            judge = {name: member for name, member in judge.items() if member is not None}
            body = {
                "manifest": manifest({"judge": judge}),
                "intervention_point": "input",
                "snapshot": {"text": "hi"},
            }
            _, response = service.post("/v1/evaluate", body)
            return response["verdict"].get("reason"), response.get("detail")

        assert decide() == (None, None)
        assert wire.received[0].headers["authorization"] == "Bearer own"
        for members in (
            {"base_url": wire.url},
            {"base_url": wire.url.replace("http://", "http://x@")},
            {"base_url": None},
            {"api_key_env": "JUDGE_KEY"},
            {"system_prompt_file": "/etc/passwd"},
            {"system_prompt_url": {"url": f"{wire.url}/v1/p", "sha256": "0" * 64}},
        ):
            assert decide(**members)[0] == "runtime_error:manifest_invalid"
        assert len(wire.received) == 1
