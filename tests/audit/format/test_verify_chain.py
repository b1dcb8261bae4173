"""The auditor: logs that name their predecessors, and anchors (section 4.5)."""

import orjson
import pytest

from acs_sidecar.audit.format.chain import Anchor, anchors_in, audit_logs
from acs_sidecar.audit.format.checkpoint import Checkpoint, sign_checkpoint
from acs_sidecar.audit.format.claims import LogState, Predecessor, Torn, opening_events
from acs_sidecar.audit.format.findings import AuditFinding, Property, Status
from acs_sidecar.audit.format.merkle import EMPTY_ROOT
from acs_sidecar.audit.format.note import NoteSigner
from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent
from acs_sidecar.audit.format.trust import Trust, TrustedKey
from acs_sidecar.spec.values import Json
from tests.audit.format.logs import LOG, OTHER_KEY, TRUST, Builder
from tests.audit.format.verified import OTHER_PUBLIC, PUBLIC, a_log, audit, named

# The chain of logs

SECOND = "acs/host/0/bbbb"


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
