"""The page of promises names tests that exist (docs/security.md)."""

import ast
import re
from functools import cache

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text()


def test_every_promise_names_tests_that_exist() -> None:
    """Each row of a table of promises ends with at least one test, in a file that defines it."""
    rows = [
        row
        for table in PAGE.split("| promise | by | shown by |\n|---|---|---|\n")[1:]
        for row in table.split("\n\n")[0].splitlines()
    ]
    assert len(rows) > 40
    for row in rows:
        named = re.findall(r"`(tests/[a-z_/]+\.py)::(test_\w+)`", row.split(" | ")[-1])
        assert named, row
        for file, test in named:
            assert test in _tests(file), f"{file}::{test}"


@cache
def _tests(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
