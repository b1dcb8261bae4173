"""What policies read of the context: leaving out the rest changes no decision (section 1.7.1)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.context import undeclared
from acs_sidecar.engines.cedar.reads import Reads, reads_of
from acs_sidecar.engines.cedar.values import plain
from acs_sidecar.spec.values import Json
from tests.engines.cedar.differential import differences


def read(condition: str) -> Reads:
    """Give what one condition reads."""
    policy = engine.parse_policy(f"permit(principal, action, resource) when {{ {condition} }};")
    return reads_of(clause["body"] for clause in policy["conditions"])


def shown(reads: Reads) -> Any:
    """Show reads as nested members, `...` for the whole of a value."""
    return ... if reads.whole else {name: shown(member) for name, member in reads.members.items()}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("true", {}),
        ("principal == resource && action has x", {}),
        ("context.a == 1", {"a": ...}),
        ("context.a.b.c == 1", {"a": {"b": {"c": ...}}}),
        ('context["a b"].c like "x*"', {"a b": {"c": ...}}),
        ("context has a", {"a": {}}),
        ("context has a.b", {"a": {"b": {}}}),
        ("context.a has b", {"a": {"b": {}}}),
        ("context has a && context.a.b", {"a": {"b": ...}}),
        ("context has a.b && context.a == 1", {"a": ...}),
        ("context.a.contains(context.b)", {"a": ..., "b": ...}),
        ("[context.a, {x: context.b}].isEmpty()", {"a": ..., "b": ...}),
        ('{"Var": context.a, ".": 1, "has": 2}["."] == 1', {"a": ...}),
        ('{"Var": "context"}.Var == "context"', {}),
        ("if context.a then context.b else -context.c == 1", {"a": ..., "b": ..., "c": ...}),
        ("(if context.a then context.b else context.c).d", {"a": ..., "b": ..., "c": ...}),
        ("(if true then context else context).a", ...),
        ("context == {}", ...),
        ("principal.tags == context", ...),
        ("principal.x == context.a.b", {"a": {"b": ...}}),
        ("context.a is User in context.b", {"a": ..., "b": ...}),
        ("principal.hasTag(context.a) && principal.getTag(context.b) == 1", {"a": ..., "b": ...}),
        ('ip(context.a).isInRange(ip("10.0.0.0/8"))', {"a": ...}),
        ('User::"context" == principal', {}),
        ("!(context.a.b) || 1 + context.c < 2", {"a": {"b": ...}, "c": ...}),
    ],
)
def test_reads(condition: str, expected: Any) -> None:
    """Paths that begin at `context` are read; `context` as a value is read as a whole."""
    assert shown(read(condition)) == expected


@pytest.mark.parametrize(
    "expression",
    [{"unheard of": 1}, {"unheard of": {"of": 1}}, {"a": {}, "b": {}}, "text", None, {}],
)
def test_unknown_expressions_read_everything(expression: Json) -> None:
    """Nothing is left out for an expression that is not known."""
    assert reads_of([expression]).whole is True


NAMES = st.sampled_from(["a", "b", "c"])
LITERALS = st.sampled_from(["1", "true", '"x"', "[1]", "{a: 1}", "{}"])


def expressions() -> st.SearchStrategy[str]:
    """Expressions over the context, most of which end in an error for most contexts."""
    paths = st.lists(NAMES, max_size=3).map(lambda names: ".".join(["context", *names]))
    return st.recursive(
        LITERALS | paths | paths,
        lambda inner: st.one_of(
            st.tuples(inner, NAMES).map("({0[0]}).{0[1]}".format),
            st.tuples(inner, NAMES).map("(({0[0]}) has {0[1]})".format),
            st.tuples(inner, NAMES, NAMES).map("(({0[0]}) has {0[1]}.{0[2]})".format),
            st.tuples(inner, inner).map("({0[0]} == {0[1]})".format),
            st.tuples(inner, inner).map("({0[0]} && {0[1]})".format),
            st.tuples(inner, inner).map("({0[0]} || {0[1]})".format),
            st.tuples(inner, inner).map("([{0[0]}].contains({0[1]}))".format),
            st.tuples(inner, inner, inner).map("(if {0[0]} then {0[1]} else {0[2]})".format),
            st.tuples(NAMES, inner).map("{{{0[0]}: {0[1]}}}".format),
            inner.map("(!({}))".format),
        ),
        max_leaves=5,
    )


def contexts() -> st.SearchStrategy[Any]:
    """Contexts over few names, so that paths often lead somewhere."""
    values: st.SearchStrategy[Json] = st.recursive(
        st.sampled_from([None, 1, True, False, "x", 0.5]),
        lambda inner: (
            st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner.filter(_is_some), max_size=2)
        ),
        max_leaves=6,
    )
    return st.dictionaries(NAMES, values, max_size=3)


def _is_some(value: Json) -> bool:
    return value is not None


@pytest.mark.slow
@settings(max_examples=400)
@given(st.lists(st.tuples(st.sampled_from(["permit", "forbid"]), expressions()), max_size=3), contexts())
def test_leaving_out_changes_nothing(rules: list[tuple[str, str]], context: dict[str, Json]) -> None:
    """The engine decides alike, and the same policies fail, with all of a context and with what is read."""
    text = "\n".join(f"{effect}(principal, action, resource) when {{ {body} }};" for effect, body in rules)
    parsed = [engine.parse_policy(line) for line in text.splitlines()]
    reads = reads_of(clause["body"] for policy in parsed for clause in policy["conditions"])
    handle, entities = engine.parse_policies(text), engine.parse_entities([], None)

    def answer(given: Json) -> tuple[str, set[str], set[str]]:
        uid = {"type": "Agent", "id": "a"}
        response = engine.authorize(handle, entities, principal=uid, action=uid, resource=uid, context=given)
        diagnostics = response["diagnostics"]
        failed = {error.split("`")[1] for error in diagnostics["errors"]}
        return response["decision"], set(diagnostics["reason"]), failed

    assert answer(undeclared(reads, [])(context)) == answer(plain(context))


def test_random_policies_are_decided_alike() -> None:
    """A short run of the differential finds no difference."""
    assert differences(300, seed=7) == []
