"""The auditor: every manipulation of checkpoints, times and keys that it names (section 4.5)."""

from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest

from acs_sidecar.audit.format.checkpoint import Checkpoint, sign_checkpoint
from acs_sidecar.audit.format.findings import Property, Status
from acs_sidecar.audit.format.merkle import EMPTY_ROOT
from acs_sidecar.audit.format.note import NoteSigner
from acs_sidecar.audit.format.record import ServiceEvent, rfc3339
from acs_sidecar.audit.format.trust import Trust, TrustedKey
from acs_sidecar.audit.format.verify import audit_log
from tests.audit.format.logs import KEY, LOG, OTHER_KEY, START, TRUST, Builder, MemoryLog
from tests.audit.format.verified import OTHER_PUBLIC, PUBLIC, a_log, checkpoint_of, detail, findings


def resigned(log: MemoryLog, position: int, checkpoint: Checkpoint, *signers: NoteSigner) -> MemoryLog:
    """Replace the checkpoint at a position."""
    notes = log.notes()
    notes[position] = sign_checkpoint(checkpoint, *signers)
    return log.with_notes(notes, log.checkpoint)


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


class EditedMeanwhile(MemoryLog):
    """A log with a checkpoint that is not there when its files are read for the first time."""

    def checkpoint_files(self) -> Iterator[tuple[str, bytes]]:
        """Give the files without the third checkpoint at first, and with it from then on."""
        hidden = self.notes()[2] if not self.lengths_read else b""
        self.lengths_read.append(0)
        for first, content in self.checkpoints:
            yield f"checkpoints-{first}", content.replace(hidden, b"")


def test_checkpoints_that_change_while_they_are_read_are_named() -> None:
    """A checkpoint that appears in between is compared with nothing: the rest would be passed over with it."""
    log = a_log().build()
    edited = EditedMeanwhile(log.origin, log.records, log.checkpoints, log.checkpoint)
    assert findings(edited) == [(Property.CHECKPOINT_ORDER, 13)]
    assert findings(log) == []


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
