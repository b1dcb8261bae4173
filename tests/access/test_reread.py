"""Section 2.4: files of trust are read again on change, and a bad change is not taken."""

from pathlib import Path

import pytest

from acs_sidecar.access.entries import AccessFileError
from acs_sidecar.access.reread import Reread


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except FileNotFoundError:
        raise AccessFileError("it is gone") from None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the number 1."""
    path = tmp_path / "number"
    path.write_text("1")
    return path


def test_a_change_is_taken_and_nothing_else_is_read(path: Path) -> None:
    """The file is read at the start and after each change alone."""
    reads = []

    def read() -> int:
        reads.append(1)
        return _number(path)

    file = Reread("number", (path,), read)
    for _ in range(3):
        file.refresh()
    assert (file.value, len(reads)) == (1, 1)
    path.write_text("22")
    file.refresh()
    assert (file.value, len(reads), file.refused) == (22, 2, False)


def test_a_file_put_in_the_place_of_another_is_a_change(path: Path, tmp_path: Path) -> None:
    """A rename, or a link that leads elsewhere, as secrets are mounted, is seen."""
    file = Reread("number", (path,), lambda: _number(path))
    other = tmp_path / "other"
    other.write_text("2")
    path.unlink()
    path.symlink_to(other)
    file.refresh()
    assert file.value == 2


def test_a_bad_change_leaves_the_old_value(path: Path) -> None:
    """What cannot be read, for a foreseen reason or another, is refused until it is corrected."""
    file = Reread("number", (path,), lambda: _number(path))
    for bad in ("nonsense", None):
        if bad is None:
            path.unlink()
        else:
            path.write_text(bad)
        file.refresh()
        assert (file.value, file.refused) == (1, True)
    path.write_text("3")
    file.refresh()
    assert (file.value, file.refused) == (3, False)


def test_a_bad_start_is_an_error(tmp_path: Path) -> None:
    """There is no old value to go on with."""
    with pytest.raises(AccessFileError, match="it is gone"):
        Reread("number", (tmp_path / "x",), lambda: _number(tmp_path / "x"))
