"""Text files are whole: no merge left its markers in one."""

import re

from tests.conftest import ROOT

_MARKERS = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)
_FOLDERS = ("app", "bench", "deploy", "docs", "manifests", "openapi", "tests")
_SUFFIXES = frozenset({".json", ".md", ".py", ".rego", ".toml", ".yaml"})


def test_no_file_has_conflict_markers() -> None:
    """Documents are not compiled, so nothing else sees markers in them."""
    files = [path for folder in _FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in _SUFFIXES]
    files += [path for path in ROOT.iterdir() if path.suffix in _SUFFIXES]
    assert len(files) > 500
    assert [str(path) for path in files if _MARKERS.search(path.read_text(encoding="utf-8"))] == []


def test_markers_are_seen() -> None:
    """The check can fail."""
    assert _MARKERS.search("a\n" + "<" * 7 + " HEAD\nb\n")
