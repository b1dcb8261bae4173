"""The auditor: what it accepts, and every manipulation that it names (section 4.5)."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from acs_sidecar.audit.format import verify
from acs_sidecar.audit.format.chain import Anchor, anchors_in, audit_logs
from acs_sidecar.audit.format.checkpoint import Checkpoint, sign_checkpoint
from acs_sidecar.audit.format.claims import LogState, Predecessor, Torn, opening_events
from acs_sidecar.audit.format.findings import AuditFinding, Property, Report, Status
from acs_sidecar.audit.format.merkle import EMPTY_ROOT
from acs_sidecar.audit.format.note import NoteSigner, SignedNote
from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent, rfc3339
from acs_sidecar.audit.format.trust import Trust, TrustedKey
from acs_sidecar.audit.format.verify import audit_log
from acs_sidecar.spec.values import Json
from tests.audit.format.logs import KEY, LOG, OTHER_KEY, START, TRUST, Builder, MemoryLog

PUBLIC = KEY.public_key().public_bytes_raw()
OTHER_PUBLIC = OTHER_KEY.public_key().public_bytes_raw()


def a_log(commits: int = 6) -> Builder:
    """Build a log of some commits of two decisions each: index 0 opens it, 1 and 2 are the first commit."""
    builder = Builder().open()
    for _ in range(commits):
        builder.decide(2)
    return builder


def findings(log: MemoryLog, trust: Trust = TRUST) -> list[tuple[Property, int | None]]:
    """Audit one log and give which property failed where."""
    return [(one.property, one.index) for one in audit_log(log, trust).report.findings]


def detail(log: MemoryLog, trust: Trust = TRUST) -> str:
    """Audit one log and give what the only finding says."""
    (finding,) = audit_log(log, trust).report.findings
    return finding.detail


def audit(*logs: MemoryLog, anchors: list[bytes] | None = None, whole: bool = True) -> Report:
    """Audit a set of logs against anchors."""
    found, wrong = anchors_in(b"".join(anchors), "anchors", TRUST) if anchors else ([], [])
    assert wrong == []
    return audit_logs(logs, TRUST, found, whole)


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


def resigned(log: MemoryLog, position: int, checkpoint: Checkpoint, *signers: NoteSigner) -> MemoryLog:
    """Replace the checkpoint at a position."""
    notes = log.notes()
    notes[position] = sign_checkpoint(checkpoint, *signers)
    return log.with_notes(notes, log.checkpoint)


def checkpoint_of(log: MemoryLog, position: int) -> Checkpoint:
    """Read the checkpoint at a position."""
    return Checkpoint.parse(SignedNote.parse(log.notes()[position]).text)


def test_an_edited_checkpoint_is_named() -> None:
    """A checkpoint whose text or signature was changed does not verify."""
    log = a_log().build()
    notes = log.notes()
    notes[3] = notes[3].replace(b"\n7\n", b"\n6\n")
    assert findings(log.with_notes(notes, log.checkpoint)) == [(Property.CHECKPOINT_SIGNATURE, 5)]


def test_a_checkpoint_by_another_key_is_named() -> None:
    """A checkpoint that only an unknown key signed is not one of this log."""
    log = a_log().build()
    forged = resigned(log, 3, checkpoint_of(log, 3), NoteSigner(LOG, OTHER_KEY))
    assert findings(forged) == [(Property.CHECKPOINT_SIGNATURE, 5)]
    assert detail(forged).endswith("no trusted key signed it")


def test_a_checkpoint_under_another_name_is_named() -> None:
    """The key's name is the origin: the same key under another name vouches for another log."""
    log = a_log().build()
    renamed = resigned(log, 3, checkpoint_of(log, 3), NoteSigner("acs/host/1/bbbb", KEY))
    assert findings(renamed) == [(Property.CHECKPOINT_SIGNATURE, 5)]


def test_a_signed_checkpoint_with_another_root_is_named() -> None:
    """Even the key's holder cannot have a root that the records do not lead to."""
    log = a_log().build()
    forked = resigned(log, 3, replace(checkpoint_of(log, 3), root=EMPTY_ROOT), NoteSigner(LOG, KEY))
    assert findings(forked) == [(Property.CHECKPOINT_ROOT, 5)]


def test_a_published_checkpoint_of_another_tree_is_named() -> None:
    """The published checkpoint is one of the same tree."""
    log = a_log().build()
    other = sign_checkpoint(Checkpoint(LOG, 6, EMPTY_ROOT), NoteSigner(LOG, KEY))
    assert findings(replace(log, checkpoint=other)) == [(Property.CHECKPOINT_ROOT, None)]


def test_a_published_checkpoint_ahead_of_the_kept_ones_is_named() -> None:
    """What was published was kept before: a file of checkpoints was cut otherwise."""
    log = a_log().build()
    assert findings(log.with_notes(log.notes()[:-1], log.checkpoint)) == [(Property.CHECKPOINT_ORDER, 11)]


def test_a_broken_last_checkpoint_does_not_pass_as_unfinished() -> None:
    """Only the beginning of a checkpoint can be what a crash left."""
    log = a_log().build()
    garbage = log.checkpoints[0][1] + b"garbage\n"
    assert findings(replace(log, checkpoints=[(0, garbage)])) == [(Property.CHECKPOINT_FORM, 13)]


def test_checkpoints_out_of_order_are_named() -> None:
    """Checkpoints grow from one to the next."""
    log = a_log().build()
    notes = log.notes()
    notes[2], notes[3] = notes[3], notes[2]
    assert findings(log.with_notes(notes, log.checkpoint)) == [(Property.CHECKPOINT_ORDER, 7)]


def test_an_unfinished_checkpoint_before_others_is_named() -> None:
    """Only the last file can end within a checkpoint."""
    log = a_log(2).rotate().decide(3).build()
    first, content = log.checkpoints[0]
    cut = replace(log, checkpoints=[(first, content + LOG.encode()[:4]), log.checkpoints[1]])
    assert findings(cut) == [(Property.CHECKPOINT_FORM, 5)]
    assert detail(cut) == "checkpoints-0 ends within a checkpoint"


def test_files_of_another_log_are_named() -> None:
    """A log put in the place of another is recognised by its checkpoints, and by its records alone."""
    other = "acs/host/1/bbbb"
    relabelled = replace(a_log().build(), origin=other)
    assert findings(relabelled) == [(Property.CHECKPOINT_ORIGIN, None)]
    without_published = replace(relabelled, checkpoint=None)
    assert findings(without_published) == [(Property.CHECKPOINT_ORIGIN, 0)]
    moved = Builder(origin=other).rotate()
    for line in a_log().build().lines():
        moved.add_line(line)
    assert findings(moved.commit().build()) == [(Property.RECORD_LOG, 0)]


def test_a_log_begins_with_its_opening() -> None:
    """A log whose first record is not `log_opened` had its head cut off, by whoever signed it."""
    assert findings(Builder().decide(3).build()) == [(Property.LOG_OPENED, 0)]


def test_nothing_follows_a_clean_end() -> None:
    """A record behind `log_closed` was added by whoever signed it."""
    assert findings(a_log().close().decide().build()) == [(Property.LOG_CLOSED, 14)]


def test_a_backward_step_in_time_is_reported_and_is_not_unsound() -> None:
    """Order is the index; time is the host's claim."""
    builder = a_log()
    builder.time = START - 1_000_000
    report = audit_log(builder.decide(2).build(), TRUST).report
    assert (report.status, report.time_backward) == (Status.SOUND, 13)


def test_a_time_that_is_none_is_named() -> None:
    """A record carries a time in the one form."""
    builder = Builder().open()
    record = orjson.loads(builder.build().lines()[0])
    builder.add_line(
        orjson.dumps({**record, "index": 1, "event": "x", "time": "now"}, option=orjson.OPT_SORT_KEYS)
    )
    assert findings(builder.commit().build()) == [(Property.RECORD_FORM, 1)]


def test_a_key_is_trusted_up_to_its_end() -> None:
    """A retired key vouches for what was recorded before its end, and for nothing after."""
    log = a_log().build()
    assert findings(log, Trust((TrustedKey(PUBLIC, until=rfc3339(START + 13_000)),))) == []
    ended = Trust((TrustedKey(PUBLIC, until=rfc3339(START + 12_999)),))
    assert findings(log, ended) == [(Property.CHECKPOINT_SIGNATURE, 12)]
    assert detail(log, ended) == "signed by a key after it expired"


@pytest.mark.parametrize("ends", [(None, 12_999), (12_999, None), (12_999, 20_000), (20_000, 12_999)])
def test_a_key_that_is_trusted_twice_ends_at_its_earlier_end(ends: tuple[int | None, int | None]) -> None:
    """Which of two entries for one key comes first does not decide how long it is trusted."""
    keys = [TrustedKey(PUBLIC, until=None if end is None else rfc3339(START + end)) for end in ends]
    assert findings(a_log().build(), Trust(keys)) == [(Property.CHECKPOINT_SIGNATURE, 12)]


def test_a_key_is_trusted_for_its_scope() -> None:
    """A key named as the service is trusted for all its logs, one named as a log for that log."""
    log = a_log().build()
    for scope in ("acs", "acs/host", LOG):
        assert findings(log, Trust((TrustedKey(PUBLIC, scope),))) == []
    for scope in ("ac", "acs/hos", "other", f"{LOG}/x"):
        assert findings(log, Trust((TrustedKey(PUBLIC, scope),))) == [(Property.CHECKPOINT_SIGNATURE, None)]


def test_a_rotated_key_signs_the_end_of_its_predecessors_log() -> None:
    """The last checkpoint carries both signatures: it verifies under the old key and the new."""
    builder = a_log()
    builder.commit(ServiceEvent("log_closed"), cosigner=OTHER_KEY)
    log = builder.build()
    assert findings(log) == []
    both = Trust((*TRUST.keys, TrustedKey(OTHER_PUBLIC)))
    assert findings(log, both) == []
    only_last = log.with_notes([log.notes()[-1]], log.checkpoint)
    assert findings(only_last, Trust((TrustedKey(OTHER_PUBLIC),))) == []


# The chain of logs

SECOND = "acs/host/0/bbbb"


def named(log: MemoryLog, state: LogState, builder: Builder) -> Predecessor:
    """Name a log as it was found."""
    return Predecessor(log.origin, state, builder.frontier.size, builder.frontier.root())


def test_a_chain_of_logs_is_sound() -> None:
    """A log that names its predecessor as it is agrees with it."""
    first = a_log().close()
    second = Builder(SECOND).open([named(first.build(), LogState.CLOSED, first)])
    assert audit(first.build(), second.build()).status is Status.SOUND


def test_a_missing_log_of_the_chain_is_named() -> None:
    """A log that another names and that is not there was deleted; its deletion by the service is recorded."""
    first = a_log().close()
    second = Builder(SECOND).open([named(first.build(), LogState.CLOSED, first)])
    report = audit(second.build())
    assert report.all_findings == (
        AuditFinding(
            LOG,
            Property.CHAIN_COMPLETE,
            None,
            f"missing: `{SECOND}` names it at index 0 with 14 records, closed",
        ),
    )
    assert audit(second.build(), whole=False).status is Status.SOUND
    second.commit(ServiceEvent("log_pruned", {"log": LOG}))
    assert audit(second.build()).status is Status.SOUND


def test_a_deletion_is_excused_by_a_key_that_is_trusted_for_the_log() -> None:
    """Whoever holds the key of one service cannot excuse that the logs of another are gone."""
    first = a_log().close()
    second = Builder(SECOND).open([named(first.build(), LogState.CLOSED, first)])
    foreign = (
        Builder("other/host/0/cccc", key=OTHER_KEY).open().commit(ServiceEvent("log_pruned", {"log": LOG}))
    )
    scoped = Trust((TrustedKey(PUBLIC, "acs"), TrustedKey(OTHER_PUBLIC, "other")))
    anchors = [Anchor(Checkpoint(LOG, 14, first.frontier.root()), "outside")]
    report = audit_logs([second.build(), foreign.build()], scoped, anchors)
    assert [(one.log, one.property) for one in report.all_findings] == [
        (LOG, Property.CHAIN_COMPLETE),
        (LOG, Property.ANCHOR_COMPLETE),
    ]
    silent = Trust((TrustedKey(PUBLIC), TrustedKey(OTHER_PUBLIC, "other")))
    assert len(audit_logs([second.build(), foreign.build()], silent, anchors).all_findings) == 2
    both = Trust((*scoped.keys, TrustedKey(OTHER_PUBLIC, "acs")))
    assert audit_logs([second.build(), foreign.build()], both, anchors).all_findings == ()


def test_one_log_is_not_judged_by_another_copy_of_it() -> None:
    """Two sources of one log would hide what was done to one of them: the caller must tell them apart."""
    log = a_log().build()
    with pytest.raises(ValueError, match="the same log was given twice"):
        audit(log.with_lines(log.lines()[:-1]), log)


def test_a_predecessor_that_was_cut_off_is_named() -> None:
    """A tail cut off together with its checkpoints is missing to the log that named it."""
    first = a_log()
    second = Builder(SECOND).open([named(first.build(), LogState.CRASHED, first)])
    report = audit(a_log(5).build(), second.build())
    assert [(one.log, one.property, one.index) for one in report.all_findings] == [
        (LOG, Property.CHAIN_COMPLETE, 11)
    ]


def test_a_log_that_had_no_records_may_be_gone() -> None:
    """A log that was begun and given up again is not missed: nobody was promised anything."""
    second = Builder(SECOND).open([Predecessor(LOG, LogState.OPEN, 0, EMPTY_ROOT)])
    assert audit(second.build()).status is Status.SOUND


@pytest.mark.parametrize("state", [LogState.CRASHED, LogState.CLOSED])
def test_a_predecessor_that_was_written_on_is_named(state: LogState) -> None:
    """A log that ended gets no more records, even by whoever has the key."""
    first = a_log()
    second = Builder(SECOND).open([named(first.build(), state, first)])
    report = audit(a_log(7).build(), second.build())
    assert [(one.log, one.property, one.index) for one in report.all_findings] == [
        (LOG, Property.CHAIN_CONSISTENT, 13)
    ]


def test_a_predecessor_that_was_replaced_is_named() -> None:
    """Another log of the same name and size has another root."""
    first = a_log()
    second = Builder(SECOND).open([named(first.build(), LogState.CRASHED, first)])
    replaced = Builder().open().commit(*(AuditEntry("allow", "input") for _ in range(12)))
    report = audit(replaced.build(), second.build())
    assert [(one.log, one.property, one.index) for one in report.all_findings] == [
        (LOG, Property.CHAIN_CONSISTENT, None)
    ]


def test_a_log_that_was_open_may_have_grown() -> None:
    """A sibling that was being written is held to what it was then, and no further."""
    first = a_log(5)
    second = Builder(SECOND).open([named(first.build(), LogState.OPEN, first)])
    assert audit(a_log(7).build(), second.build()).status is Status.SOUND


@pytest.mark.parametrize(
    "members",
    [
        {"size": True},
        {"size": "14"},
        {"size": 14.0},
        {"root": "x"},
        {"root": "AAAA"},
        {"root": 7},
        {"log": ["x"]},
        {"state": None},
    ],
    ids=str,
)
def test_what_names_no_log_is_no_claim(members: dict[str, Json]) -> None:
    """A predecessor of another form claims nothing, and stops no audit."""
    (whole,) = Predecessor(LOG, LogState.CLOSED, 14, EMPTY_ROOT).as_json()
    named: list[Json] = [[{**whole, **members}], [7, None, []], "x", None]
    for predecessors in named:
        event = ServiceEvent("log_opened", {"predecessors": predecessors})
        assert audit(Builder(SECOND).commit(event).build()).status is Status.SOUND


def test_names_every_one_of_many_predecessors() -> None:
    """Predecessors that do not fit the first record continue in the next, and all are held to it."""
    many = [Predecessor(f"acs/host/{n}/aaaa", LogState.OPEN, 5, EMPTY_ROOT) for n in range(300)]
    builder = Builder(SECOND).open(many)
    lines = [orjson.loads(line) for line in builder.build().lines()]
    assert lines[0]["details"]["predecessors_total"] == 300
    assert {line["event"] for line in lines[1:]} == {"log_predecessors"}
    assert [one["log"] for line in lines for one in line["details"]["predecessors"]] == [
        one.log for one in many
    ]
    assert {one.log for one in audit(builder.build()).all_findings} == {one.log for one in many}


def test_names_a_predecessor_whatever_was_moved_aside_of_it() -> None:
    """Files without number behind a log's end cannot crowd its name out of the chain."""
    torn = tuple(Torn(f"torn-5-{number}" + "0" * 200, number, "sha256:" + "0" * 64) for number in range(1000))
    builder = Builder(SECOND).open([Predecessor(LOG, LogState.CRASHED, 5, EMPTY_ROOT, torn)])
    details = [orjson.loads(line)["details"] for line in builder.build().lines()]
    named_files = [one["file"] for page in details for named in page["predecessors"] for one in named["torn"]]
    assert named_files == [one.file for one in torn]
    assert details[0]["predecessors_total"] == 1
    assert {one.log for one in audit(builder.build()).all_findings} == {LOG}


# Anchors


def test_an_anchored_log_is_anchored() -> None:
    """A log that agrees with a checkpoint from outside is reported as anchored, and so are those it names."""
    first = a_log().close()
    second = Builder(SECOND).open([named(first.build(), LogState.CLOSED, first)]).decide()
    report = audit(first.build(), second.build(), anchors=[second.newest])
    assert (report.status, report.anchored) == (Status.SOUND, True)
    assert [log.anchored for log in report.logs.values()] == [14, 2]
    assert audit(first.build(), second.build()).anchored is False


def test_a_log_that_was_named_before_it_had_records_is_not_anchored() -> None:
    """That nothing of a log is vouched for does not count as an anchor of it."""
    first = a_log()
    second = Builder(SECOND).open([Predecessor(LOG, LogState.OPEN, 0, EMPTY_ROOT)]).decide()
    report = audit(first.build(), second.build(), anchors=[second.newest])
    assert (report.status, report.anchored) == (Status.SOUND, False)
    assert [log.anchored for log in report.logs.values()] == [None, 2]


def test_an_anchor_vouches_for_what_was_named_before_it() -> None:
    """A log that is named behind the anchored part, or that is unsound, is not anchored by that."""
    first = a_log().close()
    second = Builder(SECOND).open().decide()
    anchor = second.newest
    (late,) = opening_events("", {}, [named(first.build(), LogState.CLOSED, first)])
    second.commit(late)
    report = audit(first.build(), second.build(), anchors=[anchor])
    assert (report.status, [log.anchored for log in report.logs.values()]) == (Status.SOUND, [None, 2])
    report = audit(first.build(), second.build(), anchors=[second.newest])
    assert [log.anchored for log in report.logs.values()] == [14, 3]
    broken = first.build().with_lines(first.build().lines()[:-1])
    report = audit(broken, second.build(), anchors=[second.newest])
    assert [log.anchored for log in report.logs.values()] == [None, 3]


def test_a_truncated_tail_is_found_against_an_anchor() -> None:
    """Cutting records and checkpoints alike is invisible inside, and visible from outside."""
    anchor = a_log().newest
    rolled_back = a_log(4).build()
    assert audit(rolled_back).status is Status.SOUND
    report = audit(rolled_back, anchors=[anchor])
    assert report.all_findings == (
        AuditFinding(
            LOG,
            Property.ANCHOR_COMPLETE,
            9,
            "truncated: anchors, checkpoint 1 proves 13 records",
        ),
    )


def test_a_replaced_log_is_found_against_an_anchor() -> None:
    """Even whoever holds the key cannot write history again."""
    replaced = Builder().open().commit(*(AuditEntry("allow", "input") for _ in range(12))).build()
    report = audit(replaced, anchors=[a_log(4).newest])
    assert [(one.log, one.property) for one in report.all_findings] == [(LOG, Property.ANCHOR_CONSISTENT)]


def test_a_removed_log_is_found_against_an_anchor() -> None:
    """A log that an anchor knows and that is gone is named."""
    report = audit(Builder(SECOND).open().build(), anchors=[a_log().newest])
    assert [(one.log, one.property) for one in report.all_findings] == [(LOG, Property.ANCHOR_COMPLETE)]


def test_anchors_are_read_from_the_services_own_log() -> None:
    """Lines of JSON with a member `checkpoint` are anchors; other lines are passed over."""
    builder = a_log()
    event = orjson.dumps({"event": "audit_checkpoint", "checkpoint": builder.newest.decode()})
    anchors, wrong = anchors_in(b'{"event": "started"}\nplain text\n' + event + b"\n", "service.log", TRUST)
    assert wrong == []
    expected = Checkpoint(LOG, 13, builder.frontier.root())
    assert anchors == [Anchor(expected, "service.log, checkpoint 1")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "anchors holds no checkpoint"),
        (b"nothing here\n", "anchors holds no checkpoint"),
        (
            a_log().newest.replace(b"\n13\n", b"\n14\n"),
            f"anchors, checkpoint 1: the signature by `{LOG}` does not verify",
        ),
        (
            sign_checkpoint(Checkpoint(LOG, 1, EMPTY_ROOT), NoteSigner(LOG, OTHER_KEY)),
            "anchors, checkpoint 1: no trusted key signed it",
        ),
    ],
)
def test_an_anchor_that_proves_nothing_is_named(content: bytes, message: str) -> None:
    """An anchor must itself be signed by a trusted key."""
    anchors, wrong = anchors_in(content, "anchors", TRUST)
    assert anchors == []
    assert [(one.property, one.detail) for one in wrong] == [(Property.ANCHOR_FORM, message)]


# Mutations at random


def committed_sizes(log: MemoryLog) -> list[int]:
    """Give the size of each checkpoint."""
    return [checkpoint_of(log, position).size for position in range(len(log.notes()))]


@st.composite
def logs(draw: st.DrawFn) -> MemoryLog:
    """Draw a log of some segments and commits."""
    builder = Builder().open()
    for group in draw(st.lists(st.integers(1, 4), min_size=1, max_size=8)):
        if draw(st.booleans()):
            builder.rotate()
        builder.decide(group)
    return builder.build()


@pytest.mark.slow
@settings(max_examples=300)
@given(logs(), st.data())
def test_no_mutation_of_the_records_passes(log: MemoryLog, data: st.DataObject) -> None:
    """A byte changed, removed or added in any segment, or lines removed, doubled or swapped, is found."""
    position = data.draw(st.integers(0, len(log.records) - 1))
    first, content = log.records[position]
    at = data.draw(st.integers(0, len(content) - 1))
    lines = content.splitlines(keepends=True)
    one, two = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    mutated = data.draw(
        st.sampled_from(
            [
                content[:at] + bytes([content[at] ^ data.draw(st.integers(1, 255))]) + content[at + 1 :],
                content[:at] + content[at + 1 :],
                content[:at] + bytes([data.draw(st.integers(0, 255))]) + content[at:],
                b"".join(lines[:one] + lines[one + 1 :]),
                b"".join([*lines[:one], lines[one], *lines[one:]]),
                b"".join(
                    lines[two] if n == one else lines[one] if n == two else line
                    for n, line in enumerate(lines)
                ),
            ]
        )
    )
    # What begins with all that was signed only has something pending behind it.
    assume(not mutated.startswith(content))
    records = [*log.records]
    records[position] = (first, mutated)
    assert len(findings(replace(log, records=records))) == 1


@pytest.mark.slow
@settings(max_examples=300)
@given(logs(), st.data())
def test_no_mutation_of_the_checkpoints_passes(log: MemoryLog, data: st.DataObject) -> None:
    """A byte changed in any checkpoint, kept or published, is found, or takes away what is then missing."""
    position = data.draw(st.integers(0, len(log.checkpoints) - 1))
    first, content = log.checkpoints[position]
    at = data.draw(st.integers(0, len(content) - 1))
    mutated = content[:at] + bytes([content[at] ^ data.draw(st.integers(1, 255))]) + content[at + 1 :]
    files = [*log.checkpoints]
    files[position] = (first, mutated)
    assert len(findings(replace(log, checkpoints=files))) == 1
    note = log.checkpoint or b""
    at = data.draw(st.integers(0, len(note) - 1))
    mutated = note[:at] + bytes([note[at] ^ data.draw(st.integers(1, 255))]) + note[at + 1 :]
    assert len(findings(replace(log, checkpoint=mutated))) == 1


@given(logs(), st.data())
def test_no_truncation_passes_an_anchor(log: MemoryLog, data: st.DataObject) -> None:
    """Cut back to any earlier checkpoint, consistently, a log contradicts an anchor of its end."""
    sizes = committed_sizes(log)
    keep = data.draw(st.integers(0, len(sizes) - 2)) if len(sizes) > 1 else 0
    notes = log.notes()[: keep + 1]
    cut = log.with_lines(log.lines()[: sizes[keep]]).with_notes(notes, notes[-1])
    report = audit(cut, anchors=[log.notes()[-1]])
    cut_off = sizes[keep] < sizes[-1]
    assert report.status is (Status.UNSOUND if cut_off else Status.SOUND)
    assert [one.property for one in report.all_findings] == [Property.ANCHOR_COMPLETE] * cut_off


def test_a_report_tells_all_of_it_as_json() -> None:
    """The JSON of a report has the status, what was anchored, each log and each finding."""
    log = a_log(1).build()
    value = audit(log).as_json()
    assert value == {
        "status": "sound",
        "anchored": False,
        "records": 3,
        "logs": [
            {
                "log": LOG,
                "status": "sound",
                "size": 3,
                "checkpoints": 2,
                "closed": False,
                "first_time": rfc3339(START + 1000),
                "last_time": rfc3339(START + 3000),
                "time_backward": None,
                "pending_bytes": 0,
                "anchored": False,
                "anchored_size": None,
                "unknown": None,
                "findings": [],
            }
        ],
        "findings": [],
    }
    broken = audit(log.with_lines(log.lines()[:-1]))
    assert [finding.as_json() for finding in broken.all_findings] == [
        {
            "log": LOG,
            "property": "record-present",
            "index": 2,
            "detail": "the log ends here and a signed checkpoint covers 3 records",
        }
    ]
    assert str(broken.all_findings[0]) == (
        f"{LOG}: record-present at index 2: the log ends here and a signed checkpoint covers 3 records"
    )


def test_no_logs_tell_nothing() -> None:
    """Nothing to verify is neither sound nor unsound, and neither are logs without records."""
    assert audit().status is Status.UNKNOWN
    assert audit(MemoryLog(LOG, [], [], None)).status is Status.UNKNOWN
    assert base64.b64encode(EMPTY_ROOT) == b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
