"""Section 3.2: the files that a manifest names are read within its directory and within bounds."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from acs_sidecar.manifests.discovery import read_manifests
from acs_sidecar.manifests.files import ManifestFile
from acs_sidecar.manifests.sources import DirectorySources
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import NoSources, SourceError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A manifest's directory with a policy folder, and a secret outside of it."""
    (tmp_path / "secret.txt").write_text("secret")
    inside = tmp_path / "agent"
    (inside / "policies" / "sub").mkdir(parents=True)
    (inside / "policies" / "b.rego").write_text("b")
    (inside / "policies" / "a.rego").write_text("a")
    (inside / "policies" / "sub" / "c.json").write_text("{}")
    return inside


def test_reads_a_file_and_a_tree_in_byte_order(folder: Path) -> None:
    """Entries of a directory are named relative to it and sorted by bytes."""
    sources = DirectorySources(folder)
    assert sources.read("policies/a.rego").content == b"a"
    assert [(file.name, file.content) for file in sources.read_tree("policies")] == [
        ("a.rego", b"a"),
        ("b.rego", b"b"),
        ("sub/c.json", b"{}"),
    ]
    assert [file.name for file in sources.read_tree("policies/a.rego")] == ["policies/a.rego"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "../secret.txt",
            "`../secret.txt` is outside the manifest's directory, the manifests' root and ACS_POLICY_ROOTS",
        ),
        (
            "policies/../../secret.txt",
            "`policies/../../secret.txt` is outside the manifest's directory, the manifests' root and ACS_POLICY_ROOTS",
        ),
        ("/etc/passwd", "`/etc/passwd` is absolute: paths are relative to the manifest"),
        ("nothing", "`nothing` does not exist in the manifest's directory"),
        ("policies", "`policies` is not a file"),
        (" ", "the path must not be blank"),
        ("a\0b", "the path must not be blank"),
    ],
)
def test_refuses_a_path_that_leaves(folder: Path, path: str, message: str) -> None:
    """The message says why and never shows a path of the file system."""
    with pytest.raises(SourceError) as caught:
        DirectorySources(folder).read(path)
    assert str(caught.value) == message


def test_refuses_links_that_leave_and_follows_those_that_stay(folder: Path) -> None:
    """A symbolic link counts as what it leads to."""
    (folder / "out.txt").symlink_to("../secret.txt")
    (folder / "in.txt").symlink_to("policies/a.rego")
    (folder / "policies" / "out.rego").symlink_to("../../secret.txt")
    sources = DirectorySources(folder)
    assert sources.read("in.txt").content == b"a"
    for attempt in (lambda: sources.read("out.txt"), lambda: sources.read_tree("policies")):
        with pytest.raises(SourceError, match="is outside the manifest"):
            attempt()


def test_never_opens_a_pipe(folder: Path) -> None:
    """A pipe in the tree is refused, for reading it would wait for ever."""
    os.mkfifo(folder / "policies" / "pipe")
    with pytest.raises(SourceError, match="`pipe` is not a regular file"):
        DirectorySources(folder).read_tree("policies")


def test_bounds_bytes_of_a_file_and_of_a_tree(folder: Path) -> None:
    """The bound is on all bytes of one tree together."""
    (folder / "policies" / "big").write_bytes(b"x" * 99)
    with pytest.raises(SourceError, match="raises the bytes read above 100"):
        DirectorySources(folder, max_bytes=100).read_tree("policies")
    with pytest.raises(SourceError, match="above 98"):
        DirectorySources(folder, max_bytes=98).read("policies/big")


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
    ],
)
def test_refuses_hostile_entries(folder: Path, entry: tarfile.TarInfo, message: str) -> None:
    """No absolute names beyond the `/` that OPA writes, no `..`, no links, no special files."""
    with pytest.raises(SourceError, match=message):
        _archive(folder, (entry, b"")).read_tree("bundle.tar.gz")


def test_refuses_an_entry_twice(folder: Path) -> None:
    """Two entries of one name would let a reader choose."""
    with pytest.raises(SourceError, match="holds a duplicate entry"):
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


@pytest.mark.parametrize("content", [b"", b"not gzip", b"\x1f\x8b\x08\x00garbage"])
def test_refuses_what_is_not_an_archive(folder: Path, content: bytes) -> None:
    """Damaged archives are refused as such."""
    (folder / "bundle.tar.gz").write_bytes(content)
    with pytest.raises(SourceError, match=r"is not a `\.tar\.gz` archive"):
        DirectorySources(folder).read_tree("bundle.tar.gz")


def test_an_inline_manifest_reads_nothing() -> None:
    """The reader of a manifest that may not name files refuses everything."""
    for attempt in (lambda: NoSources().read("a"), lambda: NoSources().read_tree("a")):
        with pytest.raises(SourceError, match="this manifest is not allowed to read files"):
            attempt()


def test_reads_from_other_roots(folder: Path, tmp_path: Path) -> None:
    """A path may leave the folder for another root, by `..` or a link, and no further."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "shared.rego").write_text("shared")
    (library / "out.txt").symlink_to(folder.parent / "secret.txt")
    (folder / "linked").symlink_to(library)
    way = os.path.relpath(library, folder)
    sources = DirectorySources(folder, roots=[library])
    assert sources.read(f"{way}/shared.rego").content == b"shared"
    assert sources.read("linked/shared.rego").content == b"shared"
    assert sources.locate("linked/shared.rego") == f"{way}/shared.rego"
    for path in (f"{way}/out.txt", f"{way}/../secret.txt", "linked/out.txt"):
        with pytest.raises(SourceError, match="outside the manifest"):
            sources.read(path)
    with pytest.raises(SourceError, match="is outside the manifest's directory"):
        DirectorySources(folder).read("linked/shared.rego")


def test_several_manifests_share_a_library(tmp_path: Path) -> None:
    """A parent and its policies may lie in a configured root; without it they are invalid."""
    (tmp_path / "manifests" / "agent").mkdir(parents=True)
    (tmp_path / "library" / "rules").mkdir(parents=True)
    manifest = tmp_path / "manifests" / "agent" / "manifest.yaml"
    manifest.write_text(
        "agent_control_specification_version: 0.3.1-beta\nextends: [../../library/base.yaml]\n"
        "intervention_points: {input: {policy_target: $, policy: {id: p}}}\n"
    )
    (tmp_path / "library" / "base.yaml").write_text(
        "agent_control_specification_version: 0.3.1-beta\n"
        "policies: {p: {type: cedar, policy_path: rules/main.cedar}}\n"
    )
    (tmp_path / "library" / "rules" / "main.cedar").write_text("permit(principal, action, resource);")
    files = [ManifestFile("agent", manifest)]
    variables = {"ACS_MANIFESTS": str(tmp_path / "manifests")}
    library = {"ACS_POLICY_ROOTS": str(tmp_path / "library")}
    (read,) = read_manifests(load_settings({**variables, **library}).settings, files)
    assert not isinstance(read.content, ManifestError)
    assert '"../../library/rules/main.cedar"' in canonical(read.content.value).decode()
    assert read.sources.read("../../library/rules/main.cedar").content.startswith(b"permit")
    (refused,) = read_manifests(load_settings(variables).settings, files)
    assert isinstance(refused.content, ManifestError)
    assert "outside the manifest's directory" in str(refused.content.diagnostics[0])


def test_manifests_share_what_is_below_their_root(tmp_path: Path) -> None:
    """A parent and its policies may lie beside a manifest's folder; with one file as root they are invalid."""
    root = tmp_path / "manifests"
    (root / "agent").mkdir(parents=True)
    (root / "shared").mkdir()
    (root / "shared" / "base.yaml").write_text(
        "agent_control_specification_version: 0.3.1-beta\npolicies: {p: {type: cedar, policy_path: main.cedar}}\n"
    )
    (root / "shared" / "main.cedar").write_text("permit(principal, action, resource);")
    manifest = root / "agent" / "manifest.yaml"
    manifest.write_text(
        "agent_control_specification_version: 0.3.1-beta\nextends: [../shared/base.yaml]\n"
        "intervention_points: {input: {policy_target: $, policy: {id: p}}}\n"
    )
    files = [ManifestFile("agent", manifest)]
    (read,) = read_manifests(load_settings({"ACS_MANIFESTS": str(root)}).settings, files)
    assert read.sources.read("../shared/main.cedar").content.startswith(b"permit")
    elsewhere = load_settings({"ACS_MANIFESTS": str(manifest)}).settings
    (given,) = read_manifests(elsewhere, files, [root])
    assert given.content == read.content
    (alone,) = read_manifests(elsewhere, files, [manifest])
    assert isinstance(alone.content, ManifestError)
    assert "outside the manifest's directory" in str(alone.content.diagnostics[0])
