"""Paths with a backslash: what POSIX reads, which has it in names, counts beside what Windows reads (section 9.3)."""

import posixpath
import random
from collections.abc import Sequence

import pytest

from acs_sidecar.engines.adapters.oags.document.reader import read_normal
from acs_sidecar.engines.adapters.oags.enforcement import Enforcer, PathReading, enforcer_of
from acs_sidecar.engines.adapters.oags.matching.paths import read_path
from acs_sidecar.engines.document_findings import DocumentFindings
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.values import Json

COUNT = 100_000
PARTS = ["srv", "etc", "a", "..", ".", "x.txt", "", "workspace", "tmp"]
SEPARATORS = ["/", "/", "\\", "\\", "//", ""]


def enforcer(root: str, *allowed: str, blocked: Sequence[str] = (), extensions: Json = None) -> Enforcer:
    """The enforcer of a policy about paths, with relative ones below `root`."""
    members: dict[str, Json] = {"allowed_paths": [*allowed], "blocked_paths": [*blocked]}
    if extensions is not None:
        members["allowed_extensions"] = extensions
    policy = read_normal(DocumentFindings(Document({"permissions": {"filesystem": members}}, {}), "policy"))
    assert policy is not None
    return enforcer_of(policy, PathReading(read_path(root, None)))


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/srv\\a", "fs.not_allowed"),
        ("\\srv\\a", "fs.not_allowed"),
        ("/etc\\..\\srv\\a", "fs.not_allowed"),
        ("out\\a", "fs.not_allowed"),
        ("/srv/secret/a\\..\\..\\ok", "fs.blocked"),
        ("/srv/secret\\a", "fs.blocked"),
        ("\\..", "fs.ambiguous"),
        ("/srv/a\\b", None),
        ("/srv/a\\..\\b", None),
    ],
)
def test_both_readings_must_pass(path: str, rule: str | None) -> None:
    """A path that one system has elsewhere is not allowed, and one that one has under a blocked entry is blocked."""
    asked = enforcer("/workspace", "/srv/*", "out/*", blocked=["/srv/secret"])
    assert asked.file(path) == rule
    assert asked.file("/srv/b", "read", path) == rule


def test_a_drive_leaves_one_reading() -> None:
    """A host of paths with drives has no backslash in names."""
    asked = enforcer("C:\\work", "out/*", "D:\\data\\*")
    assert [asked.file(path) for path in ("out\\a", "C:\\work\\out\\a", "d:\\data\\x\\..\\a")] == [None] * 3


def test_the_extension_of_either_reading_counts() -> None:
    """On POSIX `a.sh\\b` ends in none that is allowed."""
    asked = enforcer("/workspace", "/srv/*", extensions=["txt"])
    assert asked.file("/srv/a\\b.txt") is None
    assert asked.file("/srv/a.sh\\.txt") == "fs.ext"


@pytest.mark.slow
def test_no_path_is_allowed_that_posix_puts_outside() -> None:
    """Of 100,000 random paths none is allowed that `normpath` puts outside, backslashes as they stand or as `/`."""
    asked = enforcer("/workspace", "/srv/*", blocked=["/srv/etc"])
    chosen = random.Random(3)  # texts from a seed
    passed = 0
    for _ in range(COUNT):
        start = chosen.choice(["/srv", "/srv/", "\\srv\\", ""])
        text = start + "".join(
            chosen.choice(PARTS) + chosen.choice(SEPARATORS) for _ in range(chosen.randint(1, 6))
        )
        if asked.file(text) is not None:
            continue
        passed += "\\" in text
        for reading in (text, text.replace("\\", "/")):
            place = posixpath.normpath(posixpath.join("/workspace", reading))
            assert place == "/srv" or place.startswith("/srv/"), (text, place)
            assert not f"{place}/".startswith("/srv/etc/"), (text, place)
    assert passed > 1_000
