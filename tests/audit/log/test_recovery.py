"""What a start makes of the logs that it finds (section 4.3)."""

import asyncio
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from acs_sidecar.audit.format.checkpoint import Checkpoint, sign_checkpoint, split_notes
from acs_sidecar.audit.format.claims import LogState, opening_events
from acs_sidecar.audit.format.findings import Status
from acs_sidecar.audit.format.merkle import EMPTY_ROOT
from acs_sidecar.audit.format.note import NoteSigner
from acs_sidecar.audit.log import recovery as audit_recovery
from acs_sidecar.audit.log.directory import MAX_CHECKPOINTS_BYTES, LogDirectory, find_logs
from acs_sidecar.audit.log.keys import AuditKey
from acs_sidecar.audit.log.open_log import Durability, LogLimits, OpenLog
from acs_sidecar.audit.log.opening import AuditDamagedError
from acs_sidecar.audit.log.recovery import Survey, examine_fully, survey
from acs_sidecar.audit.log.writer import FileAuditLog
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

ORIGIN = "acs/host/0/0123456789abcdef"


def crashed(root: Path, count: int = 5, limits: LogLimits | None = None) -> LogDirectory:
    """Leave a log as a process leaves it that dies: never closed, the published checkpoint behind."""
    root.mkdir(exist_ok=True)
    log = OpenLog(LogDirectory(root, ORIGIN), KEY.private, Durability.WRITE, limits or LogLimits())
    log.commit(opening_events(str(KEY.verifier_key(ORIGIN)), {}, []))
    log.publish(log.checkpoint)
    for number in range(count):
        log.commit([entry(number)])
    log.close()
    return log.directory


def append(path: Path, content: bytes) -> None:
    """Append to a file."""
    with path.open("ab") as file:
        file.write(content)


def opened(root: Path) -> dict[str, object]:
    """Open and close a log, and give what its first record names of the crashed one."""
    with_log(decisions(1), settings(root))
    named = records(newest(root))[0]["details"]["predecessors"]
    return next(one for one in named if one["log"] == ORIGIN)


def test_a_crashed_log_ends_at_its_largest_checkpoint(tmp_path: Path) -> None:
    """The published checkpoint may be behind: the kept one is the end, and is published then."""
    log = crashed(tmp_path)
    named = opened(tmp_path)
    assert (named["state"], named["size"]) == ("crashed", 6)
    assert "torn" not in named
    ((_, path),) = log.checkpoint_files()
    assert log.published() == list(split_notes(path.read_bytes()))[-1][1]
    assert sound(tmp_path) == []


def test_a_restart_changes_nothing_that_was_promised(tmp_path: Path) -> None:
    """The records and checkpoints of a log that ended stay byte for byte what they were."""
    log = crashed(tmp_path)
    files = [path for _, path in (*log.segments(), *log.checkpoint_files())]
    before = [path.read_bytes() for path in files]
    for _ in range(2):
        opened(tmp_path)
    assert [path.read_bytes() for path in files] == before


@pytest.mark.parametrize(
    "torn",
    [b'{"agent_id"', b'{"complete":"line"}\n', b'{"complete":"line"}\n{"and":"more'],
    ids=["half a line", "a line", "both"],
)
def test_records_behind_the_end_are_moved_aside(tmp_path: Path, torn: bytes) -> None:
    """Bytes that no checkpoint covers are kept elsewhere, unsigned, and the new log has their digest."""
    log = crashed(tmp_path)
    ((_, segment),) = log.segments()
    whole = segment.read_bytes()
    append(segment, torn)
    named = opened(tmp_path)
    assert segment.read_bytes() == whole
    assert (log.path / "torn-6").read_bytes() == torn
    digest = f"sha256:{hashlib.sha256(torn).hexdigest()}"
    assert named["torn"] == [{"file": "torn-6", "bytes": len(torn), "sha256": digest}]
    assert sound(tmp_path) == []


def test_half_a_checkpoint_is_moved_aside(tmp_path: Path) -> None:
    """A checkpoint that was being written covers nothing; its records go with it."""
    log = crashed(tmp_path)
    ((_, segment),), ((_, checkpoints),) = log.segments(), log.checkpoint_files()
    note = sign_checkpoint(Checkpoint(ORIGIN, 7, EMPTY_ROOT), NoteSigner(ORIGIN, KEY.private))
    append(segment, b'{"complete":"line"}\n')
    append(checkpoints, note[:-1])
    named = opened(tmp_path)
    torn = named["torn"]
    assert isinstance(torn, list)
    assert [one["file"] for one in torn] == ["torn-6", "torn-6.checkpoint"]
    assert (log.path / "torn-6.checkpoint").read_bytes() == note[:-1]
    assert sound(tmp_path) == []


def test_a_segment_behind_the_end_is_moved_aside(tmp_path: Path) -> None:
    """A segment that was begun and never signed is moved aside with what was in it."""
    log = crashed(tmp_path)
    append(log.segment(6), b'{"complete":"line"}\n')
    append(log.checkpoints(6), b"")
    opened(tmp_path)
    assert log.segment(6).read_bytes() == b""
    assert (log.path / "torn-6").read_bytes() == b'{"complete":"line"}\n'
    assert sound(tmp_path) == []


def test_what_was_moved_aside_is_never_overwritten(tmp_path: Path) -> None:
    """A second find gets another name, and both are named."""
    log = crashed(tmp_path)
    for content in (b"one", b"two"):
        append(log.segments()[0][1], content)
        named = opened(tmp_path)
    assert [(log.path / name).read_bytes() for name in ("torn-6", "torn-6-2")] == [b"one", b"two"]
    torn = named["torn"]
    assert isinstance(torn, list)
    assert [one["file"] for one in torn] == ["torn-6", "torn-6-2"]


@pytest.mark.parametrize(("forged", "key"), [(ORIGIN, OTHER_KEY), ("acs/host/0/other", KEY)])
def test_a_forged_checkpoint_signs_nothing(tmp_path: Path, forged: str, key: AuditKey) -> None:
    """Records with a checkpoint by another key, or of another log, are moved aside like any others."""
    log = crashed(tmp_path)
    ((_, segment),), ((_, checkpoints),) = log.segments(), log.checkpoint_files()
    line = b'{"forged":true}\n'
    append(segment, line)
    append(checkpoints, sign_checkpoint(Checkpoint(forged, 7, EMPTY_ROOT), NoteSigner(ORIGIN, key.private)))
    named = opened(tmp_path)
    assert (named["state"], named["size"]) == ("crashed", 6)
    assert (log.path / "torn-6").read_bytes() == line
    assert sound(tmp_path) == []


def test_a_log_that_died_at_birth_is_empty(tmp_path: Path) -> None:
    """A log without a checkpoint promised nothing."""
    root = tmp_path
    OpenLog(LogDirectory(root, ORIGIN), KEY.private, Durability.WRITE, LogLimits()).close()
    append(LogDirectory(root, ORIGIN).segment(0), b"half")
    named = opened(root)
    assert (named["state"], named["size"]) == ("crashed", 0)
    assert (root / ORIGIN / "torn-0").read_bytes() == b"half"
    assert sound(root) == []


HOLE = 200 * 1024**3


def test_a_hole_behind_the_signed_end_is_not_copied(tmp_path: Path) -> None:
    """A start reads nothing of a file that is longer than a crash leaves it, and reports the log as damaged."""
    log = crashed(tmp_path)
    ((_, segment),) = log.segments()
    signed = segment.stat().st_size
    os.truncate(segment, signed + HOLE)
    (damage,) = look(tmp_path).damage
    assert damage.detail == f"{HOLE} bytes follow its signed end, more than a crash leaves"
    assert (segment.stat().st_size, log.torn()) == (signed + HOLE, [])


def test_a_hole_in_what_was_moved_aside_is_not_hashed(tmp_path: Path) -> None:
    """A start hashes no more of a torn file than can have been moved there."""
    log = crashed(tmp_path)
    ((_, segment),) = log.segments()
    append(segment, b"half")
    assert look(tmp_path).damage == ()
    os.truncate(log.path / "torn-6", HOLE)
    (damage,) = look(tmp_path).damage
    assert damage.detail == f"`torn-6` has {HOLE} bytes, more than was moved aside"


def test_verification_reads_nothing_of_a_hole_behind_the_signed_end(tmp_path: Path) -> None:
    """What no checkpoint covers is counted by the length of the file, for holes, segments and growing files."""
    log = crashed(tmp_path)
    ((_, segment),) = log.segments()
    os.truncate(segment, segment.stat().st_size + HOLE)
    log.segment(6).touch()
    os.truncate(log.segment(6), HOLE)
    (report,) = audited(tmp_path).logs.values()
    assert (report.status, report.size, report.pending_bytes) == (Status.SOUND, 6, 2 * HOLE)


def look(root: Path) -> Survey:
    """Survey an audit directory."""
    return survey(root, KEY.trust)


def contents(log: LogDirectory) -> dict[Path, str]:
    """Give a digest of every file of a log."""
    files = [path for path in log.path.iterdir() if path.is_file()]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def first_changed(log: LogDirectory) -> None:
    """Change a byte of the third record."""
    path = log.segments()[0][1]
    path.write_bytes(path.read_bytes().replace(b"agent-1", b"agent-x"))


def last_removed(log: LogDirectory) -> None:
    """Remove the last record."""
    path = log.segments()[0][1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def segment_removed(log: LogDirectory) -> None:
    """Remove the only segment."""
    log.segments()[0][1].unlink()


def signed_by_another(log: LogDirectory) -> None:
    """Sign the checkpoints with another key."""
    note = sign_checkpoint(Checkpoint(ORIGIN, 6, EMPTY_ROOT), NoteSigner(ORIGIN, OTHER_KEY.private))
    log.checkpoint_files()[0][1].write_bytes(note)
    log.checkpoint.write_bytes(note)


def checkpoint_a_directory(log: LogDirectory) -> None:
    """Put a directory in the place of the published checkpoint."""
    log.checkpoint.unlink()
    log.checkpoint.mkdir()


def kept_cut_off(log: LogDirectory) -> None:
    """Publish the end, and cut what is kept off before it."""
    ((_, path),) = log.checkpoint_files()
    notes = [note for _, note in split_notes(path.read_bytes())]
    log.checkpoint.write_bytes(notes[-1])
    path.write_bytes(b"".join(notes[:-1]))


def last_replaced(log: LogDirectory) -> None:
    """Put the first record in the place of the last, in a log that was examined before."""
    look(log.root)
    path = log.segments()[0][1]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-1], lines[0]]))


def last_too_long(log: LogDirectory) -> None:
    """Stretch the last record of a log that was examined before."""
    look(log.root)
    path = log.segments()[0][1]
    path.write_bytes(path.read_bytes()[:-2] + b" " * 20_000 + b"}\n")


def checkpoints_too_many(log: LogDirectory) -> None:
    """Stretch the file of checkpoints, at no cost in blocks."""
    os.truncate(log.checkpoint_files()[0][1], MAX_CHECKPOINTS_BYTES + 1)


DAMAGE = pytest.mark.parametrize(
    ("damage", "detail", "size"),
    [
        (first_changed, "its 6 records do not hash to the root that was signed", 1),
        (last_removed, "record 5 is missing", 1),
        (segment_removed, "record 5 is missing", 1),
        (signed_by_another, "no checkpoint is signed by a trusted key", 0),
        (checkpoint_a_directory, "`checkpoint` is a directory", 0),
        (last_too_long, "record 5 has no end", 6),
        (kept_cut_off, "the published checkpoint is ahead of every stored checkpoint", 6),
        (last_replaced, "the last signed record, 5, is not in its place", 6),
        (checkpoints_too_many, "it cannot be read: File too large", 1),
    ],
)


@DAMAGE
def test_a_damaged_log_is_left_alone_and_named(
    tmp_path: Path, damage: Callable[[LogDirectory], None], detail: str, size: int
) -> None:
    """A log that does not match its checkpoints is not touched; the new log starts and names it."""
    log = crashed(tmp_path)
    damage(log)
    append(log.checkpoint_files()[0][1], b"something torn")
    before = contents(log)
    seen: list[tuple[str, str]] = []

    async def work(running: FileAuditLog) -> None:
        seen.extend((one.log, one.detail) for one in running.damage)
        await running.append(entry())

    with_log(work, settings(tmp_path))
    assert seen == [(ORIGIN, detail)]
    assert contents(log) == before
    (named,) = records(newest(tmp_path))[0]["details"]["predecessors"]
    assert (named["state"], named["size"]) == ("damaged", size)


def pipe(path: Path) -> None:
    """Put a pipe that nobody writes to."""
    os.mkfifo(path)


def endless(path: Path) -> None:
    """Put a link to what never ends."""
    path.symlink_to("/dev/zero")


def dangling(path: Path) -> None:
    """Put a link to nothing."""
    path.symlink_to(path.parent / "nowhere")


def device(path: Path) -> None:
    """Put a device that never ends."""
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))


@pytest.mark.parametrize("put", [pipe, endless, dangling, device])
@pytest.mark.parametrize(
    "name", ["checkpoint", "examined", "torn-6", "tile/0/000.p/6", "checkpoints-0000000006", ".checkpoint.1"]
)
def test_what_is_no_file_is_none_of_the_logs(tmp_path: Path, name: str, put: Callable[[Path], None]) -> None:
    """Links, pipes and devices under the names of a log's files are neither followed nor waited for."""
    log = crashed(tmp_path)
    look(tmp_path)
    append(log.segments()[0][1], b"torn")
    path = log.path / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path)
    assert opened(tmp_path)["state"] == "crashed"
    assert [one.read_bytes() for one in log.torn()] == [b"torn"]
    assert sound(tmp_path) == []
    path.unlink(missing_ok=True)
    put(path)
    assert sound(tmp_path) == []


@pytest.mark.parametrize("name", [".checkpoint.1", "torn-6", "examined", "records-0000000000"])
def test_a_directory_in_a_log_keeps_no_service_from_starting(tmp_path: Path, name: str) -> None:
    """Directories under the names of files are passed over."""
    log = crashed(tmp_path)
    append(log.segments()[0][1], b"torn")
    (log.path / name).mkdir()
    assert opened(tmp_path)["state"] == "crashed"
    assert sound(tmp_path) == []


@pytest.mark.parametrize("published", [True, False])
def test_a_broken_checkpoint_before_the_end_cuts_nothing_off(tmp_path: Path, published: bool) -> None:
    """What was done to a checkpoint in the middle is the auditor's to name: those behind it stay."""
    log = crashed(tmp_path)
    if not published:
        log.checkpoint.unlink()
    ((_, path),) = log.checkpoint_files()
    broken = path.read_bytes().replace(b"\n4\n", b"\n04\n", 1)
    path.write_bytes(broken)
    assert opened(tmp_path)["size"] == 6
    assert (path.read_bytes(), log.torn()) == (broken, [])
    (found,) = sound(tmp_path)
    assert found.startswith(f"{ORIGIN}: checkpoint-form at index 3: ")


def test_a_second_order_of_checkpoints_cuts_nothing_off(tmp_path: Path) -> None:
    """The largest signed checkpoint is the end wherever in its file it is: no promised record is moved."""
    log = crashed(tmp_path)
    log.checkpoint.unlink()
    ((_, path),), ((_, segment),) = log.checkpoint_files(), log.segments()
    notes = [note for _, note in split_notes(path.read_bytes())]
    path.write_bytes(b"".join([*notes[:-2], notes[-1], notes[-2]]))
    before = segment.read_bytes()
    assert opened(tmp_path)["size"] == 6
    assert segment.read_bytes() == before
    assert log.torn() == []


@DAMAGE
def test_a_start_can_be_refused_over_damage(
    tmp_path: Path, damage: Callable[[LogDirectory], None], detail: str, size: int
) -> None:
    """Where it is asked for, no log is opened beside a damaged one."""
    damage(crashed(tmp_path))

    async def run() -> None:
        log = FileAuditLog(settings(tmp_path, refuse_on_damage=True), KEY)
        try:
            await log.start()
        finally:
            await log.close()

    with pytest.raises(AuditDamagedError) as refusal:
        asyncio.run(run())
    assert str(refusal.value) == f"the audit log `{ORIGIN}` is damaged: {detail}"
    assert len(find_logs(tmp_path)) == 1


def test_a_log_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was hashed before is not hashed again: the next start is quick, and the auditor is for the rest."""
    log = crashed(tmp_path)
    look(tmp_path)
    first_changed(log)
    assert look(tmp_path).damage == ()
    assert sound(tmp_path) != []
    (log.path / "examined").write_bytes(b"of another checkpoint")
    assert [one.log for one in look(tmp_path).damage] == [ORIGIN]


def test_a_long_log_whose_tiles_do_not_agree_is_hashed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a long log that seems whole is left for later."""
    monkeypatch.setattr(audit_recovery, "BACKGROUND_BYTES", 1)
    first_changed(crashed(tmp_path, 600))
    found = look(tmp_path)
    assert ([one.log for one in found.damage], found.unexamined) == ([ORIGIN], ())


def test_a_long_log_is_hashed_while_the_service_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a long log is found at once; a record changed in its middle is found afterwards, and recorded."""
    monkeypatch.setattr(audit_recovery, "BACKGROUND_BYTES", 1)
    log = crashed(tmp_path, 600)
    look(tmp_path)
    (log.path / "examined").unlink(missing_ok=True)
    with_log(decisions(1), settings(tmp_path))
    (log.path / "examined").unlink(missing_ok=True)
    first_changed(log)
    found = look(tmp_path)
    assert [one.origin for one in found.unexamined if one.origin == ORIGIN] == [ORIGIN]

    async def work(running: FileAuditLog) -> None:
        for _ in range(500):
            if running.damage:
                break
            await asyncio.sleep(0.01)
        await running.append(entry())

    with_log(work, settings(tmp_path))
    details = [record["details"] for record in records(newest(tmp_path)) if record["event"] == "log_damaged"]
    assert details == [{"log": ORIGIN, "detail": "its 601 records do not hash to the root that was signed"}]


@pytest.mark.parametrize("name", ["0/000", "0/001", "0/002.p/89", "1/000.p/2"])
def test_damaged_tiles_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Tiles are a cache: where they are wrong, the records decide."""
    log = crashed(tmp_path, 600)
    look(tmp_path)
    tile = log.path / "tile" / name
    good = tile.read_bytes()
    tile.write_bytes(bytes(len(good)))
    (log.path / "examined").unlink()
    monkeypatch.setattr(audit_recovery, "BACKGROUND_BYTES", 1)
    found = look(tmp_path)
    assert found.damage == ()
    for directory in found.unexamined:
        examine_fully(directory, KEY.trust)
    assert tile.read_bytes() == good


def test_a_log_that_is_held_is_left_alone(tmp_path: Path) -> None:
    """What another process writes is named as open, with what it has published and signed."""
    log = OpenLog(LogDirectory(tmp_path, ORIGIN), KEY.private, Durability.WRITE, LogLimits())
    log.commit([entry(), entry()])
    log.publish(log.checkpoint)
    log.commit([entry()])
    segment = log.directory.segment(0)
    append(segment, b"half a line")
    (found,) = look(tmp_path).predecessors
    assert (found.log, found.state, found.size) == (ORIGIN, LogState.OPEN, 2)
    assert segment.read_bytes().endswith(b"half a line")
    log.close()


def test_what_a_held_log_publishes_unsigned_is_not_repeated(tmp_path: Path) -> None:
    """A checkpoint by another key in a directory that somebody holds gets no signature through ours."""
    log = OpenLog(LogDirectory(tmp_path, ORIGIN), OTHER_KEY.private, Durability.WRITE, LogLimits())
    log.commit([entry(), entry()])
    log.publish(log.checkpoint)
    (found,) = look(tmp_path).predecessors
    assert (found.size, found.root) == (0, EMPTY_ROOT)
    log.close()


def test_only_logs_are_looked_at(tmp_path: Path) -> None:
    """Files, links and directories of other names in the audit directory are passed over."""
    crashed(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "acs" / "host" / "0" / "bad name").mkdir()
    (tmp_path / "acs" / "host" / "link").symlink_to(tmp_path / "acs" / "host" / "0")
    os.mkfifo(tmp_path / ORIGIN / "records-0000000009.jsonl")
    assert [log.origin for log in find_logs(tmp_path)] == [ORIGIN]
    assert look(tmp_path).damage == ()


def test_leftovers_of_a_replacement_are_removed(tmp_path: Path) -> None:
    """What a process left that died while it replaced a file is no part of the log."""
    log = crashed(tmp_path)
    (log.path / ".checkpoint.4711").write_bytes(b"half")
    look(tmp_path)
    assert not (log.path / ".checkpoint.4711").exists()
