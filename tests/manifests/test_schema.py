"""The JSON Schema of the manifest: current, served, and never stricter than the readers (section 2.3)."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from acs_sidecar.manifests.discovery import read_manifests
from acs_sidecar.manifests.files import ManifestFile
from acs_sidecar.manifests.loading import build_compiler, compile_manifest
from acs_sidecar.manifests.schema import manifest_schema
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.document.text import parse_document
from acs_sidecar.spec.manifest.compiled import InvalidManifest
from acs_sidecar.spec.manifest.declaration import MemberTable
from acs_sidecar.spec.manifest.members import APPROVAL_MEMBERS, LIMIT_MEMBERS, MANIFEST_MEMBERS, POINT_MEMBERS
from tests.cases import changed, load_file
from tests.command import run
from tests.conftest import ROOT, Service
from tests.examples import MANIFESTS, NAMES
from tests.members import MEMBERS

CHECKED_IN = ROOT / "openapi" / "manifest.schema.json"
SCHEMA = manifest_schema(MEMBERS)
VALIDATOR = Draft202012Validator(SCHEMA)
CASES = load_file("manifests.yaml")
OWN_CODES = {"name-unknown", "prompt-ambiguous", "inline-forbidden", "path-forbidden"}
"""What takes more than a shape to find."""

DECLARED: list[MemberTable] = [
    *MEMBERS.policies.values(),
    *MEMBERS.bindings.values(),
    *MEMBERS.adapters.values(),
    *MEMBERS.annotators.values(),
    *(table for providers in MEMBERS.providers.values() for table in providers.values()),
    *MEMBERS.resolvers.values(),
]

EVERYTHING: dict[str, Any] = {
    "agent_control_specification_version": "0.3.1-beta-agt",
    "metadata": {"owner": "team"},
    "policies": {
        "fixed": {"type": "test", "output": {"decision": "allow"}, "delay_ms": 0},
        "rego": {
            "type": "rego",
            "modules": {"m": "package a\nallow := data.x"},
            "data": {"x": 1},
            "query": "data.a.allow",
            "rego_version": 1,
        },
        "cedar": {
            "type": "cedar",
            "policy_set": "permit(principal, action, resource) when { context.a };",
            "entities": [],
            "query": {"principal": 'Agent::"a"', "context": {"a": True}},
        },
        "custom": {"type": "custom", "adapter": "rate_card", "prices": {"m": {"input": 1, "output": 1}}},
    },
    "annotators": {"tone": {"type": "endpoint", "url": "http://127.0.0.1:1/"}},
    "tools": {"t": {"clearance": "public"}},
    "approval": {"default_resolver": "h", "timeout_seconds": 60, "on_timeout": "deny", "resolvers": {"h": {"type": "host"}}},
    "limits": {"max_snapshot_bytes": 1000},
    "intervention_points": {
        "input": {"policy_target": "$snap.a", "policy": {"id": "fixed"}, "annotations": {"tone": {"from": "$policy_target"}}},
        "pre_tool_call": {"policy_target": "$.a[0]", "tool_name_from": '$snap["b c"]', "policy": {"id": "rego"}},
        "post_tool_call": {"policy_target": "$", "policy": {"id": "cedar", "resource": {"type": "R", "id": "$snap.id"}}},
        "output": {"policy_target": "$snap", "policy_target_kind": None, "policy": {"id": "custom"}},
    },
}  # fmt: skip

_NEWER_POINTS = {
    **EVERYTHING["intervention_points"],
    "input": {"policy_target": "$snap.a", "policy": {"id": "fixed"}, "annotations": {"tone": {"from": "$target[01]"}}},
    "post_tool_call": {"policy_target": "$", "policy": {"id": "cedar"}},
}  # fmt: skip
NEWER: dict[str, Any] = {
    **EVERYTHING,
    "agent_control_specification_version": " 0.4.0-alpha.1",
    "metadata": None,
    "policies": {
        **EVERYTHING["policies"],
        "fixed": {"type": "test", "verdict": {"decision": "allow"}},
        "cedar": {"type": "cedar", "policy_set": "permit(principal, action, resource);"},
    },
    "intervention_points": _NEWER_POINTS,
}
NEWEST: dict[str, Any] = {
    **NEWER,
    "agent_control_specification_version": "0.5.0-alpha.1",
    "annotators": {**EVERYTHING["annotators"], "mood": {"type": "endpoint", "url": "http://127.0.0.1:2/"}},
    "intervention_points": {
        **_NEWER_POINTS,
        "input": {
            "policy_target": "$snap.a",
            "policy": {"id": "fixed"},
            "annotations": {"tone": {"from": "$target"}, "mood": {"from": "$pi.annotations.tone.x", "needs": ["tone"]}},
        },
    },
}  # fmt: skip

SETTINGS = load_settings({}).settings
COMPILER = build_compiler(SETTINGS, HttpClient(), None)


def _refused(manifest: Any, folder: Path) -> bool:
    """Tell whether the service would refuse a manifest, or says that nothing looks at a part of it."""
    file = folder / "manifest.json"
    file.write_text(json.dumps(manifest))
    (read,) = read_manifests(SETTINGS, [ManifestFile("m", file)])
    compiled = compile_manifest(read, COMPILER)
    if isinstance(compiled, InvalidManifest):
        return True
    return not {finding.code for finding in compiled.warnings}.isdisjoint(
        {"policy-unbound", "annotator-unused"}
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the examples' folders, to put other manifests into, and an empty one."""
    folder = tmp_path_factory.mktemp("manifests")
    for name in NAMES:
        shutil.copytree(MANIFESTS / name, folder / name)
    return folder


def _example(name: str) -> Any:
    return parse_document((MANIFESTS / name / "manifest.yaml").read_text()).value


@pytest.mark.server
def test_the_schema_is_a_schema_and_checked_in(tmp_path: Path) -> None:
    """What is checked in is what the command prints; `make schema` renews it."""
    Draft202012Validator.check_schema(SCHEMA)
    assert run(tmp_path, "schema").stdout == CHECKED_IN.read_text()
    assert json.loads(CHECKED_IN.read_text()) == SCHEMA


def test_the_schema_is_served(inline_service: Service) -> None:
    """The service gives the same document."""
    status, headers, body = inline_service.request("GET", "/v1/manifest.schema.json")
    assert (status, headers["content-type"]) == (200, "application/schema+json")
    assert json.loads(body) == SCHEMA


@pytest.mark.parametrize("name", NAMES)
def test_an_example_names_the_schema_and_fits_it(name: str) -> None:
    """An editor that opens an example finds the schema, and nothing wrong."""
    first = (MANIFESTS / name / "manifest.yaml").read_text().splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert (MANIFESTS / name / named).resolve() == CHECKED_IN
    assert list(VALIDATOR.iter_errors(_example(name))) == []


@pytest.mark.parametrize("manifest", [EVERYTHING, NEWER, NEWEST], ids=["0.3", "0.4", "0.5"])
def test_a_manifest_with_everything_fits_and_compiles(manifest: dict[str, Any], folders: Path) -> None:
    """The bases of the properties below are valid to both."""
    assert list(VALIDATOR.iter_errors(manifest)) == []
    assert not _refused(manifest, folders)


@pytest.mark.parametrize(
    ("base", "change", "wrong"),
    [
        (EVERYTHING, {"metadata": None}, "metadata"),
        (EVERYTHING, {"policies": {"p": {"type": "test", "verdict": 1}}}, "policies.p"),
        (EVERYTHING, {"intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}, "annotations": {"tone": {"from": "$target"}}}}}, "intervention_points.input.annotations.tone.from"),
        (EVERYTHING, {"intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}, "annotations": {"tone": {"from": "$policy_target[01]"}}}}}, "intervention_points.input.annotations.tone.from"),
        (NEWER, {"policies": {"p": {"type": "cedar", "policy_set": "permit(principal, action, resource);", "query": {}}}}, "policies.p"),
        (NEWER, {"intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}, "annotations": {"tone": {"from": "$policy_target.a"}}}}}, "intervention_points.input.annotations.tone.from"),
        (NEWEST, {"annotators": {"tone": {"type": "endpoint", "url": "http://127.0.0.1:1/", "needs": []}}}, "annotators.tone"),
        (NEWEST, {"intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}, "annotations": {"tone": {"from": "$", "needs": ["a", "a"]}}}}}, "intervention_points.input.annotations.tone.needs"),
        (NEWEST, {"intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}, "annotations": {"tone": {"from": "$", "needs": "a"}}}}}, "intervention_points.input.annotations.tone.needs"),
    ],
)  # fmt: skip
def test_an_error_of_one_version_is_at_its_member(
    base: dict[str, Any], change: dict[str, Any], wrong: str
) -> None:
    """What another version takes is marked where it stands, and nothing else is."""
    errors = list(VALIDATOR.iter_errors(base | change))
    assert [".".join(map(str, error.absolute_path)) for error in errors] == [wrong]


def test_another_version_takes_what_one_refuses() -> None:
    """A list of needs is a member like any other below 0.5, and a manifest without a version is of any."""
    binding = {
        "policy_target": "$",
        "policy": {"id": "p"},
        "annotations": {"tone": {"from": "$", "needs": "a"}},
    }
    for base in (EVERYTHING, NEWER):
        assert VALIDATOR.is_valid(base | {"intervention_points": {"input": binding}})
    part = {"extends": ["base.yaml"], "policies": {"p": {"type": "test", "verdict": 1}}, "metadata": None}
    assert VALIDATOR.is_valid(part)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES["cases"]])
def test_cases_of_the_specification(case: dict[str, Any]) -> None:
    """A valid manifest fits; one that is wrong in its shape does not, and in nothing else does."""
    fits = VALIDATOR.is_valid(changed(CASES["manifest"], case["change"]))
    beyond_shape = case.get("code") in OWN_CODES or case["name"] == "a rego policy without query"
    assert fits is (case.get("valid", False) or beyond_shape)


def test_case_files_of_decisions_fit() -> None:
    """Every manifest that the cases of decisions are made with is accepted where it is valid."""
    for name in ("verdicts.yaml", "order.yaml"):
        assert VALIDATOR.is_valid(
            load_file(name)["manifest"] | {"policies": {"p": {"type": "test", "output": 1}}}
        )


def test_a_part_may_lack_what_its_parents_give() -> None:
    """With `extends`, members may come from elsewhere; without it, they must be there."""
    part = {"agent_control_specification_version": "0.3.1-beta", "intervention_points": {"input": {"policy": {"id": "p"}}}}  # fmt: skip
    assert VALIDATOR.is_valid({**part, "extends": ["base.yaml"]})
    assert not VALIDATOR.is_valid(part)
    assert VALIDATOR.evolve(schema={**SCHEMA, "if": True, "then": True}).is_valid(part)
    for wrong in ("base.yaml", [1], [{"sha256": "0"}]):
        assert not VALIDATOR.is_valid({**part, "extends": wrong})


def test_every_member_is_explained() -> None:
    """An editor shows a text for each member that the readers know."""
    tables = [MANIFEST_MEMBERS, POINT_MEMBERS, APPROVAL_MEMBERS, LIMIT_MEMBERS, *DECLARED]
    assert [name for table in tables for name, member in table.items() if not member.text.endswith(".")] == []


# -- never stricter than the readers ---------------------------------------------------------------

NAMES_OF_MEMBERS = sorted(
    {*MANIFEST_MEMBERS, *POINT_MEMBERS, *APPROVAL_MEMBERS, *LIMIT_MEMBERS, "unknown", " ", "from", "adapter"}
    | {name for table in DECLARED for name in table}
)
VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, -1, 1.0, 1.5, "", " ", "x", "$", "$snap.a", "$tool", "data.a.v", "deny", "rego"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["x", "type", "id", "url"]), inner, max_size=2),
    max_leaves=3,
)  # fmt: skip
BASES = [(EVERYTHING, ""), (NEWER, ""), (NEWEST, ""), *((_example(name), name) for name in NAMES)]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, member in members:
        yield from _paths(member, (*path, name))


@st.composite
def mutated(draw: st.DrawFn) -> tuple[Any, str]:
    """A valid manifest with one member replaced, taken out, renamed or added."""
    base, folder = draw(st.sampled_from(BASES))
    manifest = json.loads(json.dumps(base))
    path = draw(st.sampled_from([path for path in _paths(manifest) if path]))
    parent = manifest
    for name in path[:-1]:
        parent = parent[name]
    last, what = path[-1], draw(st.sampled_from(["replace", "take out", "rename", "add"]))
    if what == "replace" or not isinstance(parent, dict):
        parent[last] = draw(VALUES)
    elif what == "add":
        parent[draw(st.sampled_from(NAMES_OF_MEMBERS))] = draw(VALUES)
    else:
        value = parent.pop(last)
        if what == "rename":
            parent[draw(st.sampled_from(NAMES_OF_MEMBERS))] = value
    return manifest, folder


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=mutated())
def test_what_the_schema_refuses_the_service_refuses(folders: Path, case: tuple[Any, str]) -> None:
    """An editor never marks what would have worked; what nothing looks at is remarked upon instead."""
    manifest, folder = case
    fits = VALIDATOR.is_valid(manifest)
    event("fits" if fits else "refused")
    assert fits or _refused(manifest, folders / folder)
