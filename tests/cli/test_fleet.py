"""Shipping logs to a real cluster of three NATS servers, and auditing the fleet from there (section 4)."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig

from acs_sidecar.audit.ship.nats import NatsSettings, jetstream
from acs_sidecar.audit.ship.stream import SUBJECTS
from tests.audit.ship.nats_cluster import Cluster, cluster, installed
from tests.conftest import COMMAND, Service, Start, environment
from tests.waiting import wait_for

pytestmark = pytest.mark.skipif(
    not installed() and "CI" not in os.environ, reason="nats-server is not installed"
)

MANIFEST = """
agent_control_specification_version: 0.3.1-beta
policies: {p: {type: test, output: {decision: allow}}}
intervention_points: {input: {policy_target: $snap, policy: {id: p}}}
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for the module; each test has a stream of its own machine's logs in it."""
    with cluster(tmp_path_factory.mktemp("nats")) as running:
        yield running


def acs(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [COMMAND, *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def deciding(start: Start, folder: Path, instance: str) -> Service:
    """A service that allows everything, its log under `folder`."""
    (folder / "m.yaml").write_text(MANIFEST)
    return start(
        ACS_MANIFESTS=str(folder / "m.yaml"),
        ACS_AUDIT_DIR=str(folder / "audit"),
        ACS_AUDIT_KEY_FILE=str(folder / "key.pem"),
        ACS_AUDIT_INSTANCE=instance,
    )


def decide(service: Service, number: int) -> list[tuple[str, int]]:
    """Send a batch; give log and index of each record."""
    requests = [{"intervention_point": "input", "snapshot": {}}] * number
    status, reply = service.post("/v1/evaluate:batch", {"requests": requests})
    assert status == 200
    assert {result["verdict"]["decision"] for result in reply["results"]} == {"allow"}
    return [(result["audit"]["log"], result["audit"]["index"]) for result in reply["results"]]


def stored_ids(url: str) -> list[str]:
    """The message ids of all records in the stream, in its order, once the cluster answers again."""

    async def read() -> list[str]:
        async with jetstream(NatsSettings(url.split(","))) as stream:
            config = ConsumerConfig(ack_policy=AckPolicy.NONE)
            consumer = await stream.pull_subscribe(SUBJECTS[0], stream="ACS_AUDIT", config=config)
            records = await stream.stream_info("ACS_AUDIT", subjects_filter=SUBJECTS[0])
            total = sum((records.state.subjects or {}).values())
            found: list[str] = []
            while len(found) < total:
                messages = await consumer.fetch(min(500, total - len(found)), timeout=10)
                found += [(message.headers or {})["Nats-Msg-Id"] for message in messages]
            return found

    deadline = time.monotonic() + 90
    while True:
        try:
            return asyncio.run(read())
        except NatsTimeoutError:
            assert time.monotonic() < deadline


def test_every_record_of_a_fleet_arrives_once_though_a_node_and_the_shipper_die(
    start: Start, servers: Cluster, tmp_path: Path
) -> None:
    """Two machines ship while a node of the cluster and a shipper are killed; the stream is sound by itself."""
    machines = []
    acknowledged: list[tuple[str, int]] = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        machines.append((deciding(start, folder, name), folder))
    nats = {"ACS_AUDIT_NATS_URL": servers.url}
    ready = acs("audit", "ship", machines[0][1] / "audit", "--once", "--create", **nats)
    assert ready.returncode == 0, ready.stderr

    def shipping(folder: Path) -> subprocess.Popen[bytes]:
        decide(machines[0][0], 1)
        decide(machines[1][0], 1)
        log_file = folder / f"shipper-{time.monotonic_ns()}"
        with log_file.open("wb") as log:
            command: list[str | Path] = [COMMAND, "audit", "ship", folder / "audit"]
            process = subprocess.Popen(command, env=environment(**nats), stdout=log, stderr=log)
        wait_for(lambda: "audit_shipped" in log_file.read_text() or process.poll() is not None, 90)
        assert process.poll() is None, log_file.read_text()
        return process

    shippers = [shipping(folder) for _, folder in machines]
    try:
        for round_ in range(12):
            for service, _ in machines:
                acknowledged += decide(service, 250)
            if round_ == 3:
                servers.kill(0)
            if round_ == 6:
                shippers[0].kill()
                shippers[0].wait()
                shippers[0] = shipping(machines[0][1])
            if round_ == 9:
                servers.start(0)
            time.sleep(0.3)
    finally:
        for shipper in shippers:
            shipper.terminate()
        codes = [shipper.wait(timeout=60) for shipper in shippers]
    assert codes == [0, 0]
    for service, folder in machines:
        service.stop()
        done = acs("audit", "ship", folder / "audit", "--once", **nats)
        assert done.returncode == 0, done.stderr
    identities = stored_ids(servers.url)
    assert len(identities) == len(set(identities))
    assert {f"{log}/{index}" for log, index in acknowledged} <= set(identities)

    keys = [argument for _, folder in machines for argument in ("--key", str(folder / "key.pem"))]
    verified = acs("audit", "verify", "--nats", *keys, "--format", "json", **nats)
    report = json.loads(verified.stdout)
    assert (verified.returncode, report["status"]) == (0, "sound"), verified.stdout
    sizes = {found["log"]: found["size"] for found in report["logs"]}
    assert {log.split("/")[1] for log in sizes} == {"one", "two"}
    assert sum(sizes.values()) == len(identities)

    stranger = tmp_path / "stranger.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", stranger], check=True)  # noqa: S607
    refused = acs("audit", "verify", "--nats", "--key", stranger, "--format", "json", **nats)
    assert (refused.returncode, json.loads(refused.stdout)["status"]) == (1, "unsound")


def test_a_stream_that_somebody_added_to_is_not_sound(start: Start, servers: Cluster, tmp_path: Path) -> None:
    """A forged record behind the last is named with its index once a checkpoint claims it."""
    service = deciding(start, tmp_path, "forged")
    decide(service, 10)
    service.stop()
    nats = {"ACS_AUDIT_NATS_URL": servers.url, "ACS_AUDIT_NATS_STREAM": "ACS_AUDIT"}
    acs("audit", "ship", tmp_path / "audit", "--once", "--create", **nats)
    log = next(path.parent for path in (tmp_path / "audit").rglob("checkpoint"))
    origin = str(log.relative_to(tmp_path / "audit"))
    note = (log / "checkpoint").read_bytes()
    forged = note.replace(b"\n12\n", b"\n11\n", 1)
    assert forged != note

    async def add() -> None:
        async with jetstream(NatsSettings(servers.url.split(","))) as stream:
            await stream.publish(f"acs.checkpoints.{origin.replace('.', '%').replace('/', '.')}", forged)

    asyncio.run(add())
    done = acs("audit", "verify", "--nats", "--key", tmp_path / "key.pem", "--format", "json", **nats)
    (found,) = [found for found in json.loads(done.stdout)["logs"] if found["log"] == origin]
    assert (done.returncode, found["status"]) == (1, "unsound"), found


def test_decisions_go_on_without_nats(start: Start, tmp_path: Path) -> None:
    """A shipper that finds nobody changes no verdict, and says what to do."""
    service = deciding(start, tmp_path, "alone")
    outcome: dict[str, Any] = {}

    def ship() -> None:
        outcome["ship"] = acs(
            "audit", "ship", tmp_path / "audit", ACS_AUDIT_NATS_URL="nats://user:secret@127.0.0.1:1"
        )

    shipper = threading.Thread(target=ship)
    shipper.start()
    assert len(decide(service, 50)) == 50
    shipper.join(timeout=60)
    done = outcome["ship"]
    assert done.returncode == 2
    assert done.stderr.startswith("error: no connection to NATS at 127.0.0.1:1: ")
    assert "secret" not in done.stderr


def test_a_stream_that_is_not_there_is_said_so(start: Start, servers: Cluster, tmp_path: Path) -> None:
    """Nothing is made unless it is asked for, and an audit of nothing is no success."""
    service = deciding(start, tmp_path, "missing")
    decide(service, 1)
    nats = {"ACS_AUDIT_NATS_URL": servers.url, "ACS_AUDIT_NATS_STREAM": "NOT_THERE"}
    done = acs("audit", "ship", tmp_path / "audit", "--once", **nats)
    assert (done.returncode, done.stderr) == (
        2,
        "error: the stream `NOT_THERE` does not exist: create it with --create\n",
    )
    audited = acs("audit", "verify", "--nats", "--key", tmp_path / "key.pem", **nats)
    assert audited.returncode == 2
    assert "the stream `NOT_THERE` cannot be read" in audited.stderr


def test_a_stream_is_made_once_its_cluster_is_whole(start: Start, tmp_path: Path) -> None:
    """Three replicas are asked for while a server is still to come: the shipper waits for it."""
    deciding(start, tmp_path, "early")
    (tmp_path / "nats").mkdir()
    servers = Cluster(tmp_path / "nats")
    try:
        servers.start(0)
        servers.start(1)
        servers.wait_for_leader()
        late = threading.Timer(2, servers.start, [2])
        late.start()
        nats = {"ACS_AUDIT_NATS_URL": servers.url}
        done = acs("audit", "ship", tmp_path / "audit", "--once", "--create", **nats)
        late.join()
    finally:
        servers.stop()
    assert done.returncode == 0, done.stderr


def test_a_stream_that_no_cluster_can_hold_is_said_so(start: Start, servers: Cluster, tmp_path: Path) -> None:
    """What waiting will not mend is refused at once, with the server's reason."""
    deciding(start, tmp_path, "refused")
    making = ("audit", "ship", tmp_path / "audit", "--once", "--create")
    assert acs(*making, ACS_AUDIT_NATS_URL=servers.url).returncode == 0
    done = acs(*making, ACS_AUDIT_NATS_URL=servers.url, ACS_AUDIT_NATS_STREAM="SECOND")
    assert done.returncode == 2
    assert done.stderr.startswith("error: the stream `SECOND` cannot be created: "), done.stderr
    assert "subjects overlap" in done.stderr


@pytest.mark.server
def test_one_shipper_a_directory(tmp_path: Path) -> None:
    """A second shipper of the same directory ends at once and says why."""
    from acs_sidecar.audit.ship.shipper import alone

    with alone(tmp_path):
        done = acs("audit", "ship", tmp_path, ACS_AUDIT_NATS_URL="nats://127.0.0.1:1")
    assert (done.returncode, done.stderr) == (2, f"error: another process ships {tmp_path}\n")


@pytest.mark.server
def test_shipping_needs_to_know_where_to(tmp_path: Path) -> None:
    """Without servers, or without the client, the command says what to set or to install."""
    done = acs("audit", "ship", tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "error: no NATS server is configured: set ACS_AUDIT_NATS_URL, such as nats://127.0.0.1:4222\n",
    )
    program = "import sys; sys.modules['nats'] = None; sys.argv = ['acs-sidecar', 'audit', 'ship', sys.argv[1]]; from acs_sidecar.cli import main; main()"
    without = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        env=environment(ACS_AUDIT_NATS_URL="nats://127.0.0.1:1"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (without.returncode, without.stderr) == (
        2,
        "error: the NATS client is not installed: `pip install 'acs-sidecar[nats]'`\n",
    )
