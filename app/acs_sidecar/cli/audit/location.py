"""What the commands that read the audit log share: where it is, and how they end when they cannot."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from acs_sidecar.audit.format.record import record_time
from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.read.query import LogSelection, logs_at
from acs_sidecar.cli.output import COULD_NOT_RUN, fail

__all__ = ["logs_to_read", "reading", "since_time"]


def logs_to_read(path: Path) -> LogSelection:
    """Return the logs at a path; exits with an error if there are none, or none is readable."""
    with reading():
        place = logs_at(path)
    if not place.logs:
        fail(f"no audit log exists at {path}")
    return place


@contextmanager
def reading() -> Iterator[None]:
    """End the command when files cannot be read, and quietly when nobody reads its output any more."""
    try:
        yield
    except BrokenPipeError:
        raise typer.Exit(COULD_NOT_RUN) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except LogDamagedError as error:
        fail(f"{error}: run `acs-sidecar audit verify` for details")
    except OSError as error:
        fail(f"{error.filename} cannot be read: {error.strerror}")


def since_time(text: str | None) -> str | None:
    """Return the time of a record from a date, a time, or how long ago; ends the command for another text."""
    if text is None:
        return None
    unit = {"m": "minutes", "h": "hours", "d": "days"}.get(text[-1:])
    try:
        if unit and text[:-1].isdigit():
            text = (datetime.now(UTC) - timedelta(**{unit: int(text[:-1])})).isoformat()
        return record_time(text)
    except (ValueError, OverflowError):
        fail(f"`{text}` is not a date or time in ISO 8601 from 1970 on, nor `30m`, `12h` or `7d` ago")
