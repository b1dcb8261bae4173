"""Processes that die, and disks that fail, at any instant: nothing acknowledged is lost (sections 4.2, 4.3).

`ACS_TEST_KILLS` sets how many processes the random tests kill.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from acs_sidecar.audit.format.findings import Status
from acs_sidecar.audit.log.directory import LogDirectory, find_logs
from acs_sidecar.audit.log.open_log import Durability
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.audit.read.reader import AuditReader
from tests.audit.log.logs import (
    KEY,
    audited,
    entry,
    newest,
    records,
    refused,
    settings,
    until_available,
    with_log,
)

pytestmark = pytest.mark.server

KILLS = int(os.environ.get("ACS_TEST_KILLS", "6"))
ROUND = min(KILLS, 10)
ROUNDS = pytest.mark.parametrize("seed", range(KILLS // ROUND))
BOTH = pytest.mark.parametrize("durability", ["write", "fsync"])
NOBODY = 65534


def needed(there: object, what: str) -> None:
    """Skip where a developer lacks something; where the tests must be complete, fail."""
    if not there:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"this test needs {what}")


class Driven:
    """An audit directory and the drivers that were let loose on it."""

    def __init__(self, place: Path) -> None:
        self.root = place / "audit"
        self.root.mkdir()
        self.key = place / "key.pem"
        self.key.write_bytes(KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.acknowledged = place / "acknowledged"
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, *options: str, under: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        """Start a driver."""
        command = [sys.executable, "-m", "tests.audit.log.driver", str(self.root), str(self.key)]
        driver = subprocess.Popen(
            [*under, *command, str(self.acknowledged), *options], stderr=subprocess.PIPE
        )
        self.running.append(driver)
        return driver

    def wait_for(self, lines: int, prefix: str = "") -> None:
        """Wait until the drivers have told so many lines more than now."""
        before = sum(line.startswith(prefix) for line in self.lines())
        for _ in range(1500):
            if sum(line.startswith(prefix) for line in self.lines()) >= before + lines:
                return
            time.sleep(0.01)
        raise TimeoutError([driver.poll() for driver in self.running])

    def lines(self) -> list[str]:
        """Give the complete lines that were told."""
        content = self.acknowledged.read_text() if self.acknowledged.exists() else ""
        return content[: content.rfind("\n") + 1].splitlines()

    def lost(self) -> list[str]:
        """Give the acknowledgements whose record is not in its log at its index."""
        written = {log.origin: records(log) for log in find_logs(self.root)}
        lost = []
        for line in self.lines():
            if line.startswith("+"):
                _, log, index, record_id = line.split()
                found = written.get(log, [])
                if int(index) >= len(found) or found[int(index)]["record_id"] != record_id:
                    lost.append(line)
        return lost

    def unsound(self) -> list[str]:
        """Give what the auditor finds."""
        return [str(finding) for finding in audited(self.root).all_findings]

    def end(self) -> None:
        """Kill what still runs."""
        for driver in self.running:
            driver.kill()
            driver.communicate()


@pytest.fixture
def driven(tmp_path: Path) -> Iterator[Driven]:
    """Give a place for drivers, and end them."""
    place = Driven(tmp_path)
    yield place
    place.end()


@BOTH
@ROUNDS
def test_killing_a_process_at_any_instant_loses_nothing(driven: Driven, durability: str, seed: int) -> None:
    """After each kill under load every acknowledged record is in its place and every log is sound."""
    pauses = random.Random(seed)  # noqa: S311  # any instants will do
    for _ in range(ROUND):
        driver = driven.start("--durability", durability)
        driven.wait_for(1, "ready")
        time.sleep(pauses.uniform(0, 0.12))
        driver.kill()
        driver.wait()
        assert driven.lost() == []
        assert driven.unsound() == []
    assert sum(line.startswith("+") for line in driven.lines()) > ROUND
    assert audited(driven.root).status is Status.SOUND


@BOTH
@ROUNDS
def test_killing_one_of_two_workers_leaves_the_other_alone(
    driven: Driven, durability: str, seed: int
) -> None:
    """Two processes write logs of their own side by side; one dies and comes back, the other goes on."""
    driven.start("--durability", durability, "--worker", "1", "--records", "300")
    driven.wait_for(1, "ready")
    pauses = random.Random(seed)  # noqa: S311  # any instants will do
    for _ in range(ROUND // 2):
        driver = driven.start("--durability", durability, "--records", "300")
        driven.wait_for(1, "ready")
        time.sleep(pauses.uniform(0, 0.2))
        driver.kill()
        driver.wait()
    driven.wait_for(5, "+ acs/host/1/")
    for driver in driven.running:
        driver.kill()
        driver.wait()
    assert driven.lost() == []
    assert driven.unsound() == []
    driver = driven.start("--count", "8")
    assert driver.wait(20) == 0
    assert driven.unsound() == []


def test_a_log_that_is_being_written_verifies_at_any_moment(driven: Driven) -> None:
    """Auditing and reading beside writers, through rotations, finds nothing wrong and loses nothing."""
    for worker in ("0", "1"):
        driven.start("--worker", worker, "--records", "500", "--pause", "0.005")
        driven.wait_for(1, "ready")
    reader = AuditReader(driven.root)
    for _ in range(8):
        assert driven.unsound() == []
        for summary in reader.logs():
            if summary.size:
                receipt = reader.receipt(summary.log, summary.size - 1)
                assert receipt.verify(KEY.trust).size >= summary.size
    for driver in driven.running:
        driver.terminate()
        assert driver.wait(20) == 0
    assert driven.lost() == []
    assert driven.unsound() == []


def strace(inject: str, *options: str) -> tuple[str, ...]:
    """Give the command that lets strace tamper with the writes of a process, counted in each thread."""
    needed(shutil.which("strace"), "strace")
    return ("strace", *options, "-qq", "-e", "trace=write", "-e", f"inject=write:{inject}", "-o", os.devnull)


@pytest.mark.parametrize("at", range(1, 9))
def test_a_kill_before_any_write_of_a_commit_loses_nothing(driven: Driven, at: int) -> None:
    """Killed before each write in turn, records or checkpoint, the log ends at the commit before."""
    driver = driven.start("--tasks", "1", under=strace(f"signal=KILL:when={at}", "-f"))
    driver.wait(20)
    assert driver.returncode != 0
    assert driven.lost() == []
    assert driven.unsound() == []
    assert driven.start("--count", "3", "--tasks", "1").wait(20) == 0
    assert driven.lost() == []
    assert driven.unsound() == []


def test_records_whose_checkpoint_was_never_written_are_moved_aside(driven: Driven) -> None:
    """Killed between the two writes of a commit, the records behind the end are kept elsewhere."""
    for at in range(1, 7):
        driver = driven.start("--tasks", "1", under=strace(f"signal=KILL:when={at}", "-f"))
        driver.wait(20)
    assert driven.start("--count", "1").wait(20) == 0
    torn = [path for log in find_logs(driven.root) for path in log.torn()]
    assert len(torn) >= 2
    named = records(newest(driven.root))[0]["details"]["predecessors"]
    digests = {one["log"]: one["torn"][0]["file"] for one in named if "torn" in one}
    assert digests == {"/".join(path.parts[-5:-1]): path.name for path in torn}
    assert driven.lost() == []
    assert driven.unsound() == []


@BOTH
@pytest.mark.parametrize("at", [1, 2, 5, 6])
def test_a_write_that_fails_anywhere_is_taken_back(driven: Driven, at: int, durability: str) -> None:
    """When a write finds the disk full, those of its commit are refused, and it goes on later."""
    driver = driven.start(
        *("--durability", durability, "--count", "400"),
        # With `write`, commits are the main thread's; with `fsync`, those of a thread of their own.
        under=strace(f"error=ENOSPC:when={at}", *(["-f"] if durability == "fsync" else [])),
    )
    assert driver.wait(60) == 0
    refusals = [line for line in driven.lines() if line.startswith("-")]
    assert set(refusals) <= {"- the audit log cannot be written: No space left on device"}
    assert driven.lost() == []
    assert driven.unsound() == []
    accounted = [
        record["details"].get("denials", 0)
        for log in find_logs(driven.root)
        for record in records(log)
        if record["event"] in {"audit_resumed", "log_closed"}
    ]
    assert sum(accounted) == len(refusals)
    assert refusals


def test_both_syncs_come_before_the_answer(driven: Driven, tmp_path: Path) -> None:
    """With `fsync`: records written and synced, then the checkpoint written and synced, then the answer."""
    needed(shutil.which("strace"), "strace")
    trace = tmp_path / "trace"
    watch = ("strace", "-f", "-qq", "-y", "-e", "trace=write,writev,fdatasync", "-o", str(trace))
    driver = driven.start("--durability", "fsync", "--tasks", "1", "--count", "5", under=watch)
    assert driver.wait(60) == 0
    call = re.compile(r"(write|writev|fdatasync)\(\d+<[^>]*/(records|checkpoints|acknowledged)")
    calls = [match for line in trace.read_text().splitlines() if (match := call.search(line))]
    steps = [f"{match[1]} {match[2]}" for match in calls]
    commit = ["write records", "fdatasync records", "write checkpoints", "fdatasync checkpoints"]
    opened = [*commit, "writev acknowledged"]
    assert steps == [*opened, *([*commit, "writev acknowledged"] * 5), *commit]


@pytest.mark.parametrize("closed", ["", "records-0000000000.jsonl"], ids=["directory", "records"])
def test_a_log_that_may_not_be_read_is_damaged_and_keeps_nobody_from_starting(
    driven: Driven, closed: str
) -> None:
    """A log of another owner is named as damaged by the next, which goes on without it."""
    needed(os.geteuid() == 0 and shutil.which("setpriv"), "root, and setpriv to give up what it may read")
    assert driven.start("--count", "3").wait(20) == 0
    (log,) = find_logs(driven.root)
    path = log.path / closed
    mode = path.stat().st_mode
    path.chmod(0)
    powerless = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--")
    assert driven.start("--count", "3", under=powerless).wait(20) == 0
    path.chmod(mode)
    named = records(newest(driven.root))[0]["details"]["predecessors"]
    assert [(one["log"], one["state"]) for one in named] == [(log.origin, "damaged")]
    assert driven.lost() == []
    assert driven.unsound() == []


def test_lost_permission_denies_and_comes_back(driven: Driven) -> None:
    """When the directory may not be written any more the log is refused; it goes on when it may be."""
    needed(os.geteuid() == 0, "root, to give it up")
    for path in (driven.root.parent, *driven.root.parent.parents):
        if not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o001)
        if path.name.startswith("pytest-of"):
            break
    driven.acknowledged.touch()
    for path in (driven.root, driven.key, driven.acknowledged):
        os.chown(path, NOBODY, NOBODY)
    driver = driven.start("--user", str(NOBODY), "--tasks", "2")
    driven.wait_for(20, "+")
    (log,) = find_logs(driven.root)
    log.path.chmod(0o500)
    driven.wait_for(5, "-")
    log.path.chmod(0o750)
    driven.wait_for(20, "+")
    driver.terminate()
    assert driver.wait(20) == 0
    refusals = [line for line in driven.lines() if line.startswith("-")]
    assert set(refusals) == {"- the audit log cannot be written: Permission denied"}
    resumed = [one["details"] for one in records(log) if one["event"] == "audit_resumed"]
    assert sum(one["denials"] for one in resumed) == len(refusals)
    assert driven.lost() == []
    assert driven.unsound() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 400 KiB."""
    needed(os.geteuid() == 0, "root, to mount a file system")
    mount = tmp_path / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(mount)], check=True)  # noqa: S607
    yield mount
    subprocess.run(["umount", str(mount)], check=True)  # noqa: S607


@BOTH
def test_a_full_disk_denies_and_comes_back(small_disk: Path, durability: str) -> None:
    """When the file system is full decisions are refused; they go on when there is room."""
    filler = small_disk / "filler"
    filler.write_bytes(bytes(300 * 1024))
    acknowledged: dict[int, str] = {}

    async def work(log: FileAuditLog) -> None:
        number = 0
        while (reason := await refused(log, number)) is None:
            number += 1
        assert reason == "the audit log cannot be written: No space left on device"
        assert number > 10
        filler.unlink()
        await until_available(log)
        for later in range(number + 1, number + 20):
            assert await refused(log, later) is None
            acknowledged[later] = f"agent-{later}"

    config = settings(small_disk / "audit", durability=Durability(durability))
    with_log(work, config)
    log: LogDirectory = newest(small_disk / "audit")
    events = [record["event"] for record in records(log)]
    assert events.count("audit_resumed") >= 1
    assert [record["agent_id"] for record in records(log)[-20:-1]] == list(acknowledged.values())
    assert [str(finding) for finding in audited(small_disk / "audit").all_findings] == []


def test_a_read_only_directory_is_unavailable_from_the_start(tmp_path: Path) -> None:
    """A file system that is mounted read-only makes the log unavailable; no start fails over it."""
    needed(os.geteuid() == 0, "root, to mount a file system")
    mount = tmp_path / "audit"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", str(mount)], check=True)  # noqa: S607

    async def work(log: FileAuditLog) -> None:
        assert log.failure == "the audit log cannot be written: Read-only file system"
        assert await refused(log, 1) == log.failure
        subprocess.run(["mount", "-o", "remount,rw", str(mount)], check=True)  # noqa: S607, ASYNC221
        await until_available(log)
        await log.append(entry(2))

    try:
        with_log(work, settings(mount))
        assert [one["event"] for one in records(newest(mount))] == [
            "log_opened",
            "audit_resumed",
            "decision",
            "log_closed",
        ]
        assert audited(mount).status is Status.SOUND
    finally:
        subprocess.run(["umount", str(mount)], check=True)  # noqa: S607
