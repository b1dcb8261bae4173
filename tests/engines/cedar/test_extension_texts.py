"""Text of a request as `datetime`, `duration`, `ipaddr` and `decimal` (section 1.7.1)."""

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.schema.extension_texts import EXTENSION_TEXTS, ExtensionTextError

CONSTRUCTORS = {"datetime": "datetime", "decimal": "decimal", "duration": "duration", "ipaddr": "ip"}


def engine_reads(kind: str, text: str) -> bool:
    """Ask the engine whether its constructor takes a text."""
    uid = {"type": "Agent", "id": "a"}
    answer = engine.authorize(
        engine.parse_policies("permit(principal, action, resource) when { context.v == context.v };"),
        engine.parse_entities([], None),
        principal=uid,
        action=uid,
        resource=uid,
        context={"v": {"__extn": {"fn": CONSTRUCTORS[kind], "arg": text}}},
    )
    return answer["decision"] == "Allow" and not answer["diagnostics"]["errors"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00.000Z"),
        ("2026-01-01t10:00:00z", "2026-01-01T10:00:00.000Z"),
        ("2026-01-01T10:00:00+00:00", "2026-01-01T10:00:00.000+0000"),
        ("2026-01-01T10:00:00-05:30", "2026-01-01T10:00:00.000-0530"),
        ("2026-01-01T10:00:00.5Z", "2026-01-01T10:00:00.500Z"),
        ("2026-01-01T10:00:00.123000+00:00", "2026-01-01T10:00:00.123+0000"),
        ("2026-01-01T10:00:00.000000000Z", "2026-01-01T10:00:00.000Z"),
        ("2026-01-01T10:00:00.123+0100", "2026-01-01T10:00:00.123+0100"),
        ("2024-02-29", "2024-02-29"),
        ("0000-02-29T00:00:00Z", "0000-02-29T00:00:00.000Z"),
        ("9999-12-31", "9999-12-31"),
    ],
)
def test_datetime_as_hosts_write_it(text: str, expected: str) -> None:
    """RFC 3339 becomes what the engine reads, without a change of the time that it means."""
    assert EXTENSION_TEXTS["datetime"](text) == expected
    assert engine_reads("datetime", expected)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("datetime", "2026-01-01T10:00:00.123456Z", "a time of whole milliseconds, which is the finest that Cedar holds"),
        ("datetime", "2026-01-01T10:00:00.0001Z", "a time of whole milliseconds, which is the finest that Cedar holds"),
        ("datetime", "2026-02-30T10:00:00Z", "a day of the calendar"),
        ("datetime", "2026-13-01", "a day of the calendar"),
        ("datetime", "0100-02-29", "a day of the calendar"),
        ("datetime", "2026-01-01T10:00:60Z", "a time of RFC 3339 such as `2026-01-31T09:30:00Z`, nor a date"),
        ("datetime", "2026-01-01T24:00:00Z", "a time of RFC 3339 such as `2026-01-31T09:30:00Z`, nor a date"),
        ("datetime", "2026-01-01T10:00:00", "a time of RFC 3339 such as `2026-01-31T09:30:00Z`, nor a date"),
        ("datetime", "2026-01-01 10:00:00Z", "a time of RFC 3339 such as `2026-01-31T09:30:00Z`, nor a date"),
        ("datetime", "2026-01-01T10:00Z", "a time of RFC 3339 such as `2026-01-31T09:30:00Z`, nor a date"),
        ("datetime", "2026-01-01T10:00:00+24:00", "a time of RFC 3339 such as `2026-01-31T09:30:00Z`, nor a date"),
        ("datetime", "2026-01-01T10:00:00Z\n", "a time of RFC 3339 such as `2026-01-31T09:30:00Z`, nor a date"),
        ("datetime", "٢٠٢٦-01-01", "a time of RFC 3339 such as `2026-01-31T09:30:00Z`, nor a date"),
        ("duration", "", "a duration of Cedar such as `1d2h30m` or `1500ms`"),
        ("duration", "-", "a duration of Cedar such as `1d2h30m` or `1500ms`"),
        ("duration", "1h1d", "a duration of Cedar such as `1d2h30m` or `1500ms`"),
        ("duration", "PT1H", "a duration of Cedar such as `1d2h30m` or `1500ms`"),
        ("duration", "9223372036854775808ms", "a duration within the range of Cedar"),
        ("duration", "106751991168d", "a duration within the range of Cedar"),
        ("decimal", "7", "a decimal such as `12.5`, with one to four fractional digits"),
        ("decimal", "1.00005", "a decimal such as `12.5`, with one to four fractional digits"),
        ("decimal", "1e3", "a decimal such as `12.5`, with one to four fractional digits"),
        ("decimal", "922337203685477.5808", "a decimal within the range of Cedar"),
        ("ipaddr", "::ffff:1.2.3.4", "an IPv6 address in hexadecimal alone"),
        ("ipaddr", "fe80::1%eth0", "an IP address, or a range such as `10.0.0.0/8`"),
        ("ipaddr", "10.0.0.0/08", "an IP address, or a range such as `10.0.0.0/8`"),
        ("ipaddr", "10.0.0.0/33", "an IP range with a prefix that the address has room for"),
        ("ipaddr", "::/129", "an IP range with a prefix that the address has room for"),
        ("ipaddr", "10.0.0.010", "an IP address, or a range such as `10.0.0.0/8`"),
        ("ipaddr", "10.0.0.1:80", "an IP address, or a range such as `10.0.0.0/8`"),
        ("ipaddr", "", "an IP address, or a range such as `10.0.0.0/8`"),
    ],
)  # fmt: skip
def test_text_of_another_form(kind: str, text: str, message: str) -> None:
    """Text of another form is refused, and the message says which form is meant."""
    with pytest.raises(ExtensionTextError, match=f"^{re.escape(message)}$"):
        EXTENSION_TEXTS[kind](text)


FORMS = {
    "datetime": r"[0-2][0-9]{3}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,4})?"
    r"(Z|[+-][0-2][0-9]:?[0-6][0-9])?)?",
    "decimal": r"-?[0-9]{1,16}(\.[0-9]{0,5})?",
    "duration": r"-?([0-9]{1,12}d)?([0-9]{1,14}h)?([0-9]{1,14}m)?([0-9]{1,17}s)?([0-9]{1,19}ms)?",
    "ipaddr": r"([0-9a-f]{0,5}:{1,2}){1,8}[0-9a-f]{0,4}(/[0-9]{1,3})?|([0-9]{1,3}\.){3}[0-9]{1,3}(/[0-9]{1,2})?",
}


@pytest.mark.parametrize("kind", sorted(FORMS))
@given(data=st.data())
def test_what_is_read_the_engine_reads(kind: str, data: st.DataObject) -> None:
    """The engine takes what a reader returns, and apart from times both refuse the same texts."""
    text = data.draw(st.from_regex(FORMS[kind], fullmatch=True))
    try:
        read = EXTENSION_TEXTS[kind](text)
    except ExtensionTextError:
        assert kind == "datetime" or not engine_reads(kind, text)
        return
    assert engine_reads(kind, read)


@given(st.datetimes(timezones=st.timezones()), st.sampled_from(["seconds", "milliseconds"]))
def test_times_keep_their_moment(moment: datetime, precision: str) -> None:
    """What Python writes of a time is read as the same moment."""
    written = moment.isoformat(timespec=precision)
    try:
        read = EXTENSION_TEXTS["datetime"](written)
    except ExtensionTextError:
        offset = moment.utcoffset()
        assert offset is not None
        assert offset.total_seconds() % 60 != 0
        return
    assert datetime.fromisoformat(read) == datetime.fromisoformat(written)
