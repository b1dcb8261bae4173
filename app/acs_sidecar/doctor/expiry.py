"""Checks of dates: what has ended, and what ends soon. Times are Unix times in seconds."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from acs_sidecar.doctor.result import Result, counted, problem, warning

__all__ = ["OLD_DAYS", "SOON_DAYS", "age", "clock_behind", "ends"]

SOON_DAYS = 14
OLD_DAYS = 365
_DAY_S = 86_400
_TOLERATED_S = 5


def ends(check: str, what: str, expires: float | None, now: float, fix: str) -> Iterator[Result]:
    """Look whether something has ended, or ends within `SOON_DAYS`; `None` never does."""
    if expires is None:
        return
    date = f"{datetime.fromtimestamp(expires, UTC):%Y-%m-%d %H:%M} UTC"
    if expires <= now:
        yield problem(check, f"{what} expired on {date}", fix)
    elif expires - now < SOON_DAYS * _DAY_S:
        yield warning(
            check, f"{what} expires on {date}, in {counted(int((expires - now) // _DAY_S), 'day')}", fix
        )


def age(check: str, path: Path, now: float, fix: str) -> Iterator[Result]:
    """Look whether a key has been in use for longer than `OLD_DAYS`, by when its file was written last."""
    days = int((now - path.stat().st_mtime) // _DAY_S)
    if days > OLD_DAYS:
        yield warning(check, f"`{path}` was written {counted(days, 'day')} ago", fix)


def clock_behind(newest_record: float | None, now: float) -> Iterator[Result]:
    """Look whether the newest record of the audit log is from the future."""
    if newest_record is not None and newest_record - now > _TOLERATED_S:
        yield problem(
            "clock",
            f"the newest audit record is {int(newest_record - now)} seconds ahead of this clock",
            "timedatectl set-ntp true, and start the service once the time is correct",
        )
