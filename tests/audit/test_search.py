"""Searching logs backwards: what is found, in which order, and that parts add up to all (section 15.2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.audit.format.record import AuditEntry, record_line, rfc3339
from acs_sidecar.audit.log.records import LogDamagedError, record_pieces
from acs_sidecar.audit.read.decision_lines import counted_members
from acs_sidecar.audit.read.search import RecordPlace, RecordSource, Wanted, first_from, search
from acs_sidecar.console.decisions import place
from acs_sidecar.console.decisions import written as wire

START = 1_767_323_045_000_000


@dataclass(frozen=True)
class Lines:
    """A log in memory."""

    origin: str
    records: Sequence[bytes]

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.records)

    def pieces(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield some of them, seven at once."""
        for at in range(start, end, 7):
            yield at, b"".join(record + b"\n" for record in self.records[at : min(at + 7, end)])


def log(number: int, steps: Sequence[tuple[int, str]]) -> Lines:
    """Return a log whose records come some seconds after one another, each with its tool."""
    origin = f"acs/host/{number}/aaaa"
    time, records = START, []
    for index, (seconds, tool) in enumerate(steps):
        time += seconds * 1_000_000
        entry = AuditEntry("deny", "input", tool=tool, reason=f"because_of_{tool}")
        records.append(record_line(entry, origin, index, f"{number}-{index}", rfc3339(time)))
    return Lines(origin, records)


def names(records: Sequence[object]) -> list[object]:
    """Return which records these are."""
    return [record["record_id"] for record in records if isinstance(record, dict)]


steps = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["mail", "file"])), max_size=400)


@given(
    logs=st.lists(steps, max_size=4),
    most=st.integers(1, 60),
    most_looked_at=st.sampled_from([1, 100, 10_000]),
    tool=st.sampled_from([None, "mail"]),
    reason=st.sampled_from([None, "of_file", "of_mail"]),
    since=st.none() | st.integers(0, 300),
    until=st.none() | st.integers(0, 300),
)
def test_the_parts_of_a_search_are_all_that_fits_newest_first(
    logs: list[list[tuple[int, str]]],
    most: int,
    most_looked_at: int,
    tool: str | None,
    reason: str | None,
    since: int | None,
    until: int | None,
) -> None:
    """However much one part looks at and may find."""
    written = [log(number, one) for number, one in enumerate(logs)]
    sources: list[RecordSource] = [*written]
    wanted = Wanted({"tool": tool} if tool else {}, reason)
    if since is not None:
        wanted = replace(wanted, since=rfc3339(START + since * 1_000_000))
    if until is not None:
        wanted = replace(wanted, until=rfc3339(START + until * 1_000_000))
    everything = [orjson.loads(line) for one in written for line in one.records]
    fitting = [
        record
        for record in everything
        if wanted.admits(record) and (wanted.until is None or record["time"] < wanted.until)
    ]
    fitting.sort(key=lambda record: (record["time"], record["log"], record["index"]), reverse=True)
    found: list[object] = []
    before: RecordPlace | None = None
    while True:
        part = search(sources, wanted, before, most=most, most_looked_at=most_looked_at)
        assert len(part.records) <= most
        assert part.rest is None or before is None or part.rest < before
        found += part.records
        before = part.rest
        if before is None:
            break
    assert names(found) == names(fitting)


jumps = st.lists(st.tuples(st.integers(-200, 3), st.sampled_from(["mail", "file"])), max_size=200)


@given(
    logs=st.lists(jumps, max_size=3),
    most=st.integers(1, 60),
    most_looked_at=st.sampled_from([1, 100, 10_000]),
    tool=st.sampled_from([None, "mail"]),
)
def test_a_clock_that_was_set_back_hides_no_record(
    logs: list[list[tuple[int, str]]], most: int, most_looked_at: int, tool: str | None
) -> None:
    """Each log is shown in its order, once, however its times and those of other logs lie."""
    written = [log(number, one) for number, one in enumerate(logs)]
    wanted = Wanted({"tool": tool} if tool else {})
    found: list[object] = []
    before: RecordPlace | None = None
    while True:
        part = search([*written], wanted, before, most=most, most_looked_at=most_looked_at)
        found += part.records
        before = place(wire(part.rest))
        if before is None:
            break
    for one in written:
        fitting = [record for record in map(orjson.loads, one.records) if wanted.admits(record)]
        assert [name for name in names(found) if f"{name}"[0] == one.origin[9]] == names(fitting)[::-1]


def test_a_rare_filter_comes_to_an_end_where_the_clock_was_set_back() -> None:
    """Though the place where a page ends is that where it began."""
    written = log(0, [(1, "mail")] * 200 + [(-3_599, "mail")] + [(1, "mail")] * 99)
    looked_at, before = 0, place(wire(RecordPlace("~", "acs/host/9/aaaa", 0)))
    while before is not None:
        part = search([written], Wanted({"tool": "file"}), before, most_looked_at=1)
        assert part.records == ()
        looked_at, before = looked_at + part.looked_at, place(wire(part.rest))
        assert looked_at <= 300
    assert looked_at == 300


@pytest.mark.parametrize("second", range(0, 300, 10))
def test_times_are_found_though_the_clock_was_set_back(second: int) -> None:
    """By an hour near the end of a log, and again and again."""
    for steps in ([(1, "mail")] * 250 + [(-3_599, "mail")] + [(1, "mail")] * 49, [(-9, "mail")] * 300):
        written = log(0, steps)
        records = [orjson.loads(line) for line in written.records]
        time = str(records[second]["time"])
        newer = search([written], Wanted(since=time), most=1_000)
        assert names(newer.records) == names([one for one in records if one["time"] >= time])[::-1]
        older = search([written], Wanted(until=time), most=1_000)
        assert names(older.records) == names([one for one in records if one["time"] < time])[::-1]


def test_a_page_looks_at_the_newest_alone() -> None:
    """The first page of a long log does not read it."""
    part = search([log(0, [(1, "mail")] * 20_000)], Wanted(), most=50)
    assert (len(part.records), part.looked_at, part.total) == (50, 64, 20_000)


def test_a_rare_filter_stops_after_its_share() -> None:
    """And says how far it has come."""
    part = search([log(0, [(1, "mail")] * 20_000)], Wanted({"tool": "file"}), most_looked_at=1_000)
    assert part.records == ()
    assert part.rest is not None
    assert 1_000 <= part.looked_at < 2_100


@pytest.mark.parametrize("behind", [0, 1, 199, 250, 299, 300])
def test_what_a_log_got_since_is_found_though_its_clock_was_set_back(behind: int) -> None:
    """By how long it was, not by its times, however much one part looks at."""
    written = log(0, [(1, "mail")] * 200 + [(-3_599, "mail")] + [(1, "file")] * 99)
    found: list[object] = []
    before: RecordPlace | None = None
    while True:
        part = search([written], Wanted(), before, behind={written.origin: behind}, most_looked_at=1)
        found, before = [*found, *part.records], place(wire(part.rest))
        if before is None:
            break
    assert names(found) == [f"0-{index}" for index in reversed(range(behind, 300))]


def test_damage_before_what_a_log_got_since_hides_none_of_it() -> None:
    """And damage within that is said to be there."""
    sound = log(0, [(1, "mail")] * 100)
    broken = Lines(sound.origin, [*sound.records[:50], b"{}", *sound.records[51:]])
    since = search([broken], Wanted(), behind={broken.origin: 51}, most=200)
    assert (len(since.records), since.damage, since.rest) == (49, (), None)
    whole = search([broken], Wanted(), behind={broken.origin: 49}, most=200)
    assert whole.damage == (f"`{broken.origin}` is damaged: record 50 is not a record",)
    assert len(whole.records) == 49


def test_a_search_ends_when_it_was_long_enough() -> None:
    """After its first look at a log already, and goes on from there."""
    written, wanted = log(0, [(1, "mail")] * 300), Wanted({"tool": "file"})
    part = search([written], wanted, enough=lambda: True)
    assert (part.records, part.looked_at) == ((), 64)
    assert part.rest is not None
    assert search([written], wanted, part.rest, enough=lambda: False).looked_at == 236


def test_a_reason_is_found_by_a_part_of_it() -> None:
    """In the reason alone, not elsewhere in the record."""
    logs = [log(0, [(1, "mail"), (1, "file")])]
    assert names(search(logs, Wanted(reason="of_mail")).records) == ["0-0"]
    assert search(logs, Wanted(reason="acs/host")).records == ()


@given(durations=st.lists(st.integers(0, 1_200), min_size=1), least=st.integers(0, 1_200))
def test_durations_from_a_length_on_are_found(durations: list[int], least: int) -> None:
    """Each that is as long, and none that is shorter."""
    origin, time = "acs/host/0/aaaa", rfc3339(START)
    entries = [AuditEntry("deny", "input", duration_us=duration) for duration in durations]
    lines = [record_line(one, origin, index, str(index), time) for index, one in enumerate(entries)]
    found = search([Lines(origin, lines)], Wanted(duration_us=least), most=1_000).records
    expected = [duration for duration in reversed(durations) if duration >= least]
    assert [record["duration_us"] for record in found] == expected


def test_lines_that_have_every_text_are_found() -> None:
    """However the lines that have one of them and those that have the other take turns."""
    tools, reasons = ["mail", "file", "file", "mail", "chat"], ["late", "rude", "late"]
    wanted = Wanted({"tool": "file", "decision": "deny"}, reason="late")
    for turn in range(15):
        entries = [
            AuditEntry("deny" if at % 2 else "allow", "input", tool=tools[at % 5], reason=reasons[at % 3])
            for at in range(turn, turn + 40)
        ]
        lines = [
            record_line(one, "acs/host/0/aaaa", at, str(at), rfc3339(START)) for at, one in enumerate(entries)
        ]
        found = search([Lines("acs/host/0/aaaa", lines)], wanted).records
        fitting = [str(at) for at, one in enumerate(entries) if wanted.admits(orjson.loads(lines[at]))]
        assert len(fitting) > 1
        assert names(found) == fitting[::-1]


def test_a_search_goes_on_from_a_place_without_looking_for_it() -> None:
    """One record is read to see that the place is what it says; one that is not is searched for."""
    read: list[int] = []

    class Counted(Lines):
        def pieces(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
            read.append(start)
            return super().pieces(start, end)

    written = log(0, [(1, "mail")] * 1_000)
    counted = Counted(written.origin, written.records)
    time = str(orjson.loads(written.records[500])["time"])
    assert first_from(counted, RecordPlace(time, written.origin, 500)) == 500
    assert read == [500]
    for position in (0, 499, 501, 999, 1_000):
        assert first_from(counted, RecordPlace(time, written.origin, position)) == (
            500 if position <= 500 else 501
        )
    assert first_from(counted, RecordPlace(time, "acs/host/1/aaaa", 500)) == 501


def test_a_line_that_is_no_record_is_named() -> None:
    """As damage of its log."""
    good = log(0, [(1, "mail")])
    wrong = Lines(good.origin, [good.records[0].replace(b'"index":0', b'"index":7')])
    found = search([wrong, log(1, [(1, "file")])], Wanted())
    assert found.damage == ("`acs/host/0/aaaa` is damaged: record 0 is not a record",)
    assert names(found.records) == ["1-0"]
    assert found.rest is None


def test_what_is_newer_than_damage_is_found() -> None:
    """However near it is, with another log and without; nothing that is older than that."""
    good, other = log(0, [(1, "mail")] * 300), log(1, [(1, "file")])
    for at in (0, 1, 100, 235, 236, 237, 290, 298, 299):
        line = good.records[at].replace(b'"index":', b'"index":7')
        wrong = Lines(good.origin, [*good.records[:at], line, *good.records[at + 1 :]])
        for wanted, others in product((Wanted(), Wanted({"tool": "mail"})), ([], [other])):
            found = search([wrong, *others], wanted, most=1_000)
            newer = [f"0-{index}" for index in reversed(range(at + 1, 300))]
            assert [name for name in names(found.records) if name != "1-0"] == newer
            assert found.damage == (f"`{good.origin}` is damaged: record {at} is not a record",)


@pytest.mark.parametrize("at", range(1, 88))
def test_damage_hides_nothing_newer_from_a_search_by_time(at: int) -> None:
    """Whichever records the search looks at on its way."""
    good = log(0, [(1, "mail")] * 100)
    wrong = Lines(good.origin, [*good.records[:at], b"{}", *good.records[at + 1 :]])
    times = [str(orjson.loads(line)["time"]) for line in good.records]
    damage = (f"`{good.origin}` is damaged: record {at} is not a record",)
    found = search([wrong], Wanted(until=times[89]))
    assert names(found.records) == [f"0-{index}" for index in reversed(range(max(at + 1, 39), 89))]
    found = search([wrong], Wanted(until=times[89]), found.rest) if found.rest else found
    assert found.damage == damage
    newer = search([wrong], Wanted(since=times[at + 1]), most=1_000)
    assert names(newer.records) == [f"0-{index}" for index in reversed(range(at + 1, 100))]


def test_a_line_that_was_added_hides_no_record_behind_it(tmp_path: Path) -> None:
    """What the next segment begins with would be counted as read."""
    lines = [b'{"index":%d,"text":"%s"}\n' % (index, b"x" * 1_000) for index in range(310)]
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"".join([*lines[:150], lines[149], *lines[150:300]]))
    second.write_bytes(b"".join(lines[300:]))
    with pytest.raises(LogDamagedError, match="record 300 is behind a line too many"):
        list(record_pieces([(0, first), (300, second)], 0, 310))


@pytest.mark.parametrize("added", [0, 1])
def test_a_line_that_was_added_to_a_segment_hides_no_record(tmp_path: Path, added: int) -> None:
    """The last line of each segment is the record that it should be."""
    segments = [(first, tmp_path / f"records-{first:010d}.jsonl") for first in (0, 10)]
    for number, (first, path) in enumerate(segments):
        lines = [b'{"index":%d}\n' % index for index in range(first, first + 10)]
        path.write_bytes(b"".join([b"{}\n", *lines] if number == added else lines))
    last = segments[added][0] + 9
    for start in range(last + 1):
        with pytest.raises(LogDamagedError, match=f"^record {last} is not a record$"):
            list(record_pieces(segments, start, last + 1))


def test_a_search_comes_further_where_a_log_is_damaged() -> None:
    """However little is looked at: where to go on is not where it began."""
    good = log(0, [(1, "mail")] * 300)
    wrong = Lines(good.origin, [*good.records[:280], b"{}", *good.records[281:]])
    found = search([wrong, log(1, [(1, "file")] * 300)], Wanted(), most=100, most_looked_at=1)
    assert found.rest is not None
    assert found.rest.time < rfc3339(START + 300 * 1_000_000)


texts = st.text(max_size=12) | st.sampled_from(
    ['"decision":"allow"', '"],"time":"x', "\\", '{"agent_id":', "\u202e"]
)


@given(
    decision=st.sampled_from(["allow", "deny"]),
    annotators=st.lists(texts | st.text('],["', max_size=4), max_size=3),
    event=st.sampled_from(["decision", "approval"]),
    reason=st.none() | texts,
    agent=st.none() | texts,
    pointers=st.none() | st.dictionaries(texts, texts, max_size=2),
    labels=st.lists(texts, max_size=2),
)
def test_what_is_counted_is_what_the_whole_record_says(
    decision: str,
    annotators: list[str],
    event: str,
    reason: str | None,
    agent: str | None,
    pointers: dict[str, str] | None,
    labels: list[str],
) -> None:
    """Whatever is in the other members."""
    entry = AuditEntry(
        decision,
        "input",
        annotators=tuple(annotators),
        event=event,
        approval={"decision": "escalate", "event": "decision"},
        reason=reason,
        agent_id=agent,
        tool=agent,
        verification_pointers=pointers,
        result_labels=tuple(labels),
    )
    line = record_line(entry, "acs/host/0/aaaa", 7, "id", rfc3339(START))
    whole, counted = orjson.loads(line), counted_members(line, "acs/host/0/aaaa", 7)
    assert counted is not None
    for name in ("annotators", "decision", "event", "intervention_point", "reason", "time", "index", "log"):
        assert counted[name] == whole[name], name


def test_a_line_that_is_no_record_is_not_counted() -> None:
    """Cut off, of another place, or of a form that no record has."""
    line = record_line(AuditEntry("deny", "input"), "acs/host/0/aaaa", 7, "id", rfc3339(START))
    for wrong in (line[:100], b"", b"{}", b'{"agent_id":"annotators":[', line.replace(b"time", b"tame")):
        assert counted_members(wrong, "acs/host/0/aaaa", 7) is None
