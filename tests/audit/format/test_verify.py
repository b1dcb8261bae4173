"""The auditor: what it accepts, and every manipulation of records that it names (section 4.5)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import orjson
import pytest

from acs_sidecar.audit.format import verify
from acs_sidecar.audit.format.checkpoint import Checkpoint, sign_checkpoint
from acs_sidecar.audit.format.findings import Property, Status
from acs_sidecar.audit.format.merkle import EMPTY_ROOT
from acs_sidecar.audit.format.note import NoteSigner
from acs_sidecar.audit.format.record import rfc3339
from acs_sidecar.audit.format.verify import audit_log
from tests.audit.format.logs import KEY, LOG, OTHER_KEY, START, TRUST, Builder, MemoryLog
from tests.audit.format.verified import a_log, audit, detail, findings


def test_a_sound_log_is_sound() -> None:
    """An untouched log has no findings; its report says how far it goes."""
    report = audit_log(a_log().close().build(), TRUST).report
    assert (report.status, report.size, report.checkpoints, report.closed) == (Status.SOUND, 14, 8, True)
    assert (report.first_time, report.last_time) == (rfc3339(START + 1000), rfc3339(START + 14_000))
    assert (report.time_backward, report.pending_bytes) == (None, 0)


def test_segments_are_one_log() -> None:
    """The tree runs over all segments, and lines may end anywhere in what is read at once."""
    log = a_log().rotate().decide(3).rotate().decide(1).build()
    for chunk in (1, 7, 300, 100_000):
        assert findings(replace(log, chunk=chunk)) == []


def test_thinned_checkpoints_suffice() -> None:
    """Checkpoints between may be missing: the others cover their records."""
    log = a_log().build()
    assert findings(log.with_notes([log.notes()[2], log.notes()[-1]], log.checkpoint)) == []


def test_what_follows_the_last_checkpoint_is_pending() -> None:
    """Records and a checkpoint that are being written are not unsound: nobody was told of them."""
    log = a_log().build()
    more = a_log(7).build()
    growing = replace(
        log,
        records=[(0, more.records[0][1] + b'{"agent')],
        checkpoints=[(0, log.checkpoints[0][1] + more.notes()[-1][:-1])],
    )
    report = audit_log(growing, TRUST).report
    assert (report.status, report.size) == (Status.SOUND, 13)
    assert report.pending_bytes == len(growing.records[0][1]) - len(log.records[0][1])


@pytest.mark.parametrize("chunk", [1000, 100_000])
def test_whatever_follows_the_last_checkpoint_is_pending(chunk: int) -> None:
    """What was never signed is counted and not read, however long and whatever it is."""
    log = a_log().build()
    behind = b"\0" * 50_000 + b"\n[]\n" + b"x" * 70_000
    grown = replace(log, records=[(0, log.records[0][1] + behind), (13, b"{}\n")], chunk=chunk)
    report = audit_log(grown, TRUST).report
    assert (report.status, report.pending_bytes) == (Status.SOUND, len(behind) + 3)


def test_a_signed_size_of_nothing_is_no_log() -> None:
    """A checkpoint over no record proves none: published it vouches for nothing, kept it is out of order."""
    nothing = sign_checkpoint(Checkpoint(LOG, 0, EMPTY_ROOT), NoteSigner(LOG, KEY))
    empty = MemoryLog(LOG, [(0, b"")], [(0, b"")], nothing)
    assert audit(empty).status is Status.UNKNOWN
    assert findings(replace(a_log().build(), checkpoint=nothing)) == []
    assert findings(MemoryLog(LOG, [], [(0, nothing)], None)) == [(Property.CHECKPOINT_ORDER, 0)]
    forked = sign_checkpoint(Checkpoint(LOG, 0, bytes(32)), NoteSigner(LOG, KEY))
    assert findings(replace(a_log().build(), checkpoint=forked)) == [(Property.CHECKPOINT_ROOT, None)]


def test_an_enormous_size_is_a_claim_like_any_other() -> None:
    """A checkpoint for more records than there can be is judged by its signature, then by the records."""
    log = a_log().build()
    for key, found in ((OTHER_KEY, Property.CHECKPOINT_SIGNATURE), (KEY, Property.RECORD_PRESENT)):
        note = sign_checkpoint(Checkpoint(LOG, 10**18, EMPTY_ROOT), NoteSigner(LOG, key))
        assert findings(log.with_notes([*log.notes(), note], log.checkpoint)) == [(found, 13)]


def test_records_without_any_checkpoint_tell_nothing() -> None:
    """A log with records and no checkpoint is neither sound nor unsound."""
    log = a_log().build()
    report = audit_log(log.with_notes([], None), TRUST).report
    assert (report.status, report.unknown) == (
        Status.UNKNOWN,
        "there are records but no checkpoint covers any",
    )


Mutation = Callable[[list[bytes]], list[bytes]]


def changed(line: bytes) -> bytes:
    """Change one character of a record without breaking its form."""
    return line.replace(b'"deny"', b'"dena"')


def altered(line: bytes, **members: object) -> bytes:
    """Give a record other members, in canonical form."""
    return orjson.dumps({**orjson.loads(line), **members}, option=orjson.OPT_SORT_KEYS)


NESTED = b'{"agent_id":' + b"[" * 300 + b"]" * 300 + b"}"
NESTED_MORE = b'{"agent_id":' + b"[" * 8000 + b"]" * 8000 + b"}"


@pytest.mark.parametrize(
    ("mutate", "found"),
    [
        (lambda lines: [*lines[:4], changed(lines[4]), *lines[5:]], (Property.CHECKPOINT_ROOT, 4)),
        (lambda lines: [*lines[:4], lines[4][:-1], *lines[5:]], (Property.RECORD_FORM, 4)),
        (lambda lines: [*lines[:4], lines[4] + b" ", *lines[5:]], (Property.RECORD_FORM, 4)),
        (lambda lines: [*lines[:4], b'{"index":4,' + lines[4][1:], *lines[5:]], (Property.RECORD_FORM, 4)),
        (lambda lines: [*lines[:4], b"[]", *lines[5:]], (Property.RECORD_FORM, 4)),
        (lambda lines: [*lines[:4], lines[4] + b"\r", *lines[5:]], (Property.RECORD_FORM, 4)),
        (lambda lines: [*lines[:4], lines[4] + b"\0", *lines[5:]], (Property.RECORD_FORM, 4)),
        (lambda lines: [*lines[:4], lines[4] + lines[4], *lines[5:]], (Property.RECORD_FORM, 4)),
        (lambda lines: [*lines[:4], b"", *lines[4:]], (Property.RECORD_FORM, 4)),
        (lambda lines: [*lines[:4], b"\xff", *lines[5:]], (Property.RECORD_FORM, 4)),
        (lambda lines: [*lines[:4], NESTED, *lines[5:]], (Property.RECORD_FORM, 4)),
        (lambda lines: [*lines[:4], NESTED_MORE, *lines[5:]], (Property.RECORD_FORM, 4)),
        (lambda lines: [*lines[:4], b"x" * 20_000, *lines[5:]], (Property.RECORD_FORM, 4)),
        (lambda lines: [*lines[:4], b"x" * 3_000_000, *lines[5:]], (Property.RECORD_FORM, 4)),
        (
            lambda lines: [*lines[:4], altered(lines[4], event=["decision"]), *lines[5:]],
            (Property.RECORD_FORM, 4),
        ),
        (lambda lines: [altered(lines[0], event=["log_opened"]), *lines[1:]], (Property.LOG_OPENED, 0)),
        (lambda lines: [altered(lines[0], event={}), *lines[1:]], (Property.LOG_OPENED, 0)),
        (lambda lines: [*lines[:4], altered(lines[4], time=7), *lines[5:]], (Property.RECORD_FORM, 4)),
        (lambda lines: [*lines[:4], altered(lines[4], index=4.0), *lines[5:]], (Property.RECORD_INDEX, 4)),
        (lambda lines: [lines[0], altered(lines[1], index=True), *lines[2:]], (Property.RECORD_INDEX, 1)),
        (lambda lines: [*lines[:4], altered(lines[4], index=-4), *lines[5:]], (Property.RECORD_INDEX, 4)),
        (
            lambda lines: [*lines[:4], altered(lines[4], index=2**64 - 1), *lines[5:]],
            (Property.RECORD_INDEX, 4),
        ),
        (lambda lines: [*lines[:4], *lines[5:]], (Property.RECORD_INDEX, 4)),
        (lambda lines: lines[1:], (Property.RECORD_INDEX, 0)),
        (lambda lines: [*lines[:4], lines[4], *lines[4:]], (Property.RECORD_INDEX, 5)),
        (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], (Property.RECORD_INDEX, 4)),
        (lambda lines: [*lines[:4], altered(lines[5], index=4), *lines[5:]], (Property.CHECKPOINT_ROOT, 4)),
        (lambda lines: lines[:-1], (Property.RECORD_PRESENT, 12)),
        (lambda lines: lines[:-2], (Property.RECORD_PRESENT, 11)),
        (lambda _: [], (Property.RECORD_PRESENT, 0)),
    ],
    ids=[
        "changed",
        "cut short",
        "with a space",
        "with a member twice",
        "no object",
        "with CRLF",
        "with NUL",
        "twice on one line",
        "empty line put before it",
        "not UTF-8",
        "nested deeper than can be written",
        "nested deeper than can be read",
        "too long",
        "far too long",
        "event no text",
        "first event no text",
        "first event an object",
        "time no text",
        "index with a fraction",
        "index true",
        "index negative",
        "index enormous",
        "removed",
        "first removed",
        "duplicated",
        "swapped",
        "replaced by another, renumbered",
        "last removed",
        "last two removed",
        "all removed",
    ],
)
def test_a_manipulated_record_is_named(mutate: Mutation, found: tuple[Property, int]) -> None:
    """Whatever is done to the records, the property that fails is named with the index."""
    log = a_log().build()
    assert findings(log.with_lines(mutate(log.lines()))) == [found]


def test_a_changed_record_is_named_by_range_when_the_tiles_do_not_tell() -> None:
    """Without tiles, the first record that could be meant is named, and how far it reaches."""
    log = a_log().build()
    lines = log.lines()
    lines[4] = changed(lines[4])
    without = replace(log.with_lines(lines), leaves=None)
    assert findings(without) == [(Property.CHECKPOINT_ROOT, 3)]
    assert detail(without) == "the records from here to 4 do not hash to the root that was signed for 5"


def test_a_changed_record_far_from_any_checkpoint_is_named_by_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: where too many records share one checkpoint, the range of them is named."""
    monkeypatch.setattr(verify, "_MOST_LOCATED", 5 * 32)
    log = a_log().build()
    lines = log.lines()
    lines[4] = changed(lines[4])
    for last, found in ((2, 4), (3, 1)):
        sparse = log.with_lines(lines).with_notes([log.notes()[0], *log.notes()[last:]], log.checkpoint)
        assert findings(sparse) == [(Property.CHECKPOINT_ROOT, found)]


def test_tiles_are_not_taken_on_trust() -> None:
    """Tiles that agree with manipulated records hide nothing, and tiles that are wrong accuse nobody."""
    log = a_log().build()
    lines = log.lines()
    lines[4] = changed(lines[4])
    builder = Builder().rotate()
    for line in lines:
        builder.add_line(line)
    adapted = replace(log.with_lines(lines), leaves=b"".join(builder.leaves))
    assert findings(adapted) == [(Property.CHECKPOINT_ROOT, 3)]
    assert findings(replace(log, leaves=bytes(len(log.leaves or b"")))) == []


def test_a_missing_segment_is_named() -> None:
    """A segment that is gone leaves a gap at its first index."""
    log = a_log(2).rotate().decide(3).rotate().decide(1).build()
    gap = replace(log, records=[log.records[0], log.records[2]])
    assert findings(gap) == [(Property.RECORD_PRESENT, 5)]
    assert detail(gap) == "the next segment begins at index 8"


def test_a_segment_cut_within_a_record_is_named() -> None:
    """A segment that ends within a record is no place for the next to begin."""
    log = a_log(2).rotate().decide(3).build()
    first, content = log.records[0]
    cut = replace(log, records=[(first, content[:-5]), log.records[1]])
    assert findings(cut) == [(Property.RECORD_PRESENT, 4)]
    assert detail(cut) == "the segment ends within this record"


@pytest.mark.parametrize(
    ("kept", "named", "found"),
    [(5, 8, 5), (4, 9, 4), (8, 5, 8), (6, 5, 6)],
    ids=["gap to the end", "gap past the end", "records doubled at the end", "records doubled"],
)
def test_a_segment_out_of_its_place_is_named(kept: int, named: int, found: int) -> None:
    """A segment begins where the one before it ends, even when nothing that was signed is missing."""
    log = a_log(2).rotate().decide(3).build()
    lines = [line + b"\n" for line in log.lines()]
    moved = replace(log, records=[(0, b"".join(lines[:kept])), (named, b"".join(lines[5:]))])
    assert findings(moved) == [(Property.RECORD_PRESENT, found)]
    assert detail(moved) == f"the next segment begins at index {named}"


class Endless(MemoryLog):
    """A log whose first segment is one line without end."""

    def segments(self) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Give chunks of it, and fail whoever reads all of them into memory."""
        yield 0, (b"x" * 1000 if number < 1000 else pytest.fail("read on") for number in count())


def test_a_line_without_end_is_not_read_to_its_end() -> None:
    """What is longer than a record can be is given up on, however long it is."""
    log = a_log().build()
    endless = Endless(log.origin, log.records, log.checkpoints, log.checkpoint)
    report = audit(endless)
    assert [(one.property, one.index, one.detail) for one in report.all_findings] == [
        (Property.RECORD_FORM, 0, "the record exceeds 16384 bytes")
    ]


def test_a_record_that_is_too_long_is_named_whoever_signed_it() -> None:
    """A record keeps its bound: readers rely on it."""
    builder = a_log()
    line = altered(builder.build().lines()[-1], index=13, agent_id="x" * 16_384)
    builder.add_line(line)
    log = replace(builder.commit().build(), chunk=100_000)
    assert findings(log) == [(Property.RECORD_FORM, 13)]
    assert detail(log) == "the record exceeds 16384 bytes"
