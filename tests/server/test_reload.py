"""Section 3.1: reloads of running services, under load, with workers that die, by signal and by watching.

`ACS_TEST_RELOADS` sets how often the load test reloads: 1000 takes about five minutes.
"""

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Service, Start
from tests.server.reloading import Client, resident_kib
from tests.waiting import wait_for

RELOADS = int(os.environ.get("ACS_TEST_RELOADS", "40"))
WARM_UP = min(20, RELOADS // 2)
MOST_GROWTH_KIB = 4_096  # a worker's first thousands of requests take 1 MiB; one compiled set is some 100 KiB


def _manifest(generation: int, **policy: Any) -> str:
    """A manifest whose digest follows from the generation, and whose policy file is to say it too."""
    definition = policy or {"type": "rego", "query": "data.p.verdict", "bundle": "policy"}
    return json.dumps(
        {
            "agent_control_specification_version": "0.3.1-beta",
            "metadata": {"generation": generation},
            "policies": {"p": definition},
            "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
        }
    )


def _policy(generation: int, rules: int = 20) -> str:
    more = "\n".join(f'more contains "m{n}" if input.snapshot.n == {n}' for n in range(rules))
    verdict = f'verdict := {{"decision": "allow", "reason": "generation_{generation}"}}'
    return f"package p\nimport rego.v1\n\n{verdict}\n\n{more}\n"


def _write(folder: Path, generation: int, names: tuple[str, ...] = ("one", "two"), rules: int = 20) -> None:
    """Put a whole set in the place of the one before, as a mounted ConfigMap does."""
    new = folder.parent / f"set-{generation}-{time.monotonic_ns()}"
    for name in names:
        (new / name / "policy").mkdir(parents=True)
        (new / name / "manifest.json").write_text(_manifest(generation))
        (new / name / "policy" / "p.rego").write_text(_policy(generation, rules))
    _point_at(folder, new)


def _point_at(folder: Path, target: Path) -> None:
    before = folder.resolve() if folder.is_symlink() else None
    link = folder.with_name("next")
    link.symlink_to(target)
    link.replace(folder)
    if before:
        shutil.rmtree(before)


def _spoil(folder: Path, how: int) -> None:
    """Make the set one that cannot serve: each time in another way."""
    match how % 4:
        case 0:
            (folder / "two" / "policy" / "p.rego").write_text("package p\nimport rego.v1\nverdict := {\n")
        case 1:
            (folder / "two" / "manifest.json").write_text("{")
        case 2:
            shutil.rmtree(folder / "two" / "policy")
        case _:
            shutil.rmtree(folder / "one")
            shutil.rmtree(folder / "two")


def _dangle(path: Path) -> None:
    """Put a link that leads nowhere in the place of a file or a folder."""
    path.rename(path.with_name("_aside"))
    path.symlink_to("gone")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The operator's manifests: a link to the first generation."""
    folder = tmp_path / "manifests"
    _write(folder, 0)
    return folder


def _ends(service: Service) -> int:
    log = service.log()
    return log.count('"event":"manifests_reloaded"') + log.count('"event":"manifests_kept"')


def _reload(service: Service) -> None:
    """Reload and wait until it ended, one way or the other."""
    before = _ends(service)
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: _ends(service) > before)


def _answer(service: Service, name: str = "one") -> tuple[str, str]:
    """The digest of the manifest, and the reason that the policy gave."""
    _, body = service.post("/v1/evaluate/input", {"snapshot": {}, "manifest_ref": name})
    return body["manifest_digest"], body["verdict"]["reason"]


def _generations(service: Service, times: int = 12) -> set[str]:
    """What new connections are answered with; with two workers each is met, almost surely."""
    return {_answer(service, name)[1] for name in ("one", "two") for _ in range(times)}


def _records(folder: Path) -> list[dict[str, Any]]:
    found = []
    for path in (folder / "var" / "audit").rglob("records-*.jsonl"):
        found += [json.loads(line) for line in path.read_text().splitlines()]
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_reloads_under_load_drop_and_mix_nothing(
    start: Start, tmp_path: Path, folder: Path, workers: int
) -> None:
    """Good and bad sets in turn: every answer is whole, of a set that was good, and memory stays (3.1)."""
    service = start("--manifests", str(folder), "--workers", str(workers))
    pids = service.workers()
    stop = threading.Event()
    clients = [Client(service, stop) for _ in range(3)]
    for client in clients:
        client.start()
    before = 0
    for number in range(1, RELOADS + 1):
        _write(folder, number)
        if number % 2 == 0:
            _spoil(folder, number // 2)
        _reload(service)
        if number == WARM_UP:
            before = sum(map(resident_kib, pids))
    last = RELOADS - 1 + RELOADS % 2
    assert _generations(service) == {f"generation_{last}"}
    after = sum(map(resident_kib, pids))
    stop.set()
    for client in clients:
        client.join(30)
    answers = {key for client in clients for key in client.answers}
    digests = {(digest, reason) for _, digest, reason in answers}
    asked = sum(sum(client.answers.values()) for client in clients)
    slowest = max(client.slowest for client in clients)
    print(f"{workers=} {RELOADS=} {asked=} {slowest=:.3f}s private {before=} KiB {after=} KiB")  # noqa: T201
    assert [client.faults for client in clients] == [[], [], []]
    assert {status for status, _, _ in answers} == {200}
    assert len({digest for digest, _ in digests}) == len(digests) == len({reason for _, reason in digests})
    good = {f"generation_{number}" for number in range(RELOADS + 1) if number % 2 or number == 0}
    assert {reason for _, reason in digests} <= good
    assert service.workers() == pids
    assert after - before <= workers * MOST_GROWTH_KIB
    assert service.stop() == 0
    reloads = [record["details"] for record in _records(tmp_path) if record["event"] == "manifests_reloaded"]
    outcomes = [details["outcome"] for details in reloads]
    assert (outcomes.count("ok"), outcomes.count("failed")) == (
        workers * (RELOADS - RELOADS // 2),
        workers * (RELOADS // 2),
    )


def test_requests_wait_for_one_compile_at_most(start: Start, folder: Path) -> None:
    """Many slow compiles in a row are not one long wait (3.1)."""
    names = ("one", "two", "three", "four", "five", "six", "seven", "eight")
    service = start("--manifests", str(folder))
    stop = threading.Event()
    client = Client(service, stop)
    _write(folder, 1, names, rules=1_000)
    client.start()
    time.sleep(0.2)
    begun = time.monotonic()
    _reload(service)
    whole = time.monotonic() - begun
    stop.set()
    client.join(30)
    assert client.faults == []
    assert client.slowest < whole / 2, (client.slowest, whole)
    assert _generations(service, 1) == {"generation_1"}


def test_a_request_ends_on_the_manifest_that_it_began_with(start: Start, tmp_path: Path) -> None:
    """A reload in the middle of an evaluation changes nothing in it (3.1)."""
    file = tmp_path / "one.json"
    slow = {"type": "test", "output": {"decision": "allow"}, "delay_ms": 1_000}
    file.write_text(_manifest(0, **slow))
    service = start("--manifests", str(file))
    old = service.get("/v1/manifests")[1]
    with service.begun("/v1/evaluate/input", {"snapshot": {}}) as begun:
        file.write_text(_manifest(1, type="test", output={"decision": "deny", "reason": "new"}))
        _reload(service)
        answer = json.loads(begun.getresponse().read())
    new = service.get("/v1/manifests")[1]
    assert answer["verdict"]["decision"] == "allow"
    assert answer["manifest_digest"] == old["manifests"][0]["digest"]
    assert new["manifests"][0]["digest"] != old["manifests"][0]["digest"]
    assert (new["loaded_at"] > old["loaded_at"], new["set_digest"] != old["set_digest"]) == (True, True)
    assert _answer(service)[1] == "new"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_set_that_cannot_serve_is_shown(start: Start, tmp_path: Path, folder: Path, workers: int) -> None:
    """The old one serves, ready with a warning; log, metric, record and information say so (3.1)."""
    service = start("--manifests", str(folder), "--workers", str(workers))
    assert service.get("/v1/info")[1]["last_reload"] is None
    _spoil(folder, 0)
    _reload(service)
    assert _generations(service) == {"generation_0"}
    status, ready = service.get("/readyz")
    check = ready["checks"][0]
    assert (status, ready["ready"], check["state"]) == (200, True, "warning")
    assert "failed: rego-syntax in two: policy/p.rego; see the service log" in check["detail"]
    last = service.get("/v1/info")[1]["last_reload"]
    assert (last["outcome"], last["detail"]) == (
        "failed",
        "rego-syntax in two: policy/p.rego; see the service log",
    )
    assert "two: policy/p.rego:4:1: policies.p.bundle: expecting expression" in service.log()
    metrics = service.request("GET", "/metrics")[2].decode()
    assert 'acs_manifest_reloads_total{outcome="failed"} 1.0' in metrics
    _write(folder, 1)
    _reload(service)
    assert service.get("/readyz")[1]["checks"][0] == {
        "name": "manifests",
        "state": "ok",
        "detail": "2 loaded",
    }
    assert service.get("/v1/info")[1]["last_reload"]["outcome"] == "ok"
    loaded = service.get("/v1/manifests")[1]
    assert service.stop() == 0
    reloads = [record["details"] for record in _records(tmp_path) if record["event"] == "manifests_reloaded"]
    assert sorted(details["outcome"] for details in reloads) == ["failed"] * workers + ["ok"] * workers
    done = [details for details in reloads if details["outcome"] == "ok"]
    assert [details["set"] for details in done] == [loaded["set_digest"]] * workers
    digests = {item["name"]: item["digest"] for item in loaded["manifests"]}
    assert [details["manifests"] for details in done] == [digests] * workers


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (lambda folder: _spoil(folder, 3), "manifests-empty"),
        (lambda folder: shutil.rmtree(folder / "one"), "default-missing"),
        (lambda folder: (folder / "one.json").write_text("{}"), "name-twice"),
        (lambda folder: _dangle(folder / "two"), "file-unreadable in two: two"),
        (
            lambda folder: _dangle(folder / "two" / "manifest.json"),
            "file-unreadable in two: two/manifest.json",
        ),
        (
            lambda folder: (folder / "two" / "policy" / os.fsdecode(b"\xff.rego")).write_text("package {"),
            "source-unreadable in two: two/manifest.json",
        ),
        (lambda folder: folder.unlink(), "manifests-missing"),
    ],
    ids=["empty", "default", "twice", "link", "linked file", "not UTF-8", "gone"],
)
def test_a_set_as_a_whole_can_be_unfit(
    start: Start, folder: Path, change: Callable[[Path], object], detail: str
) -> None:
    """No manifests, no default, a name twice, a link that leads nowhere: the old set serves (3.1)."""
    service = start("--manifests", str(folder), ACS_DEFAULT_MANIFEST="one")
    change(folder)
    _reload(service)
    assert service.get("/v1/info")[1]["last_reload"]["detail"] == f"{detail}; see the service log"
    assert _generations(service, 1) == {"generation_0"}


def test_nothing_changed_is_no_reload(start: Start, tmp_path: Path, folder: Path) -> None:
    """The same content in other files keeps what serves, and is recorded as such."""
    service = start("--manifests", str(folder))
    before = service.get("/v1/manifests")[1]
    _write(folder, 0)
    _reload(service)
    assert service.get("/v1/manifests")[1] == before
    assert service.get("/v1/info")[1]["last_reload"]["outcome"] == "unchanged"
    assert service.stop() == 0
    reloads = [record["details"] for record in _records(tmp_path) if record["event"] == "manifests_reloaded"]
    assert reloads == [{"outcome": "unchanged", "set": before["set_digest"]}]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_starts_later_serves_the_set_of_the_others(
    start: Start, folder: Path, workers: int
) -> None:
    """Whatever lies on disk meanwhile, it starts with what serves, and knows the last outcome (3.1)."""
    service = start("--manifests", str(folder), "--workers", str(workers))
    _write(folder, 1)
    _reload(service)
    loaded = service.get("/v1/manifests")[1]
    _spoil(folder, 0)
    _reload(service)
    pids = service.workers()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(service.workers()) == workers and not set(pids) & set(service.workers()))
    assert _generations(service) == {"generation_1"}
    assert service.get("/v1/manifests")[1] == loaded
    assert service.get("/v1/info")[1]["last_reload"]["outcome"] == "failed"


def test_workers_that_die_during_reloads_end_on_the_same_set(start: Start, folder: Path) -> None:
    """Killed at any moment of a reload, with the next one already asked for: all serve the last (3.1)."""
    service = start("--manifests", str(folder), "--workers", "2")
    for number in range(1, 9):
        _write(folder, number, rules=300)
        service.process.send_signal(signal.SIGHUP)
        time.sleep(0.03 * number)
        os.kill(service.workers()[number % 2], signal.SIGKILL)
        wait_for(lambda: len(service.workers()) == 2)
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: _generations(service, 3) == {f"generation_{number}"})  # noqa: B023  # used at once
    assert service.stop() == 0


def test_a_change_of_files_is_noticed(start: Start, folder: Path) -> None:
    """When switched on: a link that is exchanged, a file written, a bad set and then a good one (3.1)."""
    service = start("--manifests", str(folder), "--workers", "2", ACS_MANIFESTS_WATCH="true")
    _write(folder, 1)
    wait_for(lambda: _generations(service, 3) == {"generation_1"})
    _spoil(folder, 0)
    wait_for(lambda: '"manifests_refused"' in service.log())
    time.sleep(2.5)
    assert service.log().count('"manifests_refused"') == 1
    (folder / "two" / "policy" / "p.rego").write_text(_policy(1) + "# as it was\n")
    wait_for(lambda: '"outcome":"ok"' in service.log() or _ends(service) == 3)
    assert _generations(service, 3) == {"generation_1"}


def test_a_configmap_update_is_noticed(start: Start, tmp_path: Path) -> None:
    """The kubelet exchanges `..data`, a link inside of the mounted directory (3.1)."""
    mount = tmp_path / "mount"
    for generation in (0, 1):
        data = mount / f"..2026_0{generation}"
        data.mkdir(parents=True)
        output = {"decision": "allow", "reason": f"generation_{generation}"}
        (data / "one.json").write_text(_manifest(generation, type="test", output=output))
    (mount / "..data").symlink_to("..2026_00")
    (mount / "one.json").symlink_to("..data/one.json")
    service = start("--manifests", str(mount), ACS_MANIFESTS_WATCH="true")
    assert _answer(service)[1] == "generation_0"
    (mount / "..data_tmp").symlink_to("..2026_01")
    (mount / "..data_tmp").replace(mount / "..data")
    shutil.rmtree(mount / "..2026_00")
    wait_for(lambda: _answer(service)[1] == "generation_1")


def test_a_change_in_a_library_is_noticed(start: Start, tmp_path: Path) -> None:
    """Policies of `ACS_POLICY_ROOTS` are watched like those beside a manifest (3.1, 3.2)."""
    library, manifests = tmp_path / "library", tmp_path / "manifests"
    library.mkdir()
    manifests.mkdir()
    (library / "p.rego").write_text(_policy(0))
    policy = {"type": "rego", "query": "data.p.verdict", "bundle": "../library"}
    (manifests / "one.json").write_text(_manifest(0, **policy))
    places = {"ACS_MANIFESTS": str(manifests), "ACS_POLICY_ROOTS": str(library)}
    service = start(ACS_MANIFESTS_WATCH="true", **places)
    assert _answer(service)[1] == "generation_0"
    (library / "p.rego").write_text(_policy(1))
    wait_for(lambda: _answer(service)[1] == "generation_1")


def test_files_are_not_watched_unless_asked_for(start: Start, folder: Path) -> None:
    """Without the setting a change waits for SIGHUP (3.1)."""
    service = start("--manifests", str(folder))
    _write(folder, 1)
    time.sleep(3)
    assert _generations(service, 1) == {"generation_0"}
