"""Section 1.4: the path language."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.spec.path import ALL_ROOTS, SNAPSHOT_ONLY, PathSyntaxError, Root, parse_path
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from tests.strategies import json_values

VALUE: Json = {"a": {"b": [1, None, {"c d": "deep"}]}, "": "empty", "x.y": 1, "0": "zero", "n": None}


@pytest.mark.parametrize(
    ("text", "root", "segments"),
    [
        ("$snap", Root.SNAPSHOT, ()),
        ("$", Root.SNAPSHOT, ()),
        ("$.a", Root.SNAPSHOT, ("a",)),
        ("$snap[0]", Root.SNAPSHOT, (0,)),
        ("$snap.a.b[2]", Root.SNAPSHOT, ("a", "b", 2)),
        ('$snap["x.y"]', Root.SNAPSHOT, ("x.y",)),
        ('$snap["\\u0041\\n"].b', Root.SNAPSHOT, ("A\n", "b")),
        ('$snap[""]', Root.SNAPSHOT, ("",)),
        ("$pi.policy_target.value", Root.POLICY_INPUT, ("policy_target", "value")),
        ("$policy_target", Root.POLICY_TARGET, ()),
        ("$tool.clearance", Root.TOOL, ("clearance",)),
        ("$snap.with space.naïve-name", Root.SNAPSHOT, ("with space", "naïve-name")),
        ("$snap.0", Root.SNAPSHOT, ("0",)),
    ],
)
def test_parses_roots_and_segments(text: str, root: Root, segments: tuple[str | int, ...]) -> None:
    """A path is a root and its segments, with `$` as an alias of the snapshot."""
    path = parse_path(text)
    assert (path.text, path.root, path.segments) == (text, root, segments)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "snap.a",
        "$snapshot.a",
        "$snap.",
        "$snap..a",
        "$snap.a.",
        "$snap[-1]",
        "$snap[01]",
        "$snap[*]",
        "$snap.a[",
        "$snap.a[]",
        "$snap['a']",
        '$snap["a]',
        '$snap["\\ud800"]',
        '$snap["\\x"]',
        "$snap[1.5]",
        "$snap[99999999999]",
        "$snap a",
        "$$",
        '$["a"]',
        "$[0]",
        '$["a"].b',
        "$snap.a]",
        "$snap.a]b.c",
        "$.]",
    ],
)
def test_refuses_what_is_not_a_path(text: str) -> None:
    """No wildcards, no negative index, no blank names, no other quotes."""
    with pytest.raises(PathSyntaxError):
        parse_path(text)


def test_refuses_roots_that_are_not_allowed() -> None:
    """Where only the snapshot may be read, the message says so."""
    with pytest.raises(PathSyntaxError) as caught:
        parse_path("$tool.name", SNAPSHOT_ONLY)
    assert str(caught.value) == "`$tool.name` starts at `$tool`: must start at `$snap`"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$", VALUE),
        ("$.a.b[0]", 1),
        ("$.a.b[1]", None),
        ('$.a.b[2]["c d"]', "deep"),
        ('$snap[""]', "empty"),
        ('$snap["x.y"]', 1),
        ("$.0", "zero"),
        ("$.n", None),
    ],
)
def test_walks_to_values(text: str, expected: Json) -> None:
    """A path ends at a value, and null is a value."""
    assert parse_path(text).walk(VALUE) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$.b", Reason.PATH_MISSING),
        ("$.a.b[3]", Reason.PATH_MISSING),
        ("$snap[0]", Reason.PATH_TYPE_MISMATCH),
        ("$.a.b.c", Reason.PATH_TYPE_MISMATCH),
        ("$.n.x", Reason.PATH_TYPE_MISMATCH),
        ("$.a.b[0].x", Reason.PATH_TYPE_MISMATCH),
        ('$snap["0"][0]', Reason.PATH_TYPE_MISMATCH),
    ],
)
def test_fails_with_the_reason(text: str, reason: Reason) -> None:
    """An absent member or index is missing; a segment on another type is a mismatch, without coercion."""
    with pytest.raises(EvaluationError) as caught:
        parse_path(text).walk(VALUE)
    assert caught.value.reason == reason


def test_resolves_every_root_in_a_policy_input() -> None:
    """Each root is its part of the policy input."""
    policy_input: dict[str, Json] = {
        "intervention_point": "input",
        "policy_target": {"kind": None, "path": "$.x", "value": {"v": 1}},
        "snapshot": {"s": 2},
        "annotations": {"a": 3},
        "tool": {"name": "t"},
    }
    texts = ["$snap.s", "$.s", "$policy_target.v", "$tool.name", "$pi.annotations.a", "$pi"]
    assert [parse_path(text).resolve(policy_input) for text in texts] == [2, 2, 1, "t", 3, policy_input]
    assert {parse_path(text).root for text in texts} == ALL_ROOTS


def test_a_null_tool_is_a_mismatch() -> None:
    """A segment on the tool where none is projected meets null."""
    with pytest.raises(EvaluationError) as caught:
        parse_path("$tool.name").resolve({"tool": None})
    assert caught.value.reason == Reason.PATH_TYPE_MISMATCH


def test_replaces_in_a_copy() -> None:
    """Replacing leaves the original as it was, and shares what is not on the path."""
    original: dict[str, Json] = {"a": {"b": [1, 2]}, "c": [3]}
    replaced = parse_path("$.a.b[1]").replace(original, {"new": True})
    assert replaced == {"a": {"b": [1, {"new": True}]}, "c": [3]}
    assert original == {"a": {"b": [1, 2]}, "c": [3]}
    assert isinstance(replaced, dict)
    assert replaced["c"] is original["c"]


def _paths(value: Json, prefix: str = "$snap") -> list[str]:
    found = [prefix]
    if isinstance(value, dict):
        for name, member in value.items():
            found += _paths(member, f"{prefix}[{json.dumps(name)}]")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += _paths(item, f"{prefix}[{index}]")
    return found


@given(value=json_values(), replacement=json_values(), data=st.data())
def test_every_place_can_be_named_and_replaced(value: Json, replacement: Json, data: st.DataObject) -> None:
    """Each place of any value has a path; replacing there changes that place and nothing else."""
    text = data.draw(st.sampled_from(_paths(value)))
    path = parse_path(text)
    replaced = path.replace(value, replacement)
    assert path.walk(replaced) == replacement
    assert path.replace(replaced, path.walk(value)) == value
