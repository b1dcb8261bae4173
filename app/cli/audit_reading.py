"""What the commands that read the audit log share: where it is, and how they end when they cannot."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from app.cli.output import COULD_NOT_RUN, fail
from app.stores.audit_query import Place, logs_at
from app.stores.audit_records import LogDamagedError

__all__ = ["logs_to_read", "reading"]


def logs_to_read(path: Path) -> Place:
    """Give the logs at a path; end the command where there are none."""
    place = logs_at(path)
    if not place.logs:
        fail(f"there is no audit log at {path}")
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
        fail(f"{error}: `acs-sidecar audit verify` tells more")
    except OSError as error:
        fail(f"{error.filename} cannot be read: {error.strerror}")
