"""The package's names and docstrings: one class name for one thing, and first lines that state what is returned."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "app" / "acs_sidecar"

OPENERS = frozenset({"Give", "Hold", "Keep", "Let", "Say", "Take", "Tell"})
"""Verbs that say nothing about a function: it returns, yields, raises, checks, or its result is true."""

_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@cache
def _definitions(package: Path) -> list[tuple[str, _Documented]]:
    """Return each module, class and function with the file that defines it."""
    return [
        (str(file.relative_to(package)), node)
        for file in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, _Documented)
    ]


def _shared_names(package: Path) -> dict[str, list[str]]:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for file, node in _definitions(package):
        if isinstance(node, ast.ClassDef):
            places[node.name].append(file)
    return {name: files for name, files in places.items() if len(files) > 1}


def _vague_openers(package: Path) -> list[str]:
    return [
        f"{file}: {text.splitlines()[0]}"
        for file, node in _definitions(package)
        if (text := ast.get_docstring(node))
        if text.split()[0].rstrip("s") in OPENERS
    ]


def test_no_class_name_is_defined_twice() -> None:
    """A class name means one thing in the whole package."""
    assert _shared_names(PACKAGE) == {}


def test_no_docstring_begins_with_a_vague_verb() -> None:
    """The first line of a docstring says what is returned, raised, checked or true."""
    assert _vague_openers(PACKAGE) == []


def test_both_checks_can_fail(tmp_path: Path) -> None:
    """A second class of one name is found, and so is a docstring that gives or keeps."""
    (tmp_path / "a.py").write_text('class One:\n    """Keeps numbers."""\n', encoding="utf-8")
    (tmp_path / "b.py").write_text('class One:\n    def two(self) -> None:\n        """Give two."""\n')
    assert _shared_names(tmp_path) == {"One": ["a.py", "b.py"]}
    assert _vague_openers(tmp_path) == ["a.py: Keeps numbers.", "b.py: Give two."]
