"""Reading the audit log: lists, records, proofs, receipts, tiles (section 4.5)."""

import asyncio
from pathlib import Path

import orjson
import pytest

from acs_sidecar.audit.format.checkpoint import Checkpoint
from acs_sidecar.audit.format.claims import LogState
from acs_sidecar.audit.format.merkle import Frontier, leaf_hash, verify_consistency, verify_inclusion
from acs_sidecar.audit.format.note import SignedNote
from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.audit.format.tiles import Tile, TileHashes
from acs_sidecar.audit.log.directory import LogDirectory, find_logs
from acs_sidecar.audit.log.open_log import LogLimits
from acs_sidecar.audit.log.records import LogDamagedError, record_pieces
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.audit.read.reader import AuditReader, NotInLogError, UnknownLogError
from tests.audit.log.logs import KEY, decisions, entry, newest, settings, until, with_log

COUNT = 1500


def closed(root: Path, count: int = COUNT) -> LogDirectory:
    """Write a log of some segments and close it."""
    limits = LogLimits(segment_bytes=200_000)
    with_log(decisions(count, at_once=50), settings(root, limits=limits))
    return newest(root)


def lines(log: LogDirectory) -> list[bytes]:
    """Read every record of a log."""
    return b"".join(path.read_bytes() for _, path in log.segments()).split(b"\n")[:-1]


def roots(log: LogDirectory) -> list[bytes]:
    """Compute the root at every size of a log from its records."""
    frontier = Frontier()
    found = [frontier.root()]
    for line in lines(log):
        frontier.append(leaf_hash(line))
        found.append(frontier.root())
    return found


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> LogDirectory:
    """Give one closed log to read."""
    return closed(tmp_path_factory.mktemp("audit"))


def test_lists_every_log(tmp_path: Path) -> None:
    """Closed, crashed, damaged and open logs are listed with key, state, size and time."""
    first = closed(tmp_path, 3)
    (tmp_path / "acs/host/1/empty").mkdir(parents=True)

    async def work(running: FileAuditLog) -> None:
        await running.append(entry())
        current_log = newest(tmp_path)
        await until(lambda: current_log.published_size() == 2)
        listed = {one.log: one for one in AuditReader(tmp_path).logs(frozenset({"acs/host/1/empty"}))}
        last = orjson.loads(lines(first)[-1])
        assert listed[first.origin].as_json() == {
            "log": first.origin,
            "vkey": str(KEY.verifier_key(first.origin)),
            "state": "closed",
            "size": 5,
            "last_time": last["time"],
        }
        assert running.origin is not None
        current = listed[running.origin]
        assert (current.state, current.size) == (LogState.OPEN, 2)
        empty = listed["acs/host/1/empty"]
        assert (empty.state, empty.size, empty.vkey, empty.last_time) == (LogState.DAMAGED, 0, None, None)

    with_log(work, settings(tmp_path))
    assert [one.state for one in AuditReader(tmp_path).logs()].count(LogState.CLOSED) == 2
    assert {one.log: one.state for one in AuditReader(tmp_path).logs()}[
        "acs/host/1/empty"
    ] == LogState.CRASHED


def test_gives_the_published_checkpoint(log: LogDirectory) -> None:
    """The checkpoint is the note as it was published."""
    assert AuditReader(log.root).checkpoint(log.origin) == log.published()


@pytest.mark.parametrize("index", [0, 1, 255, 256, 257, 700, COUNT, COUNT + 1])
def test_gives_records_byte_for_byte(log: LogDirectory, index: int) -> None:
    """A record is found in whatever segment it is."""
    assert AuditReader(log.root).record(log.origin, index) == lines(log)[index]


def test_finds_records_of_very_different_lengths(tmp_path: Path) -> None:
    """Bisection lands on the right line whatever the lengths are."""

    async def work(running: FileAuditLog) -> None:
        for number in range(400):
            text = "x" * (3900 if number % 7 == 0 else number % 50)
            await running.append(AuditEntry("allow", "input", evidence_artefact=text))

    with_log(work, settings(tmp_path))
    found = newest(tmp_path)
    reader = AuditReader(tmp_path)
    assert [reader.record(found.origin, index) for index in range(402)] == lines(found)


def test_gives_ranges_of_records(log: LogDirectory) -> None:
    """A range runs over segments, ends with the log, and is bounded."""
    reader = AuditReader(log.root)
    everything = lines(log)
    assert reader.records(log.origin, 0, 5000) == everything[:1000]
    assert reader.records(log.origin, 240, 300) == everything[240:540]
    assert reader.records(log.origin, COUNT, 10) == everything[COUNT:]
    assert reader.records(log.origin, COUNT + 2, 10) == []


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 1000, COUNT + 2])
def test_proves_inclusion(log: LogDirectory, size: int) -> None:
    """A proof leads from the record to the root of the tree of any size."""
    reader = AuditReader(log.root)
    root = roots(log)[size]
    for index in {0, size // 3, size - 1}:
        proof = reader.inclusion(log.origin, index, size)
        assert verify_inclusion(leaf_hash(lines(log)[index]), index, size, proof, root)


def test_proves_consistency(log: LogDirectory) -> None:
    """A proof leads from the root of any size to that of any later one."""
    reader = AuditReader(log.root)
    known = roots(log)
    for first, second in [(0, 5), (1, 2), (255, 256), (256, 1502), (700, 1200), (1502, 1502)]:
        proof = reader.consistency(log.origin, first, second)
        assert verify_consistency(first, second, known[first], known[second], proof)


@pytest.mark.parametrize("index", [0, 300, COUNT + 1])
def test_gives_receipts(log: LogDirectory, index: int) -> None:
    """A receipt verifies by itself, with the key alone."""
    receipt = AuditReader(log.root).receipt(log.origin, index)
    assert receipt.record == lines(log)[index]
    assert receipt.verify(KEY.trust).size == COUNT + 2


def test_a_receipt_covers_what_was_just_recorded(tmp_path: Path) -> None:
    """For its own log the process shows the last durable checkpoint, not the last published."""

    async def work(running: FileAuditLog) -> None:
        reader = AuditReader(tmp_path)
        for number in range(600):
            position = await running.append(entry(number))
            if number % 37 == 0:
                receipt = await asyncio.to_thread(
                    reader.receipt, position.log, position.index, running.view()
                )
                assert receipt.verify(KEY.trust).size == position.index + 1
        assert running.origin is not None
        with pytest.raises(NotInLogError, match=r"the log has \d+ records"):
            reader.receipt(running.origin, 601)

    with_log(work, settings(tmp_path, publish_seconds=60))


@pytest.mark.parametrize(
    ("path", "start", "width"),
    [("tile/0/000", 0, 256), ("tile/0/005.p/222", 1280, 222), ("tile/0/003.p/7", 768, 7)],
)
def test_serves_tiles_of_leaves(log: LogDirectory, path: str, start: int, width: int) -> None:
    """A tile of level 0 has the leaf hashes of its records, at whatever width the tree has had."""
    expected = b"".join(leaf_hash(line) for line in lines(log)[start : start + width])
    assert AuditReader(log.root).tile(log.origin, path) == expected


def test_serves_a_tree_that_others_can_rebuild(log: LogDirectory) -> None:
    """From the tiles alone a reader computes the signed root, and from the entries the leaves."""
    reader = AuditReader(log.root)
    checkpoint = Checkpoint.parse(SignedNote.parse(reader.checkpoint(log.origin)).text)

    def fetch(tile: Tile) -> bytes:
        return reader.tile(log.origin, tile.path)

    hashes = TileHashes(checkpoint.size, fetch)
    leaves = [hashes(0, index) for index in range(checkpoint.size)]
    assert leaves == [leaf_hash(line) for line in lines(log)]
    bundle = reader.tile(log.origin, "tile/entries/005.p/222")
    entries = []
    while bundle:
        length = int.from_bytes(bundle[:2])
        entries.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    assert entries == lines(log)[1280:]


def test_nothing_outside_is_served(tmp_path: Path) -> None:
    """A link in the place of a tile, or of a segment, does not show what it leads to."""
    log = closed(tmp_path, 600)
    secret = tmp_path / "secret"
    secret.write_bytes(b'{"index":0}\n' + b"s" * 8192)
    expected = b"".join(leaf_hash(line) for line in lines(log))
    for name in ("tile/0/000", "tile/0/002.p/90"):
        (log.path / name).unlink()
        (log.path / name).symlink_to(secret)
    reader = AuditReader(tmp_path)
    assert reader.tile(log.origin, "tile/0/000") == expected[: 256 * 32]
    assert reader.tile(log.origin, "tile/0/002.p/90") == expected[512 * 32 :]
    (_, segment) = log.segments()[0]
    segment.unlink()
    segment.symlink_to(secret)
    with pytest.raises(LogDamagedError, match="record 0 is missing"):
        reader.records(log.origin, 0, 1)


def test_pieces_have_the_lines_of_their_records(log: LogDirectory) -> None:
    """Whichever it begins and ends with, over the ends of segments too."""
    written, segments = lines(log), log.segments()
    assert len(segments) > 3
    ends = sorted({0, 1, 7, *(first + off for first, _ in segments[1:] for off in (-1, 0, 1)), len(written)})
    for start in ends:
        for end in (end for end in ends if end >= start):
            index = start
            for first, piece in record_pieces(segments, start, end):
                found = piece.splitlines()
                assert (first, found) == (index, written[index : index + len(found)])
                index += len(found)
            assert index == end


def test_long_lines_come_in_several_pieces(tmp_path: Path) -> None:
    """Each piece ends with a line and has at most 64 KiB."""
    path = tmp_path / "records-0000000000.jsonl"
    lines = [b'{"index":%d,"text":"%s"}\n' % (index, b"x" * (index * 1_999 % 16_000)) for index in range(99)]
    path.write_bytes(b"".join(lines))
    pieces = list(record_pieces([(0, path)], 2, 97))
    assert len(pieces) > 5
    assert b"".join(piece for _, piece in pieces) == b"".join(lines[2:97])
    assert all(len(piece) <= 1 << 16 and piece.startswith(b'{"index":%d,' % first) for first, piece in pieces)


def test_a_line_that_was_removed_is_missing(tmp_path: Path) -> None:
    """From anywhere between the records that are read."""
    log = closed(tmp_path, 200)
    ((_, path),) = log.segments()
    before = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*before[:90], *before[91:]]))
    with pytest.raises(LogDamagedError, match="record 149 is missing"):
        list(record_pieces(log.segments(), 10, 150))


def test_pieces_name_the_first_record_that_is_missing(tmp_path: Path) -> None:
    """At the end of a file that was cut off, in a segment that is gone, and behind the log."""
    log = closed(tmp_path)
    segments = log.segments()
    (first, cut), (gone, lost) = segments[1], segments[3]
    cut.write_bytes(b"".join(cut.read_bytes().splitlines(keepends=True)[:9])[:-1])
    lost.unlink()
    for start, end, missing in (
        (first, first + 20, first + 8),
        (0, first + 9, first + 8),
        (gone - 1, gone + 1, gone),
        (COUNT, COUNT + 3, COUNT + 2),
    ):
        with pytest.raises(LogDamagedError, match=f"record {missing} is missing"):
            list(record_pieces(log.segments(), start, end))


def test_pieces_read_no_more_than_its_records_can_be(tmp_path: Path) -> None:
    """A line without end is not read to its end."""
    log = closed(tmp_path, 200)
    ((_, path),) = log.segments()
    before = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*before[:20], b"x" * 800_000, *before[20:]]))
    with pytest.raises(LogDamagedError, match="record 20 is missing"):
        list(record_pieces(log.segments(), 0, 40))


def test_a_record_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    """What is longer than a record can be is given up on, however long it is."""
    log = closed(tmp_path, 200)
    ((_, path),) = log.segments()
    before = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*before[:20], b"x" * 200_000, *before[20:]]))
    with pytest.raises(LogDamagedError, match="record 20 exceeds 16384 bytes"):
        AuditReader(tmp_path).records(log.origin, 0, 100)


def test_what_cannot_be_read_is_listed_as_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that another user wrote for himself does not hide the others."""
    log = closed(tmp_path, 3)

    def refused(*_: object) -> bool:
        raise PermissionError

    monkeypatch.setattr(LogDirectory, "held", refused)
    (listed,) = AuditReader(tmp_path).logs()
    assert (listed.log, listed.state, listed.size) == (log.origin, LogState.DAMAGED, 5)


def test_tiles_that_are_missing_are_made_from_records(tmp_path: Path) -> None:
    """Without any tile on disk, everything can still be proven."""
    log = closed(tmp_path, 600)
    for path in sorted((log.path / "tile").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    reader = AuditReader(tmp_path)
    assert reader.receipt(log.origin, 5).verify(KEY.trust).size == 602
    assert verify_inclusion(
        leaf_hash(lines(log)[5]), 5, 300, reader.inclusion(log.origin, 5, 300), roots(log)[300]
    )


def test_tiles_that_are_wrong_prove_nothing(tmp_path: Path) -> None:
    """What a cache says is compared with the signature before it is handed out."""
    log = closed(tmp_path, 600)
    (log.path / "tile/0/000").write_bytes(bytes(8192))
    reader = AuditReader(tmp_path)
    with pytest.raises(LogDamagedError, match=r"record 5 of `.*` does not lead to the root that was signed"):
        reader.receipt(log.origin, 5)
    with pytest.raises(LogDamagedError, match=r"the tiles of `.*` do not lead"):
        reader.inclusion(log.origin, 5, 300)
    with pytest.raises(LogDamagedError, match=r"the tiles of `.*` do not lead"):
        reader.consistency(log.origin, 100, 300)


def test_a_record_that_was_changed_has_no_receipt(tmp_path: Path) -> None:
    """A record that is not the one that was signed is not vouched for."""
    log = closed(tmp_path, 10)
    path = log.segments()[0][1]
    path.write_bytes(path.read_bytes().replace(b"agent-5", b"agent-6"))
    with pytest.raises(LogDamagedError, match=r"record 6 of `.*` does not lead to the root that was signed"):
        AuditReader(tmp_path).receipt(log.origin, 6)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "acs",
        "acs/host/0/missing",
        "../../etc/passwd",
        "acs/host/0/..",
        "/etc",
        "acs/host/0/a/b",
        "acs/host/link/0",
    ],
)
def test_only_a_known_origin_is_a_log(tmp_path: Path, name: str) -> None:
    """A name that is not one of the logs is nothing, and is never followed."""
    closed(tmp_path, 1)
    (tmp_path / "acs/host/link").symlink_to(tmp_path / "acs/host")
    reader = AuditReader(tmp_path)
    for ask in (reader.checkpoint, lambda log: reader.records(log, 0, 1), lambda log: reader.tile(log, "x")):
        with pytest.raises(UnknownLogError, match="no such log"):
            ask(name)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda reader, log: reader.record(log, 7), "the log has 7 records"),
        (lambda reader, log: reader.record(log, -1), "the log has 7 records"),
        (lambda reader, log: reader.receipt(log, 7), "the log has 7 records"),
        (lambda reader, log: reader.records(log, -1, 5), "`start` must be 0 or more and `limit` 1 or more"),
        (lambda reader, log: reader.records(log, 0, 0), "`start` must be 0 or more and `limit` 1 or more"),
        (lambda reader, log: reader.inclusion(log, 7), "record 7 is not among the first 7"),
        (lambda reader, log: reader.inclusion(log, 5, 5), "record 5 is not among the first 5"),
        (lambda reader, log: reader.inclusion(log, 5, 8), "the log has 7 records"),
        (lambda reader, log: reader.consistency(log, 1, 8), "the log has 7 records"),
        (lambda reader, log: reader.consistency(log, 5, 4), "`from` must not be greater than `to`"),
        (lambda reader, log: reader.tile(log, "tile/0/000.p/8"), "the log has 7 records, too few for that"),
        (lambda reader, log: reader.tile(log, "tile/0/000"), "the log has 7 records, too few for that"),
        (lambda reader, log: reader.tile(log, "tile/1/000.p/1"), "the log has 7 records, too few for that"),
        (
            lambda reader, log: reader.tile(log, "tile/entries/000"),
            "the log has 7 records, too few for that",
        ),
        (
            lambda reader, log: reader.tile(log, "checkpoint"),
            "not the path of a tile or entry bundle",
        ),
    ],
)
def test_what_is_not_in_the_log_is_refused(tmp_path: Path, call: object, message: str) -> None:
    """Indexes and sizes past what may be shown have no answer."""
    log = closed(tmp_path, 5)
    assert callable(call)
    with pytest.raises(NotInLogError) as refusal:
        call(AuditReader(tmp_path), log.origin)
    assert str(refusal.value) == message


def test_a_log_without_a_checkpoint_shows_nothing(tmp_path: Path) -> None:
    """What no signature covers is not shown."""
    (tmp_path / "acs/host/0/empty").mkdir(parents=True)
    assert [log.origin for log in find_logs(tmp_path)] == ["acs/host/0/empty"]
    with pytest.raises(NotInLogError, match="the log has no checkpoint yet"):
        AuditReader(tmp_path).checkpoint("acs/host/0/empty")
