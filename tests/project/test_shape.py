"""The code stays easy to enter: short files, small folders, no import cycle."""

import tomllib
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

from tests.conftest import ROOT

MOST_LINES = 400
MOST_MODULES = 20
CODE = [ROOT / name for name in ("app/acs_sidecar", "tests", "docs/generate", "bench", "clients/python")]
ONE_FILE = {"clients/python/acs_client/hook.py"}
"""Section 12.10 wants the hook in one file: every import would add to its start."""


@pytest.mark.parametrize("folder", CODE, ids=lambda folder: folder.name)
def test_no_file_is_long(folder: Path) -> None:
    """A file that grows beyond 400 lines has more than one job."""
    lines = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in folder.rglob("*.py")}
    assert len(lines) > 10
    assert {path for path, count in lines.items() if count > MOST_LINES} <= ONE_FILE


@pytest.mark.parametrize("folder", CODE, ids=lambda folder: folder.name)
def test_no_folder_is_full(folder: Path) -> None:
    """A folder of more than 20 modules has a folder missing in it."""
    modules = Counter(path.parent for path in folder.rglob("*.py") if path.name != "__init__.py")
    full = {str(path.relative_to(ROOT)): count for path, count in modules.items() if count > MOST_MODULES}
    assert full == {}


def test_every_room_has_its_place_in_the_layers() -> None:
    """A package that no layer names could import anything."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    placed = {name.split(".")[1] for layer in layers for name in layer.split(" | ")}
    package = ROOT / "app" / "acs_sidecar"
    rooms = {
        path.parent.name if path.name == "__init__.py" else path.stem
        for path in (*package.glob("*.py"), *package.glob("*/__init__.py"))
    } - {"acs_sidecar"}
    assert rooms - placed == {"probe"}, "the probe imports nothing of the package"
    assert placed <= rooms


def cycle(imports: dict[str, set[str]]) -> list[str]:
    """One cycle of imports, or nothing."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_no_module_imports_itself_through_others() -> None:
    """Imports for types alone and imports inside functions count too."""
    graph = grimp.build_graph("acs_sidecar", cache_dir=None)
    imports = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    assert len(imports) > 250
    assert cycle(imports) == []


@pytest.mark.parametrize("way", [("a", "b"), ("a", "b", "c")])
def test_a_cycle_is_found(way: tuple[str, ...]) -> None:
    """Two modules that import one another are a cycle, and so are three in a ring."""
    ring = {module: {following} for module, following in zip(way, (*way[1:], way[0]), strict=True)}
    assert set(cycle({"entry": {"a"}} | ring)) == set(way)
