"""The writer of the audit log: grouping, rotation, failures, durability (section 4.2)."""

import asyncio
import fcntl
import itertools
import os
from pathlib import Path

import pytest

from acs_sidecar.audit.format.checkpoint import Checkpoint, split_notes
from acs_sidecar.audit.format.findings import Status
from acs_sidecar.audit.format.note import SignedNote
from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent
from acs_sidecar.audit.log.directory import find_logs
from acs_sidecar.audit.log.open_log import Durability, LogLimits
from acs_sidecar.audit.log.writer import FileAuditLog
from tests.audit.log.durabilities import BOTH
from tests.audit.log.logs import (
    KEY,
    OTHER_KEY,
    audited,
    decisions,
    entry,
    newest,
    records,
    settings,
    sound,
    until,
    with_log,
)


def sizes(content: bytes) -> list[int]:
    """Give the sizes that the checkpoints in a file state."""
    return [Checkpoint.parse(SignedNote.parse(note).text).size for _, note in split_notes(content)]


@BOTH
def test_every_record_is_where_its_position_says(tmp_path: Path, durability: Durability) -> None:
    """Each append gives the log, index and ID under which its record is found; the log is sound."""
    positions: dict[int, AuditPosition] = {}

    async def work(log: FileAuditLog) -> None:
        async def one(number: int) -> None:
            positions[number] = await log.append(entry(number))

        await asyncio.gather(*(one(number) for number in range(50)))
        for number in range(50, 60):
            await one(number)

    with_log(work, settings(tmp_path, durability=durability))
    (log,) = find_logs(tmp_path)
    written = records(log)
    for number, position in positions.items():
        record = written[position.index]
        assert (position.log, record["log"]) == (log.origin, log.origin)
        assert (record["index"], record["record_id"]) == (position.index, position.record_id)
        assert record["agent_id"] == f"agent-{number}"
    assert sorted(position.index for position in positions.values()) == list(range(1, 61))
    assert sound(tmp_path) == []


def test_records_that_become_ready_together_share_a_signature(tmp_path: Path) -> None:
    """Sixteen tasks that append in one turn of the loop have one checkpoint."""
    seen: list[int] = []

    async def work(log: FileAuditLog) -> None:
        before = log.checkpoints
        await asyncio.gather(*(log.append(entry(number)) for number in range(16)))
        seen.append(log.checkpoints - before)

    with_log(work, settings(tmp_path))
    assert seen == [1]
    ((_, path),) = find_logs(tmp_path)[0].checkpoint_files()
    assert sizes(path.read_bytes()) == [1, 17, 18]


def test_while_the_disk_works_the_next_group_forms(tmp_path: Path) -> None:
    """With `fsync`, records that arrive during a commit share the next one."""
    with_log(decisions(200, at_once=20), settings(tmp_path, durability=Durability.FSYNC))
    ((_, path),) = find_logs(tmp_path)[0].checkpoint_files()
    assert len(sizes(path.read_bytes())) < 60


def test_a_log_opens_and_closes_with_a_record(tmp_path: Path) -> None:
    """The first record has the verifier key, what was configured, and the predecessors; the last is the end."""
    with_log(decisions(1), settings(tmp_path, facts={"version": "1.2.3"}))
    (log,) = find_logs(tmp_path)
    opened, _, closed = records(log)
    assert opened["event"] == "log_opened"
    assert opened["details"] == {
        "version": "1.2.3",
        "durability": "write",
        "vkey": str(KEY.verifier_key(log.origin)),
        "number": 1,
        "predecessors": [],
        "predecessors_total": 0,
    }
    assert (closed["event"], closed["details"]) == ("log_closed", {"reason": "stopped"})


def test_an_origin_names_service_instance_worker_and_epoch(tmp_path: Path) -> None:
    """Each start has another epoch: nothing is ever appended to an old log."""
    for _ in range(2):
        with_log(decisions(1), settings(tmp_path))
    first, second = (log.origin for log in find_logs(tmp_path))
    assert first != second
    assert first.startswith("acs/host/0/")


def test_the_next_log_names_its_predecessors(tmp_path: Path) -> None:
    """A log names every log that is there, with size, root and state."""
    with_log(decisions(5), settings(tmp_path))
    (first,) = find_logs(tmp_path)
    with_log(decisions(1), settings(tmp_path))
    (named,) = records(newest(tmp_path))[0]["details"]["predecessors"]
    published = SignedNote.parse(first.published() or b"")
    root = published.text.split(b"\n")[2].decode()
    assert named == {"log": first.origin, "state": "closed", "size": 7, "root": root}


def test_the_lock_of_a_log_is_held_while_it_is_written(tmp_path: Path) -> None:
    """Another process can tell that a log is being written, and takes no lock on it."""
    held: list[bool] = []

    async def work(_: FileAuditLog) -> None:
        (log,) = find_logs(tmp_path)
        held.append(log.held())
        handle = os.open(log.path, os.O_RDONLY)
        try:
            with pytest.raises(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(handle)

    with_log(work, settings(tmp_path))
    held.append(find_logs(tmp_path)[0].held())
    assert held == [True, False]


def test_segments_rotate_by_size_at_a_commit(tmp_path: Path) -> None:
    """A segment that is long enough is followed by another; the tree runs through all of them."""
    with_log(decisions(60), settings(tmp_path, limits=LogLimits(segment_bytes=10_000)))
    (log,) = find_logs(tmp_path)
    segments = log.segments()
    assert len(segments) > 3
    assert [first for first, _ in log.checkpoint_files()] == [first for first, _ in segments]
    assert all(path.stat().st_size >= 10_000 for _, path in segments[:-1])
    assert sound(tmp_path) == []


def test_checkpoints_are_thinned_at_rotation(tmp_path: Path) -> None:
    """Of a segment that is left, one checkpoint a minute stays, and the last; of the current, every one."""
    with_log(decisions(60), settings(tmp_path, limits=LogLimits(segment_bytes=10_000)))
    (log,) = find_logs(tmp_path)
    files = log.checkpoint_files()
    for (_, path), (following, _) in itertools.pairwise(files):
        kept = sizes(path.read_bytes())
        assert kept[-1] == following
        assert len(kept) <= 3
    assert len(sizes(files[-1][1].read_bytes())) == 62 - files[-1][0]


def test_the_newest_checkpoint_is_published(tmp_path: Path) -> None:
    """The file `checkpoint` follows soon after a commit, and is the last one at the end."""

    async def work(log: FileAuditLog) -> None:
        await decisions(5)(log)
        (directory,) = find_logs(tmp_path)
        await until(lambda: sizes(directory.published() or b"") == [6])

    with_log(work, settings(tmp_path))
    assert sizes(find_logs(tmp_path)[0].published() or b"") == [7]


def test_checkpoints_are_announced(tmp_path: Path) -> None:
    """Regularly and at the end, the newest checkpoint goes to whoever keeps it elsewhere."""
    announced: list[bytes] = []

    async def work(log: FileAuditLog) -> None:
        await decisions(3)(log)
        await until(lambda: [sizes(note) for note in announced][-1:] == [[4]])

    with_log(work, settings(tmp_path, announce_seconds=0.05), announced=announced)
    assert sizes(announced[-1]) == [5]


def test_a_log_is_followed_by_another_when_it_is_full(tmp_path: Path) -> None:
    """After its last record the log closes and the next opens; no append fails meanwhile."""

    appended = itertools.count()

    async def work(log: FileAuditLog) -> None:
        while len(find_logs(tmp_path)) < 4:
            await asyncio.gather(*(log.append(entry(next(appended))) for _ in range(20)))
            await asyncio.sleep(0.001)

    with_log(work, settings(tmp_path, limits=LogLimits(records=40)))
    logs = sorted(find_logs(tmp_path), key=lambda log: records(log)[0]["record_id"])
    assert [records(log)[-1]["details"] for log in logs[:-1]] == [{"reason": "rotated"}] * (len(logs) - 1)
    decided = [record for log in logs for record in records(log) if record["event"] == "decision"]
    assert sorted(int(record["agent_id"][6:]) for record in decided) == list(range(next(appended)))
    last = {one["log"]: one["state"] for one in records(logs[-1])[0]["details"]["predecessors"]}
    assert last == {log.origin: "closed" for log in logs[:-1]}
    assert sound(tmp_path) == []


def test_a_log_is_followed_by_another_when_it_is_old(tmp_path: Path) -> None:
    """Age alone lets a log be followed by the next, at a commit."""

    async def work(log: FileAuditLog) -> None:
        await asyncio.sleep(0.05)
        await log.append(entry())
        await until(lambda: len(find_logs(tmp_path)) == 2)

    with_log(work, settings(tmp_path, limits=LogLimits(seconds=0.05)))
    assert sound(tmp_path) == []


@BOTH
def test_a_rotated_key_ends_the_log_under_both_keys(tmp_path: Path, durability: Durability) -> None:
    """The last checkpoint carries the old and the new signature; the next log is under the new key alone."""

    async def work(log: FileAuditLog) -> None:
        await decisions(3)(log)
        await log.rotate_key(OTHER_KEY)
        assert log.key.public == OTHER_KEY.public
        await decisions(3)(log)

    with_log(work, settings(tmp_path, durability=durability))
    logs = sorted(find_logs(tmp_path), key=lambda log: records(log)[0]["record_id"])
    before, after = logs
    keys = [before.published() or b"", after.published() or b""]
    assert [len(SignedNote.parse(note).signatures) for note in keys] == [2, 1]
    rotated, closed = records(before)[-2:]
    assert rotated["details"] == {"vkey": str(OTHER_KEY.verifier_key(before.origin))}
    assert (rotated["event"], closed["details"]) == ("key_rotated", {"reason": "key rotated"})
    assert sound(tmp_path, OTHER_KEY.succeed(KEY)) == []
    assert audited(tmp_path, KEY).logs[before.origin].status is Status.SOUND
    assert audited(tmp_path, KEY).logs[after.origin].status is Status.UNSOUND


def test_events_of_the_service_are_records_too(tmp_path: Path) -> None:
    """What happens to the service is recorded like a decision."""

    async def work(log: FileAuditLog) -> None:
        await log.append(ServiceEvent("manifests_reloaded", {"loaded": 2}))

    with_log(work, settings(tmp_path))
    record = records(find_logs(tmp_path)[0])[1]
    assert (record["event"], record["details"]) == ("manifests_reloaded", {"loaded": 2})


def test_a_caller_that_gives_up_does_not_stop_its_group(tmp_path: Path) -> None:
    """A request that is cancelled while its record waits leaves the others of its group alone."""

    async def work(log: FileAuditLog) -> None:
        tasks = [asyncio.ensure_future(log.append(entry(number))) for number in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(result, AuditPosition) for result in results] == [True, False, True]

    with_log(work, settings(tmp_path))
    assert sound(tmp_path) == []


def test_rotations_at_once_follow_one_another(tmp_path: Path) -> None:
    """Two rotations that were asked for at the same time make a chain in which no log is missing."""

    async def work(log: FileAuditLog) -> None:
        await log.append(entry(1))
        await asyncio.gather(log.rotate_key(OTHER_KEY), log.rotate_key(KEY), log.append(entry(2)))
        assert log.key.public == KEY.public
        await log.append(entry(3))

    with_log(work, settings(tmp_path))
    logs = sorted(find_logs(tmp_path), key=lambda log: records(log)[0]["record_id"])
    named = [[one["log"] for one in records(log)[0]["details"]["predecessors"]] for log in logs]
    assert [len(names) for names in named] == [0, 1, 2]
    assert sound(tmp_path, OTHER_KEY.succeed(KEY)) == []


def test_counts_what_it_does(tmp_path: Path) -> None:
    """Each commit is told with its records and its time; the counters are their sum."""
    commits: list[tuple[int, float]] = []

    async def work() -> None:
        log = FileAuditLog(
            settings(tmp_path), KEY, committed=lambda records, took: commits.append((records, took))
        )
        await log.start()
        await asyncio.gather(*(log.append(entry(number)) for number in range(9)))
        assert (log.records, log.checkpoints, log.queued) == (10, 2, 0)
        await log.close()

    asyncio.run(work())
    assert [records for records, _ in commits] == [1, 9, 1]
    assert all(0 < seconds < 1 for _, seconds in commits)


def test_nothing_is_shown_before_it_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a commit waits for the disk, the view of the log ends with the commit before."""
    real = os.fdatasync
    seen: list[int] = []
    shown: list[FileAuditLog] = []

    def fdatasync(handle: int) -> None:
        if shown and (view := shown[0].view()):
            seen.append(view.size)
        real(handle)

    monkeypatch.setattr(os, "fdatasync", fdatasync)

    async def work(log: FileAuditLog) -> None:
        shown.append(log)
        await log.append(entry(1))
        view = log.view()
        assert view is not None
        assert view.size == 2
        shown.clear()

    with_log(work, settings(tmp_path, durability=Durability.FSYNC))
    assert seen == [1, 1]


def test_a_record_has_no_place_for_content(tmp_path: Path) -> None:
    """What a policy words freely is not in any file of the log."""
    canary = "a canary of a user"

    async def work(log: FileAuditLog) -> None:
        await log.append(AuditEntry("deny", canary, reason=canary, result_labels=(canary,)))

    with_log(work, settings(tmp_path))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if b"canary" in path.read_bytes()] == []
