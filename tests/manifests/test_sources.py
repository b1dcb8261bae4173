"""Section 3.2: the files that a manifest names are read within its directory and within bounds."""

import os
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


def test_follows_linked_folders_that_stay(folder: Path, tmp_path: Path) -> None:
    """A linked folder is part of the tree, as in a mounted ConfigMap; one that leaves is refused."""
    (folder / "generation" / "sub").mkdir(parents=True)
    (folder / "generation" / "sub" / "forbid.rego").write_text("f")
    (folder / "policies" / "..data").symlink_to("../generation")
    (folder / "policies" / "more").symlink_to("..data/sub")
    sources = DirectorySources(folder)
    listed = ["a.rego", "b.rego", "more/forbid.rego", "sub/c.json"]
    assert [file.name for file in sources.read_tree("policies")] == listed
    (tmp_path / "empty").mkdir()
    (folder / "policies" / "out").symlink_to(tmp_path / "empty")
    with pytest.raises(SourceError, match="`policies/out` is outside the manifest"):
        sources.read_tree("policies")


def test_refuses_names_that_are_not_utf8(folder: Path) -> None:
    """No finding could name them: of a file in a folder, and of what a link leads to."""
    odd = folder / os.fsdecode(b"\xff")
    odd.mkdir()
    (odd / "rule.rego").write_text("")
    (folder / "link").symlink_to(odd)
    sources = DirectorySources(folder)
    with pytest.raises(
        SourceError, match=r"^`\.?/?\\udcff(/rule\.rego)?` has a name that is not UTF-8: rename it$"
    ):
        sources.read_tree(".")
    with pytest.raises(SourceError, match=r"^`\\udcff/rule\.rego` has a name that is not UTF-8: rename it$"):
        sources.locate("link/rule.rego")


def test_refuses_a_folder_that_contains_itself(folder: Path) -> None:
    """A link in a circle ends at the bound on depth, and loudly."""
    (folder / "policies" / "loop").symlink_to(".")
    with pytest.raises(SourceError, match="`policies` nests directories deeper than 32"):
        DirectorySources(folder).read_tree("policies")


def test_refuses_a_folder_that_cannot_be_listed(folder: Path) -> None:
    """What a folder holds that the system does not list would be missing from the policies."""
    name = "d" * 250
    inner = os.open(folder / "policies", os.O_RDONLY)
    for _ in range(20):  # longer than a path may be
        os.mkdir(name, dir_fd=inner)
        outer, inner = inner, os.open(name, os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(inner)
    with pytest.raises(SourceError, match=r"d{250}` (cannot be read: File name too long|does not exist)"):
        DirectorySources(folder).read_tree("policies")


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
