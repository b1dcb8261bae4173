"""Section 3.1: what is a manifest by its name is listed, whether or not it can be read."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from acs_sidecar.manifests.files import find_manifests
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from tests.manifests.composed import TOP, read_all, write


def _outcomes(folder: Path) -> dict[str, str]:
    """What came of each manifest of a folder, by name."""
    return {
        read.file.name: str(read.content) if isinstance(read.content, ManifestError) else "read"
        for read in read_all(*find_manifests(folder))
    }


@pytest.mark.parametrize("name", ["agent/manifest.yaml", "agent.yaml"])
@pytest.mark.parametrize(
    ("put", "why"),
    [
        (lambda path: path.symlink_to("gone"), "No such file or directory"),
        (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
        (lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
        (os.mkfifo, "is not a regular file"),
    ],
    ids=["dangling", "loop", "device", "pipe"],
)
def test_what_takes_the_place_of_a_manifest_is_invalid(
    tmp_path: Path, name: str, put: Callable[[Path], object], why: str
) -> None:
    """It does not vanish from the set; a device and a pipe are not opened."""
    write(tmp_path, **{"other": TOP, name: TOP})
    (tmp_path / name).unlink()
    put(tmp_path / name)
    assert _outcomes(tmp_path) == {"agent": f"{name}: {why}", "other": "read"}


def test_a_folder_in_the_place_of_a_manifest_is_invalid(tmp_path: Path) -> None:
    """In a folder of its own; beside others, a folder with a suffix is one that may have a manifest."""
    (tmp_path / "agent" / "manifest.yaml").mkdir(parents=True)
    write(tmp_path, other=TOP, empty_yaml__notes="a: 1", **{"full.yaml/manifest.yaml": TOP})
    assert _outcomes(tmp_path) == {
        "agent": "agent/manifest.yaml: is not a regular file",
        "full.yaml": "read",
        "other": "read",
    }


def test_a_link_to_a_folder_that_is_gone_is_invalid(tmp_path: Path) -> None:
    """Nobody can tell that it was no manifest; one to a file of another kind is none."""
    write(tmp_path, other=TOP, _folder__manifest=TOP, **{"notes.txt": "x"})
    (tmp_path / "v1.agent").symlink_to("_folder")
    (tmp_path / "notes").symlink_to("notes.txt")
    assert _outcomes(tmp_path) == {"other": "read", "v1.agent": "read"}
    shutil.rmtree(tmp_path / "_folder")
    assert _outcomes(tmp_path) == {"other": "read", "v1.agent": "v1.agent: No such file or directory"}


def test_names_that_are_left_out_may_lead_nowhere(tmp_path: Path) -> None:
    """`_*` and `.*` are no manifests."""
    write(tmp_path, other=TOP)
    (tmp_path / "_old").symlink_to("gone")
    (tmp_path / "..data").symlink_to("gone")
    assert _outcomes(tmp_path) == {"other": "read"}


@pytest.mark.parametrize("name", [b"\xff.json", b"\xff/manifest.json"])
def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path, name: bytes) -> None:
    """No request could ask for it, and no record could name it."""
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")
    with pytest.raises(ManifestError) as refused:
        find_manifests(tmp_path)
    message = "`\\udcff` is no name of a manifest, for it is not UTF-8: rename it"
    assert [(found.code, found.message) for found in refused.value.diagnostics] == [
        ("file-unreadable", message)
    ]


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Be a user whom permissions bind."""
    own = os.geteuid()
    if own == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(own)


def test_what_may_not_be_looked_at_is_invalid() -> None:
    """One finding for a folder without permission to search it, and one for a set that cannot be listed."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, other=TOP, agent__manifest=TOP)
        folder.chmod(0o755)
        (folder / "agent").chmod(0o600)
        with _as_nobody():
            assert _outcomes(folder) == {"agent": "agent/manifest.yaml: Permission denied", "other": "read"}
        folder.chmod(0o600)
        with _as_nobody(), pytest.raises(ManifestError) as refused:
            find_manifests(folder)
        folder.chmod(0o700)
        (folder / "agent").chmod(0o700)
    (finding,) = refused.value.diagnostics
    assert (finding.code, finding.message) == (
        "manifests-missing",
        f"`{folder}` cannot be listed: Permission denied",
    )
