"""Section 2.6: workers that hang, die, fail or lose their supervisor, with real processes and policies."""

import contextlib
import itertools
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.audit.log.directory import find_logs
from acs_sidecar.server.supervisor import restart_pause_s
from tests.command import start_refused
from tests.conftest import COMMAND, Service, Start, environment
from tests.waiting import PATIENCE_SECONDS, wait_for

ENDLESS = """package p
import rego.v1

many := numbers.range(1, 3000)

default verdict := {"decision": "allow"}

verdict := {"decision": "deny"} if {
    input.snapshot.hang
    count([1 | some i in many; some j in many; some k in many; i + j + k == 0]) > 0
}
"""
MANIFEST: dict[str, Any] = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {
        "p": {"type": "rego", "query": "data.p.verdict", "modules": {"m": ENDLESS}},
        "slow": {"type": "test", "output": {"decision": "allow"}, "delay_ms": 1_000},
    },
    "intervention_points": {
        "input": {"policy_target": "$", "policy": {"id": "p"}},
        "output": {"policy_target": "$", "policy": {"id": "slow"}},
    },
}


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    """The path of a manifest with a policy that never ends when the snapshot says so, and a slow one."""
    file = tmp_path / "m.json"
    file.write_text(json.dumps(MANIFEST))
    return str(file)


def _refuses_connections(service: Service) -> bool:
    try:
        service.get("/healthz")
    except ConnectionError:
        return True
    return False


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _hang(service: Service) -> int:
    """Have a worker hang in a request that never ends, and return its process."""
    used = {worker: _cpu_seconds(worker) for worker in service.workers()}
    with service.begun("/v1/evaluate/input", {"snapshot": {"hang": True}}):
        (hung,) = wait_for(lambda: [pid for pid in used if _cpu_seconds(pid) - used[pid] > 0.1])
    return hung


def _decision(service: Service, point: str = "input") -> str:
    return str(service.post(f"/v1/evaluate/{point}", {"snapshot": {}})[1]["verdict"]["decision"])


def _vkey(service: Service) -> str:
    found = re.search(r'"vkey":"([^"]+)"', service.log())
    assert found
    return found[1]


def _assert_sound(folder: Path, vkey: str) -> None:
    """Verify every log with the command."""
    done = subprocess.run(
        [COMMAND, "audit", "verify", folder / "var" / "audit", "--key", vkey],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_a_policy_that_never_ends_costs_its_worker_alone(
    start: Start, tmp_path: Path, manifest: str, workers: int
) -> None:
    """The worker is killed and replaced, the others answer meanwhile, and the log stays sound (2.6)."""
    service = start("--manifests", manifest, "--workers", str(workers), ACS_WORKER_HANG_TIMEOUT_S="2")
    before = service.workers()
    hung = _hang(service)
    answered = 0
    while _alive(hung):
        if workers > 1:
            assert _decision(service) == "allow"
            answered += 1
        time.sleep(0.05)
    assert answered > 0 or workers == 1
    wait_for(lambda: len(service.workers()) == workers and service.workers() != before)
    assert len(set(before) & set(service.workers())) == workers - 1
    assert [_decision(service) for _ in range(10)] == ["allow"] * 10
    assert service.log().count('"worker_hung"') == 1
    assert service.stop() == 0
    _assert_sound(tmp_path, _vkey(service))


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_finish_and_end_when_their_supervisor_is_killed(
    start: Start, tmp_path: Path, manifest: str, workers: int
) -> None:
    """What is in flight is answered and recorded, the address is free again, every log is whole (2.6)."""
    service = start("--manifests", manifest, "--workers", str(workers))
    pids = service.workers()
    with service.begun("/v1/evaluate/output", {"snapshot": {}}) as begun:
        service.process.kill()
        service.process.wait()
        wait_for(lambda: not any(map(_alive, pids)), seconds=5)
        assert json.loads(begun.getresponse().read())["verdict"]["decision"] == "allow"
    assert service.log().count('"supervisor_gone"') == workers
    host, port = service.url.removeprefix("http://").split(":")
    again = start("--port", port, "--host", host, "--manifests", manifest)
    logs = again.get("/v1/audit/logs")[1]["logs"]
    assert sorted(log["state"] for log in logs) == ["closed"] * workers + ["open"]
    assert again.stop() == 0
    _assert_sound(tmp_path, _vkey(service))


def test_a_worker_that_hangs_alone_ends_too(start: Start, manifest: str) -> None:
    """With the supervisor gone nobody notices the hang but the kernel, by the processor time (2.6)."""
    service = start("--manifests", manifest, ACS_WORKER_HANG_TIMEOUT_S="2")
    hung = _hang(service)
    service.process.kill()
    service.process.wait()
    # Four seconds of processor time, which take long on a busy machine.
    wait_for(lambda: not _alive(hung), seconds=4 * PATIENCE_SECONDS)


def test_a_suspended_group_hangs_not(start: Start, manifest: str) -> None:
    """Processes that were stopped together, as a paused container is, go on where they were."""
    service = start("--manifests", manifest, ACS_WORKER_HANG_TIMEOUT_S="1")
    pids = [service.process.pid, *service.workers()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(2.5)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    time.sleep(0.5)
    assert _decision(service) == "allow"
    assert service.workers() == pids[1:]


def test_a_terminals_interrupt_is_as_graceful_as_sigterm(start: Start, manifest: str) -> None:
    """Ctrl-C reaches the workers too, which leave it to the supervisor (2.6)."""
    service = start("--manifests", manifest, "--workers", "2")
    with service.begun("/v1/evaluate/output", {"snapshot": {}}) as begun:
        for pid in (*service.workers(), service.process.pid):
            os.kill(pid, signal.SIGINT)
        assert service.process.wait(10) == 0
        assert json.loads(begun.getresponse().read())["verdict"]["decision"] == "allow"


def test_draining_is_bounded(start: Start, manifest: str) -> None:
    """A request that never ends its body holds the end up for the configured time alone (2.6)."""
    service = start("--manifests", manifest, "--workers", "2", ACS_SHUTDOWN_TIMEOUT_S="1")
    with service.unfinished():
        begun = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - begun < 15, "the default is 20"


def test_a_second_sigterm_ends_the_group_at_once(start: Start, manifest: str) -> None:
    """With several workers as with one, and new connections are refused from the first on (2.6)."""
    service = start("--manifests", manifest, "--workers", "2")
    pids = service.workers()
    with service.unfinished():
        service.process.send_signal(signal.SIGTERM)
        wait_for(lambda: _refuses_connections(service))
        assert service.process.poll() is None
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(3) == 1
    assert not any(map(_alive, pids))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_worker_that_cannot_start_ends_the_start(
    start: Start, tmp_path: Path, manifest: str, workers: str
) -> None:
    """What prevented it is said once, and the exit code is that of a command that could not run."""
    service = start("--manifests", manifest)
    assert _decision(service) == "allow"
    assert service.stop() == 0
    (log,) = find_logs(tmp_path / "var" / "audit")
    checkpoints = next(log.path.glob("checkpoints-*"))
    records = next(log.path.glob("records-*"))
    records.write_bytes(records.read_bytes().replace(b'"allow"', b'"alloy"'))
    assert checkpoints.is_file()
    options = ("--manifests", manifest, "--workers", workers)
    stderr = start_refused(tmp_path, *options, ACS_AUDIT_ON_DAMAGE="refuse")
    assert stderr.count(f"error: the audit log `{log.origin}` is damaged") == 1
    assert "Traceback" not in stderr


DYING = """
import os, sys, time
from pathlib import Path
from acs_sidecar.server.handed_file import hand
from acs_sidecar.engines.fatal_inputs import FatalInputs
from acs_sidecar.server.reload_rounds import Served
from acs_sidecar.server.supervisor import supervise

starts = Path(sys.argv[1])

def work(number, channel, served):
    first = not starts.exists()
    with starts.open("a") as file:
        file.write(f"{time.monotonic()}\\n")
    if first:
        channel.send({"kind": "serving"})
        time.sleep(0.2)
    os._exit(7)

served = Served(hand(b''), 0, '')
supervise(1, work, served, FatalInputs(1), hang_timeout_s=10, drain_s=1, stop_listening=lambda: None)
"""


def test_a_worker_that_dies_at_each_start_does_not_spin(tmp_path: Path) -> None:
    """The pause before the next start doubles each time, and SIGTERM ends the waiting at once."""
    starts = tmp_path / "starts"
    with subprocess.Popen(
        [sys.executable, "-c", DYING, str(starts)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as supervisor:
        wait_for(lambda: starts.exists() and len(starts.read_text().splitlines()) == 4)
        supervisor.terminate()
        assert supervisor.wait(2) == 0
    times = [float(line) for line in starts.read_text().splitlines()]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert [pause >= least for pause, least in zip(pauses, (0.4, 0.9, 1.8), strict=True)] == [True] * 3


def test_few_open_files_bound_the_connections(tmp_path: Path, manifest: str) -> None:
    """Under a low limit more connections are closed at once; nothing spins, and all is well afterwards."""
    log = tmp_path / "service.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            ["/bin/sh", "-c", f"ulimit -n 80 && exec {COMMAND} serve --port 0 --manifests {manifest}"],
            cwd=tmp_path,
            env=environment(ACS_INLINE_MANIFESTS="sandboxed"),
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            wait_for(lambda: '"address":"' in log.read_text())
            url = log.read_text().partition('"address":"')[2].partition('"')[0]
            service = Service(url, process, log)
            wait_for(lambda: len(service.workers()) == 1)
            assert _decision(service) == "allow"
            (worker,) = service.workers()
            host, port = url.removeprefix("http://").split(":")
            with contextlib.ExitStack() as open_ones:
                connections = [
                    open_ones.enter_context(socket.create_connection((host, int(port)))) for _ in range(200)
                ]
                used = _cpu_seconds(worker)
                time.sleep(1)
                assert _cpu_seconds(worker) - used < 0.3
                assert len(list(Path(f"/proc/{worker}/fd").iterdir())) < 80
                served = [_answers_on(connection) for connection in connections]
            assert served[:40] == [True] * 40
            assert served[40:] == [False] * 160
            wait_for(lambda: len(list(Path(f"/proc/{worker}/fd").iterdir())) < 40)
            assert _decision(service) == "allow"
            assert '"open_files_limit_low"' in service.log()
            assert service.stop() == 0
        finally:
            process.kill()


def test_the_soft_limit_of_open_files_is_raised(start: Start, manifest: str) -> None:
    """A service that may have more open files takes what it may."""
    service = start("--manifests", manifest)
    (worker,) = service.workers()
    soft, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    assert soft == hard


def _answers_on(connection: socket.socket) -> bool:
    try:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return connection.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0.5), (1, 0.5), (2, 1.0), (7, 30.0), (8, 30.0), (100_000, 30.0)]
)
def test_a_worker_that_fails_again_and_again_is_restarted_ever_more_slowly(
    failures: int, seconds: float
) -> None:
    """Half a second doubles up to half a minute, and goes on there for however many failures."""
    assert restart_pause_s(failures) == seconds
