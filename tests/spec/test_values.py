"""Sections 1.8 and 1.11: depth, canonical form and identities."""

import hashlib
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.spec.canonical import canonical, digest
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.values import Json, deeper_than, nesting_bound
from tests.strategies import json_objects, json_values

MARKED = st.text(alphabet='[]{}"\\,: \n\u0007é', max_size=20)


def _depth(value: Json) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(member) for member in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0


@given(json_values(), st.integers(0, 8))
def test_depth_is_measured_exactly(value: Json, limit: int) -> None:
    """A value is deeper than a limit when its containers nest more levels than that."""
    assert deeper_than(value, limit) == (_depth(value) > limit)


@given(json_values())
def test_the_bound_is_never_below_the_depth(value: Json) -> None:
    """The brackets in a text bound the depth of what it holds."""
    assert nesting_bound(orjson.dumps(value)) >= _depth(value)


@given(json_values(), st.lists(MARKED, max_size=4), MARKED)
def test_the_bound_of_a_long_text_is_never_below_the_depth(value: Json, texts: list[Json], name: str) -> None:
    """Brackets, quotes and backslashes in strings and names are no nesting, and hide none."""
    long: Json = {name: [texts, value, texts], "padding": "x" * 8_200}
    for text in (orjson.dumps(long), json.dumps(long, indent=1).encode()):
        assert nesting_bound(text) >= _depth(long)


def test_the_bound_of_a_long_text_is_its_depth() -> None:
    """What agents send nests a few levels however long it is, and its brackets are many."""
    turns: Json = [{"role": "user", "content": [{"text": f"[{number}]"}]} for number in range(1_000)]
    assert nesting_bound(orjson.dumps({"messages": turns})) == 5


@pytest.mark.parametrize("levels", [600, 1_000])
def test_chains_are_bounded_by_their_brackets(levels: int) -> None:
    """Where each pass would take little away the brackets count, and the walk decides."""
    text = b"[" + b",".join([b"[" * levels + b"]" * levels] * 10) + b"]"
    assert levels < nesting_bound(text) <= 10 * levels + 1


@pytest.mark.parametrize("text", [b"[" * 9_000, b"]" * 9_000, b'"' * 8_999 + b"[", b'["' * 5_000])
def test_the_bound_of_what_is_no_json_is_found(text: bytes) -> None:
    """A text without its ends takes no longer than another."""
    assert nesting_bound(text) >= 0


def test_a_million_levels_are_measured_without_a_stack() -> None:
    """Depth is found level by level, so no nesting can exhaust the stack."""
    value: Any = []
    for _ in range(1_000_000):
        value = [value]
    assert deeper_than(value, 120)
    while value:  # taken apart by hand: freeing it recursively is the interpreter's limit, not ours
        value = value.pop()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": 2}, b'{"a":2,"b":1}'),
        ({"é": 1, "z": 2, "a": 3, "😀": 4, "\uffff": 5}, '{"a":3,"z":2,"é":1,"\uffff":5,"😀":4}'.encode()),
        ([1, 1.0, 1e16, 1e-7, -0.0, 0.1], b"[1,1.0,1e+16,1e-7,-0.0,0.1]"),
        ('\u0001\n"\\/\u007f é', '"\\u0001\\n\\"\\\\/\u007f é"'.encode()),
        ({"a": [{"d": 1, "c": 2}]}, b'{"a":[{"c":2,"d":1}]}'),
        (18446744073709551615, b"18446744073709551615"),
    ],
)
def test_canonical_vectors(value: Json, expected: bytes) -> None:
    """Members by code point, required escapes only, integers as written, floats keep their `.0`."""
    assert canonical(value) == expected


@given(json_objects())
def test_canonical_ignores_the_order_of_members(value: dict[str, Json]) -> None:
    """Two objects with the same members have the same bytes and the same digest."""
    reversed_order = dict(reversed(value.items()))
    assert canonical(value) == canonical(reversed_order)
    assert digest(value) == digest(reversed_order)


@given(json_objects())
def test_canonical_is_a_fixed_point(value: dict[str, Json]) -> None:
    """Reading canonical bytes and writing them again gives the same bytes, for any JSON reader."""
    text = canonical(value)
    assert canonical(orjson.loads(text)) == text
    assert canonical(json.loads(text)) == text


def test_a_digest_names_its_hash() -> None:
    """`sha256:` and the hex digest of the canonical bytes."""
    assert digest({"a": 1}) == "sha256:" + hashlib.sha256(b'{"a":1}').hexdigest()


def test_a_manifest_lowers_limits_and_never_raises_them() -> None:
    """Values above the server's own are clamped and named (1.3, 1.11)."""
    limits, clamped = Limits().clamp(
        {"max_snapshot_bytes": 10, "policy_timeout_ms": 10**9, "max_intervention_points_per_run": 1}
    )
    assert (limits.max_snapshot_bytes, limits.policy_timeout_ms) == (10, 1_000)
    assert clamped == ("policy_timeout_ms",)
