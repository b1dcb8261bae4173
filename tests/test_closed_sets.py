"""Closed sets are closed: whatever is keyed by decisions, points, reasons, limits or types has all of them."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import Enum
from pathlib import Path

import pytest

import acs_sidecar
from acs_client import hook
from acs_client.client import POINTS
from acs_client.snapshot import profile
from acs_sidecar.detectors.members import DETECTOR_MEMBERS
from acs_sidecar.detectors.registry import LOCAL_PROVIDERS
from acs_sidecar.engines.cedar import advice
from acs_sidecar.engines.registry import policy_types
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.manifests.schema import manifest_schema
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.limits import IGNORED_LIMITS, SERVER_LIMITS, Limits
from acs_sidecar.spec.manifest.members import LIMIT_MEMBERS, AnnotatorKind, PolicyKind
from acs_sidecar.spec.points import TOOL_POINTS, InterventionPoint
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.verdict import Decision
from acs_sidecar.telemetry.catalogue import INTERVENTIONS
from tests.conftest import ROOT
from tests.members import MEMBERS

PACKAGE = Path(acs_sidecar.__file__).parent
LIMITS = {*Limits.names(), *IGNORED_LIMITS}
SETS: dict[str, frozenset[str]] = {
    "decisions": frozenset(Decision),
    "points": frozenset(InterventionPoint),
    "reasons": frozenset(Reason),
    "limits": frozenset(Limits.names()),
    "policy types": frozenset(PolicyKind),
}
COMPILER = build_compiler(load_settings({}).settings, HttpClient(), None)


def _tables() -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each mapping of names that a module of the package defines, as `module.NAME`, with its keys."""
    for module in pkgutil.walk_packages(acs_sidecar.__path__, "acs_sidecar."):
        if module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Mapping) and not name.startswith("__"):
                keys = frozenset(str(key) for key in value)
                if len(keys) > 1:
                    yield f"{module.name}.{name}", keys


TABLES = dict(_tables())


@pytest.mark.parametrize("name", SETS)
def test_every_table_has_the_whole_set(name: str) -> None:
    """A table that is keyed by some of a closed set is keyed by all of it."""
    lacking = {
        table: sorted(SETS[name] - keys)
        for table, keys in TABLES.items()
        if keys - IGNORED_LIMITS < SETS[name] and keys & SETS[name]
    }
    assert lacking == {}


def test_tables_are_looked_at() -> None:
    """The tables that are there today are among those that are found."""
    for table in (
        "acs_sidecar.audit.format.export._OUTCOMES",
        "acs_sidecar.cli.policies.evaluate._STYLES",
        "acs_sidecar.spec.manifest.members.POINT_TEXTS",
        "acs_sidecar.spec.manifest.members.LIMIT_MEMBERS",
        "acs_sidecar.spec.reasons._MESSAGES",
    ):
        assert table in TABLES


def test_every_decision_has_its_metric_and_its_place_in_cedar() -> None:
    """What is neither an allow nor a deny is advice of a Cedar policy, in an order of precedence."""
    assert INTERVENTIONS.keys() == set(Decision)
    assert {*advice._RANKED, Decision.ALLOW, Decision.DENY} == set(Decision)


def test_every_point_is_in_the_schema() -> None:
    """An editor knows every point, and which of them are about tools."""
    schema = manifest_schema(MEMBERS)
    points = schema["$defs"]["part"]["properties"]["intervention_points"]["properties"]
    assert points.keys() == set(InterventionPoint)
    tool_points = {name for name, shape in points.items() if shape["$ref"] == "#/$defs/tool_point"}
    assert tool_points == set(TOOL_POINTS)
    assert set(TOOL_POINTS) == {point for point in InterventionPoint if "tool" in point.value}


def test_every_policy_type_is_compiled_and_declared() -> None:
    """Engines, inline engines, member tables and schema know the same types (1.7)."""
    assert policy_types({}).keys() == set(PolicyKind)
    assert COMPILER.types.keys() == COMPILER.inline_types.keys() == set(PolicyKind)
    assert {*COMPILER.members.policies, PolicyKind.CUSTOM} == set(PolicyKind)
    held = [
        each["if"]["properties"]["type"]["const"]
        for each in manifest_schema(MEMBERS)["$defs"]["policy"]["allOf"]
    ]
    assert set(held) == set(PolicyKind)


def test_every_limit_is_declared_and_a_setting() -> None:
    """A manifest and the environment of the service know the same limits (1.11)."""
    assert LIMIT_MEMBERS.keys() == LIMITS
    assert set(Limits.names()) > SERVER_LIMITS
    for name in Limits.names():
        assert load_settings({f"ACS_LIMIT_{name.upper()}": "7"}).settings.limits == replace(
            Limits(), **{name: 7}
        )


def test_every_annotator_type_and_provider_is_built_and_declared() -> None:
    """Builders and member tables know the same types and providers (1.6)."""
    assert COMPILER.annotator_types.keys() == COMPILER.members.annotators.keys() == set(AnnotatorKind)
    assert COMPILER.resolver_types.keys() == COMPILER.members.resolvers.keys()
    assert DETECTOR_MEMBERS.keys() == LOCAL_PROVIDERS.keys()


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("reasons.md", set(Reason)),
        ("limits.md", LIMITS),
        ("1-decision.md", {*Decision, *InterventionPoint, *PolicyKind}),
    ],
)
def test_the_reference_names_all(page: str, names: set[str]) -> None:
    """The reference names each reason, limit, decision, point and policy type."""
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    assert sorted(name for name in names if f"`{name}`" not in text) == []


def test_clients_know_every_decision_and_every_point() -> None:
    """Whatever the service may answer, and wherever it is asked, both clients and the hook have a name for (12.1)."""
    typescript = ROOT / "clients" / "typescript" / "src"
    decisions = re.search(r"DECISIONS = \[(.*?)\]", (typescript / "decision.ts").read_text(encoding="utf-8"))
    points = re.search(
        r"TARGETS = \{(.*?)\} as", (typescript / "profile.ts").read_text(encoding="utf-8"), re.DOTALL
    )
    assert decisions and points
    assert set(re.findall(r'"(\w+)"', decisions[1])) == set(hook.DECISIONS) == set(Decision)
    named = set(re.findall(r"^  (\w+):", points[1], re.MULTILINE))
    assert named == set(POINTS) == profile.TARGETS.keys() == set(InterventionPoint)


def test_the_console_has_a_colour_for_every_decision() -> None:
    """A decision that a page names has a rule in the style sheet (15.2)."""
    style = (PACKAGE / "console" / "static" / "console.css").read_text(encoding="utf-8")
    assert [
        each.value for each in Decision if not re.search(rf"^\.{each.value}\b", style, re.MULTILINE)
    ] == []


# -- match ------------------------------------------------------------------------------------------

ENUMS = {
    name
    for module in pkgutil.walk_packages(acs_sidecar.__path__, "acs_sidecar.")
    if not module.name.endswith("__main__")
    for name, value in vars(importlib.import_module(module.name)).items()
    if isinstance(value, type) and issubclass(value, Enum)
}


def _of_enum(pattern: ast.pattern) -> bool:
    if isinstance(pattern, ast.MatchOr):
        return all(_of_enum(each) for each in pattern.patterns)
    value = pattern.value if isinstance(pattern, ast.MatchValue) else None
    return isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id in ENUMS


def _ends_in_assert_never(statement: ast.Match) -> bool:
    last = statement.cases[-1]
    return isinstance(last.pattern, ast.MatchAs) and "assert_never(" in ast.unparse(last.body[0])


def test_a_match_over_an_enum_ends_in_assert_never() -> None:
    """A member that is added to an enum is an error of the type checker wherever it is not handled."""
    found, open_ended = 0, []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text) if re.search(r"^ *match ", text, re.MULTILINE) else ast.Module([], [])
        for node in ast.walk(tree):
            if isinstance(node, ast.Match) and any(_of_enum(case.pattern) for case in node.cases):
                found += 1
                if not _ends_in_assert_never(node):
                    open_ended.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert open_ended == []
    assert found >= 4
