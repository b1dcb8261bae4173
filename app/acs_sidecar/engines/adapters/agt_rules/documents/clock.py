"""Times at which a rule holds: `dynamic_condition`, over the snapshot's timestamp (section 7.2)."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Clock", "ClockError", "read_clock"]

_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_OFFSET = re.compile(r"([+-])((?:0[0-9]|1[0-4]):[0-5][0-9])")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}"
    r"(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_MEMBERS = {
    "time_window": {"type", "start_time", "end_time", "timezone"},
    "day_of_week": {"type", "days_of_week", "timezone"},
}


class ClockError(ValueError):
    """What is wrong with a member of `dynamic_condition`."""

    def __init__(self, member: str, code: str, message: str) -> None:
        super().__init__(message)
        self.member = member
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Clock:
    """A window of the day in minutes, or days of the week; `offset` is that of the zone, in minutes."""

    start: int | None
    end: int | None
    days: frozenset[int]
    offset: int

    def holds(self, timestamp: Json) -> bool | None:
        """True if the instant is within; undecided where it is no RFC 3339 text."""
        local = _local(timestamp, self.offset)
        if local is None:
            return None
        if self.start is None or self.end is None:
            return local.isoweekday() in self.days
        minute = local.hour * 60 + local.minute
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


def read_clock(condition: JsonObject) -> Clock:
    """Read a `dynamic_condition`. Raises `ClockError`."""
    kind = condition.get("type")
    if kind in ("token_count_per_window", "cost_per_window"):
        message = (
            f"`{kind}` is not evaluated: use the rule's `limit`, or compare `budgets.…` in its condition"
        )
        raise ClockError("type", "value-not-allowed", message)
    if not isinstance(kind, str) or kind not in _MEMBERS:
        raise ClockError("type", "value-not-allowed", "must be `time_window` or `day_of_week`")
    for name in condition:
        if name not in _MEMBERS[kind]:
            listed = ", ".join(f"`{each}`" for each in sorted(_MEMBERS[kind]))
            raise ClockError(name, "member-unknown", f"unknown member; must be one of {listed}")
    offset = _zone(condition.get("timezone", "UTC"))
    if kind == "day_of_week":
        return Clock(None, None, _days(condition.get("days_of_week")), offset)
    start, end = (_minute(name, condition.get(name)) for name in ("start_time", "end_time"))
    if start == end:
        raise ClockError("end_time", "value-not-allowed", "must differ from `start_time`")
    return Clock(start, end, frozenset(), offset)


def _local(timestamp: Json, offset: int) -> datetime | None:
    if not isinstance(timestamp, str) or not _INSTANT.fullmatch(timestamp):
        return None
    try:
        instant = datetime.fromisoformat(timestamp.upper())
        return instant - (instant.utcoffset() or timedelta()) + timedelta(minutes=offset)
    except (ValueError, OverflowError):
        return None


def _zone(zone: Json) -> int:
    if zone == "UTC":
        return 0
    found = _OFFSET.fullmatch(zone) if isinstance(zone, str) else None
    if found is None:
        message = (
            "must be `UTC` or an offset such as `+02:00`: the rules of a named zone change with the host"
        )
        raise ClockError("timezone", "value-not-allowed", message)
    minutes = int(found[2][:2]) * 60 + int(found[2][3:])
    return minutes if found[1] == "+" else -minutes


def _minute(name: str, text: Json) -> int:
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise ClockError(name, "value-not-allowed", "must be a time of the day, `HH:MM`")
    return int(text[:2]) * 60 + int(text[3:])


def _days(days: Json) -> frozenset[int]:
    valid = isinstance(days, list) and all(type(day) is int and 1 <= day <= 7 for day in days)
    if not valid or not isinstance(days, list) or not days:
        raise ClockError("days_of_week", "value-not-allowed", "must list days from 1 (Monday) to 7")
    return frozenset(int(str(day)) for day in days)
