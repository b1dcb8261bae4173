"""What a file says, read again when the file changes (section 2.4)."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from acs_sidecar.access.entries import AccessFileError

__all__ = ["Reread"]

Value = TypeVar("Value")


class Reread(Generic[Value]):
    """The value of some files. New content that cannot be used leaves the old value in force, loudly.

    `value` is replaced as a whole. `refresh` may run in another thread than those who read it.
    """

    def __init__(self, what: str, paths: tuple[Path, ...], read: Callable[[], Value]) -> None:
        """Read for the first time. Raises `AccessFileError`."""
        self._what = what
        self._paths = paths
        self._read = read
        self._seen = self._state()
        self._log = structlog.stdlib.get_logger("acs.access")
        self.refused = False
        self.value = read()

    @property
    def what(self) -> str:
        """What the files hold, for people."""
        return self._what

    def refresh(self) -> None:
        """Read again if a file is another than before."""
        state = self._state()
        if state == self._seen:
            return
        # What changes while it is read has another state afterwards, and is read once more.
        self._seen = state
        try:
            value = self._read()
        except AccessFileError as error:
            self._refuse(str(error))
            return
        except Exception as error:  # noqa: BLE001  # whatever the new files hold, the old value stays
            self._refuse(type(error).__name__)
            return
        self.value = value
        self.refused = False
        self._log.warning("access_file_read_again", what=self._what)

    def _refuse(self, error: str) -> None:
        self.refused = True
        detail = "the previous files stay in force"
        self._log.error("access_file_refused", what=self._what, error=error, detail=detail)

    def _state(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_file_state(path) for path in self._paths)


def _file_state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
