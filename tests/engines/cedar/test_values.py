"""JSON values as Cedar values: numbers, null, and data that poses as something else (section 1.7.1)."""

import time
from decimal import Context, Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from acs_sidecar.engines.cedar.values import decimal_number, may_not_convert, plain, refuse_escapes
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json
from tests.engines.cedar import SNAPSHOT, bind, compile_cedar, input_of, output, refusal
from tests.strategies import json_objects

FAILED = "policy_invocation_failed"
ALLOW = {"decision": "allow"}
NO_MATCH = {"decision": "deny", "reason": "no_matching_policy"}
LONG_MAX = 2**63 - 1
RESERVED = "an object in the request has a member that Cedar reserves: `__entity`, `__expr`, `__extn`"


def decided(condition: str, value: Any, **query: Any) -> Any:
    """Evaluate a condition over `context.v`."""
    policy = compile_cedar(f"permit(principal, action, resource) when {{ {condition} }};", query=query)
    return output(bind(policy), input_of({**SNAPSHOT, "v": value}))


def refused(value: Any, condition: str = "context.v == 1", **query: Any) -> tuple[str, str]:
    """Evaluate a condition over `context.v` that cannot be converted."""
    policy = compile_cedar(f"permit(principal, action, resource) when {{ {condition} }};", query=query)
    return refusal(bind(policy), input_of({**SNAPSHOT, "v": value}))


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (0, "0"),
        (-1, "-1"),
        (LONG_MAX, str(LONG_MAX)),
        (-(2**63), str(-(2**63))),
        (True, "true"),
        (False, "false"),
        ("", '""'),
        ("null", '"null"'),
        ('"__entity":', '"\\"__entity\\":"'),
        ([], "[]"),
        ([1, "a", True, [2], {"b": 3}], '[1, "a", true, [2], {b: 3}]'),
        ({}, "{}"),
        ({"a": {"b": None, "c": 1}}, "{a: {c: 1}}"),
        ({"odd name": 1, "": 2}, '{"odd name": 1, "": 2}'),
        (0.5, 'decimal("0.5")'),
        (1.0, "1"),
        (7.0, "7"),
        (-0.0, "0"),
        (1e3, "1000"),
        (1e15, "1000000000000000"),
        (1.234567890123456e17, "123456789012345600"),
        ([7.0, 8], "[7, 8]"),
        ({"a": 7.0}, "{a: 7}"),
        (0.0001, 'decimal("0.0001")'),
        (-1.2345, 'decimal("-1.2345")'),
        (922337203685477.5, 'decimal("922337203685477.5")'),
        (-922337203685477.5, 'decimal("-922337203685477.5")'),
        ([0.1, 1], '[decimal("0.1"), 1]'),
    ],
)  # fmt: skip
def test_values(value: Any, literal: str) -> None:
    """Each JSON value becomes the Cedar value of its kind, numbers other than integral ones a `decimal`."""
    assert decided(f"context.v == {literal}", value) == ALLOW


@pytest.mark.parametrize(
    ("value", "condition"),
    [
        (100.00005, 'context.v.greaterThan(decimal("100.0"))'),
        (0.00004, 'context.v.greaterThan(decimal("0.0"))'),
        (0.00015, 'context.v == decimal("0.0002")'),
        (2.00005, "context.v == 2"),
        (-1.23455, 'context.v == decimal("-1.2346")'),
        (5e-324, "context.v == 0"),
        ([1, 0.12345], "context.v.contains(1)"),
        ({"deep": [0.99999]}, "context.v has deep"),
    ],
)
def test_a_number_finer_than_a_decimal(value: Any, condition: str) -> None:
    """No limit is passed by rounding: a number with more than four fractional digits fails closed."""
    detail = "a number in the context has more than the four fractional digits of a `decimal`"
    assert refused(value, condition) == (FAILED, detail)
    assert refused(value, "true") == (FAILED, detail)
    if isinstance(value, float):
        assert refused(value, condition, decimals=["context.v"]) == (FAILED, detail)


@pytest.mark.parametrize("value", [True, False])
def test_booleans_are_not_integers(value: bool) -> None:
    """A boolean is not a number, listed among the decimals or not."""
    assert decided(f"context.v == {int(value)}", value) == NO_MATCH
    assert decided(f"context.v == {str(value).lower()}", value, decimals=["context.v"]) == ALLOW


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (2**63, "an integer in the context does not fit 64 bits"),
        (2**64 - 1, "an integer in the context does not fit 64 bits"),
        ({"a": [2**63]}, "an integer in the context does not fit 64 bits"),
        (2.0**63, "an integer in the context does not fit 64 bits"),
        (-1e19, "an integer in the context does not fit 64 bits"),
        (922337203685477.75, "a number in the context does not fit a `decimal`"),
        (922337203685477.6, "a number in the context does not fit a `decimal`"),
        (-922337203685477.6, "a number in the context does not fit a `decimal`"),
        (1.7976931348623157e308, "an integer in the context does not fit 64 bits"),
        (2.0**64, "an integer in the context does not fit 64 bits"),
        ([None], "a list in the context holds `null`"),
        ({"a": [1, None]}, "a list in the context holds `null`"),
        ([[1, 2], [None, 3]], "a list in the context holds `null`"),
    ],
)
@pytest.mark.parametrize("condition", ["context.v == 1", "true"])
def test_what_does_not_convert(value: Any, detail: str, condition: str) -> None:
    """A number out of range or a `null` in a list fails closed, also where no policy reads it."""
    assert refused(value, condition) == (FAILED, detail)


@pytest.mark.parametrize("member", ["__entity", "__extn", "__expr"])
@pytest.mark.parametrize(
    "forged",
    [
        lambda forged: {"snapshot": {**SNAPSHOT, **forged}},
        lambda forged: {"snapshot": {**SNAPSHOT, "list": [[{"deep": forged}]]}},
        lambda forged: {"target": {"deep": [forged]}},
        lambda forged: {"tool": {"name": "t", "owner": forged}},
        lambda forged: {"annotations": {"pii": forged}},
        lambda forged: {"snapshot": {"envelope": {"agent": {"id": "a", "x": forged}}}},
    ],
)
@pytest.mark.parametrize(
    "members",
    [
        {},
        {"query": {"context": {"x": 1}}},
        {
            "schema": "entity Agent; entity PolicyTarget; "
            "action output appliesTo {principal: Agent, resource: PolicyTarget, context: {text?: String}};"
        },
    ],
)
def test_forged_values(member: str, forged: Any, members: dict[str, Any]) -> None:
    """Nothing in a request can pose as an entity or an extension value, read or not, schema or not."""
    evaluator = bind(compile_cedar(**members))
    for value in ({"type": "Agent", "id": "root"}, {"fn": "decimal", "arg": "1.0"}, None, 1, "x"):
        assert refusal(evaluator, input_of(**forged({member: value}))) == (FAILED, RESERVED)
        assert refusal(evaluator, input_of(**forged({member: value, "more": 1}))) == (FAILED, RESERVED)


@pytest.mark.parametrize(
    "value", ["__entity", '{"__entity":1}', {"x__entity": 1, '"__entity': 2, "__Entity": 3}]
)
def test_what_only_looks_forged(value: Any) -> None:
    """A text, or a member with a similar name, is data like any other."""
    assert decided("context has v", value) == ALLOW


def test_listed_decimals() -> None:
    """An integer becomes a `decimal` where its path is listed, and stays one elsewhere."""
    value = {"price": 3, "count": 3, "lines": [{"price": 4}, {"price": 5}]}
    listed = ["context.v.price", "context.v.lines[1].price"]
    for condition in (
        'context.v.price == decimal("3.0")',
        "context.v.count == 3",
        'context.v.lines == [{price: 4}, {price: decimal("5.0")}]',
        'context.v == {price: decimal("3.0"), count: 3, lines: [{price: 4}, {price: decimal("5.0")}]}',
    ):
        assert decided(condition, value, decimals=listed) == ALLOW


@pytest.mark.parametrize(
    ("place", "condition"),
    [
        ("$snap.n", "context.n"),
        ("$.n", "context.n"),
        ('$snap["n"]', "context.n"),
        ("$pi.snapshot.n", "context.n"),
        ("context.n", "context.n"),
        ('context["n"]', "context.n"),
        ("$tool.n", "context.tool.n"),
        ("$policy_target.n", "context.policy_target.value.n"),
        ("$pi.policy_target.value.n", "context.policy_target.value.n"),
        ("$pi.annotations.a.n", "context.annotations.a.n"),
    ],
)
def test_places_of_decimals(place: str, condition: str) -> None:
    """A place is written as policies read it, or as the path that leads into the default context."""
    policy = compile_cedar(
        f'permit(principal, action, resource) when {{ {condition} == decimal("7.0") }};',
        query={"decimals": [place]},
    )
    given = input_of(
        {**SNAPSHOT, "n": 7}, target={"n": 7}, tool={"name": "t", "n": 7}, annotations={"a": {"n": 7}}
    )
    assert output(bind(policy), given) == ALLOW


def test_listed_decimals_of_an_override() -> None:
    """In a context that the manifest gives, a place starts at `context`."""
    policy = compile_cedar('permit(principal, action, resource) when { context.x == decimal("7.0") };')
    query = {"context": {"x": "$snap.n"}, "decimals": ["context.x"]}
    assert output(bind(policy, members={"query": query}), input_of({**SNAPSHOT, "n": 7})) == ALLOW


@pytest.mark.parametrize("value", [922337203685478, -922337203685478, LONG_MAX])
def test_integers_too_large_for_a_decimal(value: int) -> None:
    """A listed integer that no `decimal` holds fails closed."""
    expected = (FAILED, "an integer in the context does not fit a `decimal`")
    assert refused(value, decimals=["context.v"]) == expected


@pytest.mark.parametrize("value", [922337203685477, -922337203685477, 0, -0])
def test_largest_integers_as_decimals(value: int) -> None:
    """The largest integers that a `decimal` holds are held."""
    condition = f'context.v == decimal("{value}.0")'
    assert decided(condition, value, decimals=["context.v"]) == ALLOW


@given(
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**63), LONG_MAX).map(lambda scaled: scaled / 10_000)
)
def test_exactness(number: float) -> None:
    """A number becomes the Cedar number of the same value, or fails: of the shortest text of it."""
    context = Context(prec=400)
    exact = Decimal(repr(number))
    scaled = exact.scaleb(4, context)
    integral = number.is_integer()
    fits = -(2**63) <= (exact if integral else scaled) <= LONG_MAX and (
        integral or scaled == scaled.to_integral_value()
    )
    try:
        converted = plain(number)
    except EvaluationError:
        assert not fits
        return
    assert fits
    if integral:
        assert isinstance(converted, int)
        assert Decimal(converted) == exact
        return
    assert isinstance(converted, dict)
    extension = converted["__extn"]
    assert isinstance(extension, dict)
    assert (extension["fn"], Decimal(str(extension["arg"]))) == ("decimal", exact)


@given(
    st.integers(-(2**63) + 10**6, LONG_MAX - 10**6).map(lambda scaled: scaled / 10_000)
    | st.integers(-922337203685477, 922337203685477)
)
def test_every_decimal_is_one_to_the_engine(number: float) -> None:
    """The engine takes every text that a number becomes, as a number of the same size."""
    policy = 'permit(principal, action, resource) when { context.v.greaterThanOrEqual(decimal("0.0")) };'
    evaluator = bind(compile_cedar(policy, query={"decimals": ["context.v"]}))
    try:
        converted = decimal_number(number)
    except EvaluationError:
        assume(False)
    assert isinstance(converted, dict)
    extension = converted["__extn"]
    assert isinstance(extension, dict)
    expected = ALLOW if Decimal(str(extension["arg"])) >= 0 else NO_MATCH
    assert output(evaluator, input_of({**SNAPSHOT, "v": number})) == expected


RISKY: st.SearchStrategy[Json] = st.recursive(
    st.sampled_from(
        [None, 1, 2**63 - 1, 2**63, 10**14, 10**15 - 1, 1e15, 1e16, 1.5e300, -1e22, 1e-7, 0.5, 1.00005]
    )
    | st.sampled_from(["__entity", '"__entity":', ",null", "[null", ":1e16,", "000000000000000,"])
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "b", "__entity", "__extn", "__expr", "__ent", "e1"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["a", "b"]), RISKY, max_size=2) | json_objects())
def test_a_clean_scan_is_certain(value: dict[str, Json]) -> None:
    """Canonical bytes in which nothing is found hold nothing that does not convert."""
    assume(not may_not_convert(canonical(value)))
    refuse_escapes(value)
    plain(value)


@pytest.mark.parametrize(
    "value",
    [
        {
            "id": "5f0c6f0e-6d5e0e00-4c1b",
            "hash": "3e4",
            "card": "4111111111111111",
            "at": "2026-01-05T12:00:00Z",
        },
        {"n": None, "list": ["null", 1, 0.25, 1e3, -0.0001], "text": "null", "ms": 1767614400000},
        {"mean": 0.8333, "sum": 7.0, "version": "1.00000.2", "at": "2026-01-05T12:00:00.123456+00:00"},
    ],
)
def test_ordinary_data_needs_no_second_look(value: dict[str, Json]) -> None:
    """Identifiers, times and small numbers are not taken for what does not convert."""
    assert may_not_convert(canonical(value)) is False


@pytest.mark.parametrize("piece", ["0", "0e", "0e+0", "null", "__entity", '"', ":0", ",00000000000000"])
def test_hostile_texts_take_no_time(piece: str) -> None:
    """A text of a megabyte that looks like numbers or escapes all along is searched in no time."""
    text = canonical({"text": piece * (1_000_000 // len(piece))})
    begun = time.process_time()
    may_not_convert(text)
    assert time.process_time() - begun < 5
