"""Times of challenges and approvals: the form of a record's `time`, which sorts as time does (section 19)."""

from datetime import datetime

from acs_sidecar.audit.format.record import rfc3339

__all__ = ["CLOCK_LEEWAY_S", "SECOND", "shifted", "unix_microseconds"]

CLOCK_LEEWAY_S = 60
"""How far the clocks of those who take part may be apart."""

SECOND = 1_000_000


def unix_microseconds(time: str) -> int:
    """Return the Unix time in microseconds."""
    return round(datetime.fromisoformat(time).timestamp() * SECOND)


def shifted(time: str, seconds: int) -> str:
    """Return a time so many seconds later, or earlier where they are negative."""
    return rfc3339(unix_microseconds(time) + seconds * SECOND)
