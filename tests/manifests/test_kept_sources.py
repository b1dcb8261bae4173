"""Sections 1.3 and 3.1: what a manifest read goes with it, names it, and is not read twice."""

import os
import pickle
import shutil
from pathlib import Path

import pytest

from acs_sidecar.manifests.kept_sources import KeptSources
from acs_sidecar.manifests.sources import DirectorySources
from acs_sidecar.manifests.watch import tree_state
from acs_sidecar.spec.ports import SourceError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A file, and a folder with two."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "one").write_text("1")
    (tmp_path / "tree" / "two").write_text("2")
    (tmp_path / "tree" / "three").write_text("3")
    return tmp_path


def _read(folder: Path) -> KeptSources:
    sources = KeptSources(DirectorySources(folder))
    sources.read("one")
    sources.read_tree("tree")
    with pytest.raises(SourceError):
        sources.read("none")
    return sources


def test_what_was_read_is_kept_and_sent_along(folder: Path) -> None:
    """Elsewhere, with the files gone, everything that was read is there, and nothing else."""
    sources = _read(folder)
    shutil.rmtree(folder / "tree")
    sent = pickle.loads(pickle.dumps(sources))  # noqa: S301  # written here
    for one in (sources, sent):
        assert one.read("one").content == b"1"
        assert [file.content for file in one.read_tree("tree")] == [b"3", b"2"]
        with pytest.raises(SourceError, match="`none` does not exist in the manifest's directory"):
            one.read("none")
    assert sent.digests() == sources.digests()
    with pytest.raises(SourceError, match="is not allowed to read files"):
        sent.read("tree/two")


@pytest.mark.parametrize("change", ["one", "tree/two", "tree/new", "none"])
def test_every_read_names_its_content(folder: Path, change: str) -> None:
    """Another content, another file and a file that was missing are other reads."""
    before = _read(folder).digests()
    assert _read(folder).digests() == before
    (folder / change).write_text("other")
    after = KeptSources(DirectorySources(folder))
    after.read_ahead(before)
    assert after.digests() != before


def test_the_state_of_a_tree_changes_with_every_file(tmp_path: Path) -> None:
    """Written, added, removed, renamed, or exchanged behind a link: each is another state."""
    folder = tmp_path / "real"
    folder.mkdir()
    link = tmp_path / "link"
    link.symlink_to(folder)
    states = [tree_state([link])]

    def changed() -> bool:
        states.append(tree_state([link]))
        return states[-1] not in states[:-1]

    (folder / "a").write_text("1")
    assert changed()
    os.utime(folder / "a", ns=(1, 1))
    assert changed()
    (folder / "a").rename(folder / "b")
    assert changed()
    shutil.copytree(folder, tmp_path / "copy")
    link.unlink()
    link.symlink_to(tmp_path / "copy")
    assert changed()
    shutil.rmtree(tmp_path / "copy")
    assert changed()
    assert tree_state([link]) == states[-1]


def test_the_state_of_several_places(tmp_path: Path) -> None:
    """A change in any of them counts: in a folder, beside a file, and where nothing was before."""
    places = [tmp_path / "manifests" / "one.json", tmp_path / "library", tmp_path / "later"]
    for folder in ("manifests", "library"):
        (tmp_path / folder).mkdir()
    places[0].write_text("{}")
    states = [tree_state(places)]
    for changed in ("manifests/beside", "library/a.rego", "later"):
        (tmp_path / changed).write_text("1")
        states.append(tree_state(places))
    assert len(set(states)) == len(states)
    assert tree_state(places) == states[-1]
