"""Section 3.2: archives of policies are read whole and within bounds, or refused."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from acs_sidecar.manifests.archives import unpack_archive
from acs_sidecar.manifests.sources import DirectorySources
from acs_sidecar.spec.ports import SourceError, SourceFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A manifest's directory."""
    return tmp_path


def _archive(folder: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> DirectorySources:
    with tarfile.open(folder / "bundle.tar.gz", "w:gz") as archive:
        for info, content in entries:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return DirectorySources(folder, max_bytes=1_000_000)


def _info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    return info


def test_reads_an_archive_like_a_directory(folder: Path) -> None:
    """Entries of a `.tar.gz` come by name, wherever they stand in it, and `./` does not count."""
    sources = _archive(
        folder, (_info("./z.rego"), b"z"), (_info("d", tarfile.DIRTYPE), b""), (_info("d/a.json"), b"1")
    )
    files = [(file.name, file.content) for file in sources.read_tree("bundle.tar.gz")]
    assert files == [("d/a.json", b"1"), ("z.rego", b"z")]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (_info("../x"), "holds an entry whose path leaves the archive"),
        (_info("a/../../x"), "holds an entry whose path leaves the archive"),
        (_info("//etc/x"), "holds an entry whose path leaves the archive"),
        (_info("a\\..\\x"), "holds an entry whose path leaves the archive"),
        (_info("x", tarfile.SYMTYPE, "/etc/passwd"), "holds a link or a special file"),
        (_info("x", tarfile.LNKTYPE, "y"), "holds a link or a special file"),
        (_info("x", tarfile.CHRTYPE), "holds a link or a special file"),
        (_info("x", tarfile.FIFOTYPE), "holds a link or a special file"),
        (_info("/".join("d" * 40)), "nested too deep"),
        (_info("/"), "has no name"),
        (_info("."), "has no name"),
        (_info("\udcff.rego"), r"`\\udcff\.rego` has a name that is not UTF-8: rename it"),
    ],
)
def test_refuses_hostile_entries(folder: Path, entry: tarfile.TarInfo, message: str) -> None:
    """No absolute names beyond the `/` that OPA writes, no `..`, no links, no special files."""
    with pytest.raises(SourceError, match=message):
        _archive(folder, (entry, b"")).read_tree("bundle.tar.gz")


def test_refuses_an_entry_twice(folder: Path) -> None:
    """Two entries of one name would let a reader choose."""
    with pytest.raises(SourceError, match="comes twice"):
        _archive(folder, (_info("a"), b"1"), (_info("./a"), b"2")).read_tree("bundle.tar.gz")


def test_bounds_what_an_archive_expands_to(folder: Path) -> None:
    """A small archive that expands to a lot is refused before it is unpacked."""
    with pytest.raises(SourceError, match="expands to more than 1000000 bytes"):
        _archive(folder, (_info("zeros"), b"\0" * 5_000_000)).read_tree("bundle.tar.gz")


def test_bounds_the_entries_of_an_archive(folder: Path) -> None:
    """Many empty entries are refused by their number."""
    entries = [(_info(f"f{number}"), b"") for number in range(2_001)]
    sources = DirectorySources(folder)
    _archive(folder, *entries)
    with pytest.raises(SourceError, match="holds more than 2000 entries"):
        sources.read_tree("bundle.tar.gz")


@pytest.mark.parametrize("content", [b"not gzip", b"\x1f\x8b\x08\x00garbage"])
def test_refuses_what_is_not_an_archive(folder: Path, content: bytes) -> None:
    """Damaged archives are refused as such."""
    (folder / "bundle.tar.gz").write_bytes(content)
    with pytest.raises(SourceError, match=r"is not a `\.tar\.gz` archive"):
        DirectorySources(folder).read_tree("bundle.tar.gz")


def _tar(*names: str) -> bytes:
    """Return a tar of files that hold one block each, so that the headers are at 0, 1,024, …"""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name in names:
            info = _info(name)
            info.size = 512
            archive.addfile(info, io.BytesIO(b"x" * 512))
    return content.getvalue()


def _header(kind: bytes, size: int) -> bytes:
    info = _info("././@LongLink", kind)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


_DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a wrong checksum": (lambda tar: tar[:1172] + b"9" + tar[1173:], r"is not a `\.tar\.gz` archive"),
    "an empty header": (lambda tar: tar[:1024] + bytes(512) + tar[1536:], "holds data behind its end"),
    "cut between entries": (lambda tar: tar[:1024], "is cut off"),
    "cut in a header": (lambda tar: tar[:1124], r"is not a `\.tar\.gz` archive"),
    "cut in an entry": (lambda tar: tar[:1636], "is cut off"),
    "empty": (lambda _tar: b"", "is cut off"),
    "a second archive": (lambda tar: tar + _tar("c"), "holds data behind its end"),
    "a negative size": (lambda tar: _header(tarfile.REGTYPE, -1) + tar, r"is not a `\.tar\.gz` archive"),
    "a long extended header": (
        lambda tar: _header(tarfile.GNUTYPE_LONGNAME, 70_000) + bytes(70_144) + tar,
        "holds an entry whose headers exceed 65536 bytes",
    ),
    "many extended headers": (
        lambda tar: (_header(tarfile.GNUTYPE_LONGNAME, 3) + b"abc".ljust(512, b"\0")) * 200 + tar,
        "holds an entry whose headers exceed 65536 bytes",
    ),
}


@pytest.mark.parametrize("damage", _DAMAGES)
def test_refuses_a_damaged_archive(damage: str) -> None:
    """No entry is left out in silence: a policy that forbids may be behind the damage."""
    damaged, message = _DAMAGES[damage]
    with pytest.raises(SourceError, match=message):
        unpack_archive(SourceFile("a.tar.gz", gzip.compress(damaged(_tar("a", "b")))), 1_000_000)


def test_reads_long_names() -> None:
    """The names that need a header of their own are read in both formats of tar."""
    name = "/".join(["d" * 60] * 4)
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz", format=form) as archive:
            archive.addfile(_info(f"{name}é"))
        (file,) = unpack_archive(SourceFile("a.tar.gz", content.getvalue()), 1_000_000)
        assert file.name == f"{name}é"
