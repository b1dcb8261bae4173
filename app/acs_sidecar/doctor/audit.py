"""Checks of the audit log: room, key, whether what was signed is there, and whether time went back."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import orjson

from acs_sidecar.audit.log.directory import LogDirectory, find_logs
from acs_sidecar.audit.log.keys import AuditKey, KeyFileError, load_key
from acs_sidecar.audit.log.open_log import Durability
from acs_sidecar.audit.log.records import LogDamagedError, record_lines
from acs_sidecar.audit.log.recovery import inspect
from acs_sidecar.doctor.expiry import age, clock_behind
from acs_sidecar.doctor.files import quoted, secret_file, writable_directory
from acs_sidecar.doctor.result import Result, counted, ok, problem, warning
from acs_sidecar.settings.tree import Settings

__all__ = ["check_audit"]

_MOST_HASHED = 256 * 1024 * 1024


def check_audit(settings: Settings, now: float) -> Iterator[Result]:
    """Look at the audit directory, its key, and every log up to its newest checkpoint."""
    if settings.audit_durability is Durability.NONE:
        yield warning(
            "audit", "no audit log is written: verdicts cannot be proven", "set ACS_AUDIT_DURABILITY=write"
        )
        return
    yield from writable_directory("audit", settings.audit_dir, "ACS_AUDIT_DIR")
    logs = [log for log in find_logs(settings.audit_dir) if log.has_files()]
    key = None
    for result in _key(settings, bool(logs), now):
        if isinstance(result, AuditKey):
            key = result
        else:
            yield result
    if key:
        yield from _logs(logs, key, settings.audit_dir)
    yield from clock_behind(_newest(logs), now)


def _key(settings: Settings, needed: bool, now: float) -> Iterator[Result | AuditKey]:
    path = settings.audit_key_file
    if path.resolve().is_relative_to(settings.audit_dir.resolve()):
        fix = "move it and set ACS_AUDIT_KEY_FILE to its new path"
        yield problem("audit key", f"`{path}` is in the audit directory", fix)
    if not path.exists():
        if needed:
            yield problem(
                "audit key",
                f"`{path}` is missing but there are logs that it signed",
                "restore it, or: acs-sidecar audit key --generate",
            )
        else:
            yield ok("audit key", "is created at the first start")
        return
    yield from secret_file("audit key", path)
    yield from age("audit key", path, now, "rotate it: replace the file and send SIGHUP to the service")
    try:
        yield load_key(path)
    except KeyFileError as error:
        yield problem("audit key", str(error), f"restore the key to {quoted(path)}")


def _logs(logs: list[LogDirectory], key: AuditKey, root: Path) -> Iterator[Result]:
    room, damaged = _MOST_HASHED, 0
    for log in logs:
        try:
            room -= inspect(log, key.trust, room)
        except LogDamagedError as error:
            damaged += 1
            verify = f'acs-sidecar audit verify {quoted(root)} --key "$(acs-sidecar audit key)"'
            detail = f"the log `{log.origin}` is damaged: {error}"
            yield problem("audit", detail, f"keep its files as they are; {verify}")
        except OSError as error:
            yield problem(
                "audit",
                f"the log `{log.origin}` cannot be read: {error.strerror}",
                "run doctor as the user of the service",
            )
    if not damaged:
        yield ok("audit", f"{counted(len(logs), 'log')} checked: all signed records are present")


def _newest(logs: list[LogDirectory]) -> float | None:
    """Return the Unix time of the newest published record; what cannot be read is another check's."""
    times = []
    for log in logs:
        size = log.published_size()
        try:
            times += [
                datetime.fromisoformat(orjson.loads(line)["time"]).timestamp()
                for line in record_lines(log, max(size - 1, 0), size)
            ]
        except (LogDamagedError, OSError, ValueError, KeyError, TypeError):
            continue
    return max(times, default=None)
