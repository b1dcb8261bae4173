"""The package's names and docstrings: one class name for one thing, and first lines that state what is returned."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).parents[1] / "app" / "acs_sidecar"

OPENERS = frozenset({"Give", "Hold", "Keep", "Let", "Say", "Take", "Tell"})
"""Verbs that say nothing about a function: it returns, yields, raises, checks, or its result is true."""


@dataclass(frozen=True)
class _Definition:
    """A module, class or function: the file that defines it, its docstring, and of a class the name."""

    file: str
    docstring: str
    class_name: str | None


@cache
def _definitions(package: Path) -> list[_Definition]:
    return [
        _Definition(
            str(file.relative_to(package)),
            ast.get_docstring(node) or "",
            node.name if isinstance(node, ast.ClassDef) else None,
        )
        for file in sorted(package.rglob("*.py"))
        for node in _statements(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield a module and each statement in it; the many expressions define nothing."""
    yield tree
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from _statements(node)


def _shared_names(package: Path) -> dict[str, list[str]]:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for each in _definitions(package):
        if each.class_name:
            places[each.class_name].append(each.file)
    return {name: files for name, files in places.items() if len(files) > 1}


def _vague_openers(package: Path) -> list[str]:
    return [
        f"{each.file}: {each.docstring.splitlines()[0]}"
        for each in _definitions(package)
        if each.docstring and each.docstring.split()[0].rstrip("s") in OPENERS
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
