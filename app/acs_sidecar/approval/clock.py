"""Times of challenges and approvals: the form of a record's `time`, which sorts as time does (section 19)."""

from datetime import datetime

from acs_sidecar.audit.format.record import rfc3339

__all__ = ["CLOCK_LEEWAY_S", "SECOND", "is_time", "shifted", "unix_microseconds"]

CLOCK_LEEWAY_S = 60
"""How far the clocks of those who take part may be apart."""

SECOND = 1_000_000


def unix_microseconds(time: str) -> int:
    """Return the Unix time in microseconds."""
    return round(datetime.fromisoformat(time).timestamp() * SECOND)


def is_time(text: str) -> bool:
    """True if a text is a time in the one form that it has in records: a real moment, in ASCII digits."""
    try:
        return rfc3339(unix_microseconds(text)) == text
    except (ValueError, OverflowError):
        return False


def shifted(time: str, seconds: int) -> str:
    """Return a time so many seconds later, or earlier where they are negative."""
    return rfc3339(unix_microseconds(time) + seconds * SECOND)
