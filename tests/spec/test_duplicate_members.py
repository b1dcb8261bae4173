"""Section 2.1: members that occur twice in one object are found, and nothing else is."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acs_sidecar.spec.document.duplicate_members import has_duplicate_members

_TEXTS = st.text(st.sampled_from('a:"\\\\u03Ab{}'), max_size=6)
_NAMES = st.sampled_from(["a", "b", ":", "\\", "a:", "é"])


def _escaped(text: str, escapes: list[bool]) -> str:
    """Write a string of JSON, some of its characters as escapes."""
    parts = [
        f"\\u{ord(char):04x}" if escape else json.dumps(char, ensure_ascii=False)[1:-1]
        for char, escape in zip(text, escapes, strict=False)
    ]
    return f'"{"".join(parts)}"'


def _written(names: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(_escaped, names, st.lists(st.booleans(), min_size=8, max_size=8))


def _object(members: list[tuple[str, str]]) -> str:
    return "{" + " , ".join(f"{name} : {value}" for name, value in members) + "}"


JSON_TEXTS = st.recursive(
    _written(_TEXTS) | st.sampled_from(["1", "-0.5e3", "true", "null", "[]", "{}", "18446744073709551616"]),
    lambda inner: (
        st.lists(st.tuples(_written(_NAMES), inner), max_size=4).map(_object)
        | st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
    ),
    max_leaves=12,
)


class _RepeatedMemberError(Exception):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RepeatedMemberError
    return members


def _has_duplicates(text: str) -> bool:
    try:
        json.loads(text, object_pairs_hook=_unique)
    except _RepeatedMemberError:
        return True
    return False


@given(JSON_TEXTS)
@example(r'{"a":1,"\u0061":2}')
@example(r'{"a":"\u003a","a":"x"}')
@example(r'{"a":"\\u003a"}')
@example(r'{"a":"\\\u003A","b":"\\\\u003a"}')
@example(r'{"a":"\u003a:","b":{"\u003A":1,":":2}}')
def test_duplicates_are_found_as_the_standard_library_finds_them(text: str) -> None:
    """Whatever the strings hold and however they are escaped, the answer is that of a reader of pairs."""
    assert has_duplicate_members(text.encode(), orjson.loads(text)) == _has_duplicates(text)


@pytest.mark.parametrize("depth", [253, 254, 255, 1000])
@pytest.mark.parametrize(("inner", "found"), [('{"a:":":","b":1}', False), ('{"a:":":","\\u0061:":1}', True)])
def test_depth_hides_no_duplicate(depth: int, inner: str, found: bool) -> None:
    """What nests deeper than the serialiser goes is searched too."""
    text = '{"x":[' * (depth // 2) + inner + "]}" * (depth // 2)
    assert has_duplicate_members(text.encode(), orjson.loads(text)) is found
