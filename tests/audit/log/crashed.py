"""A log whose service crashed, and what a start finds."""

from collections.abc import Sequence
from pathlib import Path

from acs_sidecar.audit.format.claims import opening_events
from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.audit.log.directory import LogDirectory
from acs_sidecar.audit.log.open_log import Durability, LogLimits, OpenLog
from acs_sidecar.audit.log.recovery import Survey, survey
from tests.audit.log.logs import (
    KEY,
    decisions,
    entry,
    newest,
    records,
    settings,
    with_log,
)

__all__ = ["ORIGIN", "append", "crashed", "first_changed", "look", "opened"]

ORIGIN = "acs/host/0/0123456789abcdef"


def crashed(
    root: Path, count: int = 5, limits: LogLimits | None = None, last: Sequence[AuditEntry] = ()
) -> LogDirectory:
    """Leave a log as a process leaves it that dies: never closed, the published checkpoint behind."""
    root.mkdir(exist_ok=True)
    log = OpenLog(LogDirectory(root, ORIGIN), KEY.private, Durability.WRITE, limits or LogLimits())
    log.commit(opening_events(str(KEY.verifier_key(ORIGIN)), {}, []))
    log.publish(log.checkpoint)
    for number in range(count):
        log.commit([entry(number)])
    for one in last:
        log.commit([one])
    log.close()
    return log.directory


def append(path: Path, content: bytes) -> None:
    """Append to a file."""
    with path.open("ab") as file:
        file.write(content)


def opened(root: Path) -> dict[str, object]:
    """Open and close a log, and give what its first record names of the crashed one."""
    with_log(decisions(1), settings(root))
    named = records(newest(root))[0]["details"]["predecessors"]
    return next(one for one in named if one["log"] == ORIGIN)


def look(root: Path) -> Survey:
    """Survey an audit directory."""
    return survey(root, KEY.trust)


def first_changed(log: LogDirectory) -> None:
    """Change a byte of the third record."""
    path = log.segments()[0][1]
    path.write_bytes(path.read_bytes().replace(b"agent-1", b"agent-x"))
