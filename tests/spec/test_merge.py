"""Section 3.3: how manifests become one, whatever they hold and in whatever order they come."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.text import Document, parse_document
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.merge import compose, member_sources
from acs_sidecar.spec.manifest.relocation import joined
from tests.strategies import json_objects, json_values

VERSION = "agent_control_specification_version"
Path = tuple[str, ...]
NAMES = st.sampled_from(["a", "b", "c d"])
POINTS = st.sampled_from(["input", "output"])


def _not_an_object(value: Any) -> Any:
    """Return a value that merging takes as a whole: an object becomes the list of its values."""
    return list(value.values()) if isinstance(value, dict) else value


# Each is the path of something that a manifest gives as a whole; together they never contradict.
WITHOUT_METADATA: st.SearchStrategy[Path] = st.one_of(
    st.tuples(st.sampled_from(["policies", "tools", "annotators"]), NAMES),
    st.tuples(st.just("intervention_points"), POINTS, st.sampled_from(["policy_target", "policy"])),
    st.tuples(st.just("intervention_points"), POINTS, st.just("annotations"), NAMES),
    st.sampled_from([("approval",), ("limits",), ("extra",)]),
)
PLACES: st.SearchStrategy[Path] = st.one_of(
    WITHOUT_METADATA,
    st.tuples(st.just("metadata"), NAMES),
    st.tuples(st.just("metadata"), st.just("deep"), st.just("deeper"), NAMES),
)
WHOLE = st.dictionaries(PLACES, json_values(4).map(_not_an_object), min_size=1, max_size=12)
OBJECTS = st.dictionaries(WITHOUT_METADATA, json_objects(4), max_size=6)


def document(members: dict[Path, Any], source: str = "") -> Document:
    """Build a manifest from the paths of its parts."""
    value: dict[str, Any] = {VERSION: "0.3.1-beta"}
    for path, member in members.items():
        into = value
        for name in path[:-1]:
            into = into.setdefault(name, {})
        into[path[-1]] = member
    return Document(value, {}, source)


@st.composite
def families(draw: st.DrawFn) -> tuple[dict[Path, Any], list[dict[Path, Any]]]:
    """A whole, and three or more manifests that each give some of it, and all of it together."""
    whole = draw(WHOLE) | draw(OBJECTS)
    count = draw(st.integers(3, 4))
    owners = {path: draw(st.sets(st.integers(0, count - 1), min_size=1)) for path in whole}
    parts = [
        {path: value for path, value in whole.items() if number in owners[path]} for number in range(count)
    ]
    return whole, parts


@pytest.mark.slow
@given(families())
def test_merging_is_associative(family: tuple[dict[Path, Any], list[dict[Path, Any]]]) -> None:
    """Manifests that do not conflict give the same whole however they are bracketed, from the same sources."""
    whole, parts = family
    first, *others = [document(part, f"{number}.yaml") for number, part in enumerate(parts)]
    from_left = first
    for other in others:
        from_left = compose([from_left, other])
    from_right = others[-1]
    for other in [*reversed(others[:-1]), first]:
        from_right = compose([other, from_right])
    at_once = compose([first, *others])
    assert at_once.value == from_left.value == from_right.value == document(whole).value
    # The version is given by all of them, and the last one's stands.
    assert member_sources(at_once) == member_sources(from_left) == member_sources(from_right)


@pytest.mark.slow
@given(families())
def test_order_changes_nothing_without_a_conflict(
    family: tuple[dict[Path, Any], list[dict[Path, Any]]],
) -> None:
    """Merging the same manifests in another order, or one of them twice, gives the same manifest."""
    whole, parts = family
    documents = [document(part) for part in parts]
    expected = canonical(document(whole).value)
    for order in itertools.permutations(documents):
        assert canonical(compose([*order, order[0]]).value) == expected


@pytest.mark.slow
@given(families(), st.data())
def test_a_conflict_is_found_whatever_the_order(
    family: tuple[dict[Path, Any], list[dict[Path, Any]]], data: st.DataObject
) -> None:
    """One part that another manifest gives differently makes the whole invalid, naming it, in every order."""
    whole, parts = family
    path = data.draw(st.sampled_from(sorted(whole)))
    drawn = data.draw(json_values(4))
    other = drawn if canonical(drawn) != canonical(whole[path]) else [drawn]
    documents = [*(document(part) for part in parts), document({path: other})]
    for order in itertools.permutations(documents):
        with pytest.raises(ManifestError) as caught:
            compose(order)
        assert {(finding.code, finding.path) for finding in caught.value.diagnostics} == {
            ("merge-conflict", member_path(path))
        }


PARENT = """\
agent_control_specification_version: 0.3.1-beta-agt+7
metadata: {owner: {team: security}, tags: [a]}
policies:
  main: {type: test, output: 1}
intervention_points:
  input:
    policy: {id: main}
    annotations:
      one: {from: $snap}
"""
CHILD = """\
agent_control_specification_version: 0.3.1-beta
metadata:
  owner: {person: me}
policies:
  other: {type: test, output: 1.0}
intervention_points:
  input:
    policy_target: $
    annotations: {two: {from: $snap}}
"""


def parsed(text: str, source: str) -> Document:
    """Parse a text under a name."""
    found = parse_document(text)
    return Document(found.value, found.places, source)


def test_a_parent_gives_the_policy_and_a_child_the_target() -> None:
    """Names are united, the members of a point and its annotations too; each keeps its source and place."""
    merged = compose([parsed(PARENT, "base.yaml"), parsed(CHILD, "main.yaml")])
    assert merged.value == {
        VERSION: "0.3.1-beta",
        "metadata": {"owner": {"team": "security", "person": "me"}, "tags": ["a"]},
        "policies": {"main": {"type": "test", "output": 1}, "other": {"type": "test", "output": 1.0}},
        "intervention_points": {
            "input": {
                "policy": {"id": "main"},
                "annotations": {"one": {"from": "$snap"}, "two": {"from": "$snap"}},
                "policy_target": "$",
            }
        },
    }
    assert member_sources(merged) == {
        VERSION: "main.yaml",
        "metadata.owner.team": "base.yaml",
        "metadata.tags": "base.yaml",
        "metadata.owner.person": "main.yaml",
        "policies.main": "base.yaml",
        "policies.other": "main.yaml",
        "intervention_points.input.policy": "base.yaml",
        "intervention_points.input.annotations.one": "base.yaml",
        "intervention_points.input.annotations.two": "main.yaml",
        "intervention_points.input.policy_target": "main.yaml",
    }
    assert merged.place(("policies", "main", "output")) == (4, 22)
    assert merged.place(("policies", "other", "type")) == (5, 11)
    assert merged.place(("intervention_points", "input", "tool_name_from")) == (6, 3)


def conflicts(first: dict[str, Any], second: dict[str, Any]) -> list[tuple[str | None, str]]:
    """Merge two manifests; give the paths and messages of what contradicts."""
    try:
        compose([Document(first, {}, "base.yaml"), Document(second, {}, "main.yaml")])
    except ManifestError as error:
        assert {finding.source for finding in error.diagnostics} == {"main.yaml"}
        return [(finding.path, finding.message) for finding in error.diagnostics]
    return []


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        ({"policies": {"a": {"x": 1}}}, {"policies": {"a": {"x": 1.0}}}, "policies.a"),
        ({"policies": {"a": {"x": 1}}}, {"policies": {"a": {"x": True}}}, "policies.a"),
        ({"policies": {"a": {}}}, {"policies": []}, "policies"),
        ({"tools": {"t": {"a": 1}}}, {"tools": {"t": {"b": 1}}}, "tools.t"),
        ({"metadata": {"a": {"b": 1}}}, {"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {"a": None}}, {"metadata": {"a": {}}}, "metadata.a"),
        ({"limits": {"a": 1}}, {"limits": {"b": 1}}, "limits"),
        ({"approval": {"timeout_seconds": 1}}, {"approval": {}}, "approval"),
        ({VERSION: "0.3.0-alpha"}, {VERSION: "0.3.1-beta"}, VERSION),
        ({VERSION: "0.3.1-beta"}, {VERSION: 3}, VERSION),
        (
            {"intervention_points": {"input": {"policy": {"id": "a"}}}},
            {"intervention_points": {"input": {"policy": {"id": "b"}}}},
            "intervention_points.input.policy",
        ),
        (
            {"intervention_points": {"input": {"annotations": {"a": {"from": "$"}}}}},
            {"intervention_points": {"input": {"annotations": {"a": {"from": "$.x"}}}}},
            "intervention_points.input.annotations.a",
        ),
    ],
)
def test_what_contradicts_is_named_with_both_sources(
    first: dict[str, Any], second: dict[str, Any], path: str
) -> None:
    """The finding is at the later definition and names the earlier one."""
    message = "is defined differently in `base.yaml`: make both identical, or remove one"
    assert conflicts(first, second) == [(path, message)]
    assert conflicts(first, first) == conflicts(second, second) == []


def test_every_conflict_is_listed_with_its_place() -> None:
    """One run shows all that is to be corrected, with the lines of both."""
    changed = CHILD.replace("other: {type: test, output: 1.0}", "main: {type: cedar}").replace("$\n", "a\n")
    third = parsed("policies:\n  main: {}\nintervention_points: {input: {policy_target: $}}\n", "third.yaml")
    with pytest.raises(ManifestError) as caught:
        compose([parsed(PARENT, "base.yaml"), parsed(changed, "main.yaml"), third])
    assert [str(finding).partition(" is ")[0] for finding in caught.value.diagnostics] == [
        "main.yaml:5:3: policies.main:",
        "third.yaml:2:3: policies.main:",
        "third.yaml:3:31: intervention_points.input.policy_target:",
    ]
    assert "`base.yaml` (line 4)" in caught.value.diagnostics[0].message
    assert "`main.yaml` (line 8)" in caught.value.diagnostics[2].message


@pytest.mark.parametrize(
    ("directory", "path", "expected"),
    [
        ("a/b", "c.rego", "a/b/c.rego"),
        ("a/b", "./c.rego", "a/b/c.rego"),
        ("a/b", "../c.rego", "a/c.rego"),
        ("a/b", "../../c.rego", "c.rego"),
        ("a/b", "../../../c.rego", "../c.rego"),
        ("a", "link/../c.rego", "a/link/../c.rego"),
        ("a", "..", "."),
        ("a", ".", "a"),
        ("", "c", "c"),
        ("a", "/etc/passwd", "/etc/passwd"),
        ("a", "  ", "  "),
    ],
)
def test_paths_are_moved_to_the_top_level_manifest(directory: str, path: str, expected: str) -> None:
    """A path keeps what it means; only what is certain without a look at the disk is shortened."""
    assert joined(directory, path) == expected
