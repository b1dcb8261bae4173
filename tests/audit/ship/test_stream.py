"""How the logs of a fleet lie in a stream (section 4.2)."""

from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.audit.ship.stream import (
    CHECKPOINTS,
    RECORDS,
    WINDOW,
    TooManyError,
    each_once,
    in_order,
    index_of,
    message_id,
    origin_of_subject,
    subject,
)

PARTS = st.from_regex(r"[A-Za-z0-9._-]{1,8}", fullmatch=True).filter(lambda part: part.strip("."))


@given(st.lists(PARTS, min_size=4, max_size=4))
def test_a_subject_names_exactly_one_log(parts: Sequence[str]) -> None:
    """No two logs share a subject, and the log can be read from it, with dots in its parts too."""
    origin = "/".join(parts)
    assert origin_of_subject(subject(RECORDS, origin)) == origin
    assert origin_of_subject(subject(CHECKPOINTS, origin)) == origin
    assert subject(RECORDS, origin).count(".") == 5


@pytest.mark.parametrize(
    "name", ["acs.records", "acs.records.a.b", "acs.records.a.b.c.%%", "acs.records.a.b.c.d.e"]
)
def test_a_subject_that_no_log_has_names_none(name: str) -> None:
    """What others put below our subjects is not taken for a log."""
    assert origin_of_subject(name) is None


@pytest.mark.parametrize(
    "identity", [None, "", "a/b/c/d/", "a/b/c/d/-1", "a/b/c/d/1x", "a/b/c/d/²", "a/" + "9" * 30]
)
def test_a_message_without_an_index_has_none(identity: str | None) -> None:
    """A header is a stranger's text."""
    assert index_of(identity) is None
    assert index_of(message_id("a/b/c/d", 41)) == 41


@given(st.data())
def test_windows_are_put_in_order(data: st.DataObject) -> None:
    """Whatever the order within a window, and whatever was published again, each record comes once, in its place."""
    size = data.draw(st.integers(0, 3 * WINDOW))
    messages: list[tuple[int | None, bytes]] = []
    for start in range(0, size, WINDOW):
        window = list(range(start, min(start + WINDOW, size)))
        again = data.draw(st.lists(st.sampled_from(window), max_size=3))
        messages += [(index, b"%d" % index) for index in data.draw(st.permutations(window)) + again]
    assert list(in_order(messages)) == [b"%d" % index for index in range(size)]


def test_checkpoints_come_once_and_are_bounded() -> None:
    """A checkpoint that was stored again counts once; whoever floods the stream is not followed."""
    assert each_once([b"one", b"two", b"one"], 6) == b"onetwo"
    with pytest.raises(TooManyError):
        each_once((b"%d" % number for number in count()), 1000)


def test_what_is_missing_stays_missing() -> None:
    """A gap is handed on, in bounded memory, for the auditor to name."""
    messages = [(index, b"%d" % index) for index in range(5 * WINDOW) if index != 7]
    consumed = 0

    def counted() -> object:
        nonlocal consumed
        for message in messages:
            consumed += 1
            yield message

    lines = in_order(counted())  # type: ignore[arg-type]  # a generator of the messages above
    assert [next(lines) for _ in range(7)] == [b"%d" % index for index in range(7)]
    assert next(lines) == b"8"
    assert consumed <= 7 + 2 * WINDOW + 2
    assert list(lines)[-1] == b"%d" % (5 * WINDOW - 1)
