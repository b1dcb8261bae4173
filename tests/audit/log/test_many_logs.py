"""An audit directory with more logs than a new one names (sections 4.2, 4.3)."""

import secrets
import shutil
import time
from pathlib import Path

import pytest

from acs_sidecar.audit.format.claims import NAMED_LOGS, opening_events
from acs_sidecar.audit.format.findings import Property
from acs_sidecar.audit.log import settled as settled_logs
from acs_sidecar.audit.log.directory import LogDirectory, find_logs
from acs_sidecar.audit.log.open_log import Durability, LogLimits, OpenLog
from acs_sidecar.audit.log.recovery import survey
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
    with_log,
)

RESTARTS = NAMED_LOGS + 4


def restarted(root: Path, times: int) -> None:
    """Start and stop the writer of a log so many times."""
    for _ in range(times):
        with_log(decisions(1), settings(root))


def crash(root: Path) -> LogDirectory:
    """Leave a log as a process leaves it that dies."""
    origin = f"acs/host/0/{secrets.token_hex(8)}"
    log = OpenLog(LogDirectory(root, origin), KEY.private, Durability.WRITE, LogLimits())
    log.commit([*opening_events(str(KEY.verifier_key(origin)), {}, []), entry()])
    log.close()
    return log.directory


def test_a_log_names_the_newest_and_one_hash(tmp_path: Path) -> None:
    """After many restarts the first record names 16 logs, counts the others, and the auditor agrees."""
    restarted(tmp_path, RESTARTS)
    details = records(newest(tmp_path))[0]["details"]
    assert len(details["predecessors"]) == NAMED_LOGS
    assert (details["number"], details["predecessors_total"]) == (RESTARTS, RESTARTS - 1)
    assert details["predecessors_older"]["count"] == RESTARTS - 1 - NAMED_LOGS
    assert sound(tmp_path) == []


def test_an_old_log_that_is_deleted_is_missed(tmp_path: Path) -> None:
    """The hash of the newest log tells that the oldest is gone."""
    restarted(tmp_path, RESTARTS)
    oldest = min(find_logs(tmp_path), key=lambda log: records(log)[0]["details"]["number"])
    shutil.rmtree(oldest.path)
    found = {(one.log, one.property) for one in audited(tmp_path).findings}
    assert (newest(tmp_path).origin, Property.CHAIN_COMPLETE) in found


def test_logs_of_an_earlier_version_stay_verifiable(tmp_path: Path) -> None:
    """Logs without a number are older than all that have one."""
    tmp_path.mkdir(exist_ok=True)
    for _ in range(RESTARTS):
        log = crash(tmp_path)
        ((_, segment),) = log.segments()
        assert b'"number":1' in segment.read_bytes()
    restarted(tmp_path, 2)
    assert sound(tmp_path) == []


def test_a_settled_log_is_not_examined_again(tmp_path: Path) -> None:
    """What was hashed and has nothing behind its end is recognised by its last record and its notes."""
    log = crash(tmp_path)
    assert settled_logs.settled(log, KEY.trust) is None
    survey(tmp_path, KEY.trust)
    found = settled_logs.settled(log, KEY.trust)
    assert found is not None
    assert (found.end.size, found.closed, found.examined) == (2, False, True)
    assert settled_logs.settled(log, OTHER_KEY.trust) is None


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("records-0000000000.jsonl", b'{"index":2}\n'),
        ("records-0000000000.jsonl", b"{"),
        ("records-0000000002.jsonl", b'{"index":2}\n'),
        ("checkpoints-0000000000", b"acs/host"),
        ("checkpoints-0000000002", b"x"),
        ("checkpoint", b"x"),
        ("examined", b"x"),
        ("torn-2", b"x"),
        (".checkpoint.17", b"x"),
    ],
)
def test_a_log_with_other_bytes_is_not_settled(tmp_path: Path, file: str, content: bytes) -> None:
    """Whatever a crash or somebody else left sends the log to its examination."""
    log = crash(tmp_path)
    survey(tmp_path, KEY.trust)
    with (log.path / file).open("ab") as changed:
        changed.write(content)
    assert settled_logs.settled(log, KEY.trust) is None


@pytest.mark.slow
def test_two_thousand_logs_delay_no_start(tmp_path: Path) -> None:
    """A start beside 2,000 logs takes less than a look at each signature twice, and its log 16 KiB."""
    for _ in range(2_000):
        crash(tmp_path)
    survey(tmp_path, KEY.trust)
    one = next(iter(find_logs(tmp_path)))
    started = time.process_time()
    for _ in range(200):
        settled_logs.settled(one, KEY.trust)
    look = (time.process_time() - started) / 200
    started = time.process_time()
    restarted(tmp_path, 1)
    assert time.process_time() - started < 4 * 2_000 * look + 1
    log = newest(tmp_path)
    assert sum(path.stat().st_size for _, path in log.segments()) < 16_384
