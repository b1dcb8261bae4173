"""Schemas: what a bound point needs of one, and what it lets through of a request (section 1.7.1)."""

from typing import Any

import pytest

from acs_sidecar.spec.points import InterventionPoint
from tests.engines.cedar import (
    PERMIT_ALL,
    SNAPSHOT,
    bind,
    bind_findings,
    compile_cedar,
    findings,
    input_of,
    output,
    refusal,
)
from tests.engines.cedar.schemas import ALLOW, schema

FAILED = "policy_invocation_failed"
NO_MATCH = {"decision": "deny", "reason": "no_matching_policy"}
AT = "intervention_points.output.policy"


def decided(condition: str, context: str, snapshot: dict[str, Any], more: str = "", **given: Any) -> Any:
    """Evaluate a condition over a context of a declared type."""
    policy = compile_cedar(
        f"permit(principal, action, resource) when {{ {condition} }};", schema=schema(context, more)
    )
    return output(bind(policy), input_of({**SNAPSHOT, **snapshot}, **given))


def refused(context: str, snapshot: dict[str, Any], more: str = "") -> tuple[str, str]:
    """Evaluate a policy that reads nothing over a context of a declared type."""
    policy = compile_cedar(schema=schema(context, more))
    return refusal(bind(policy), input_of({**SNAPSHOT, **snapshot}))


# -- projection ------------------------------------------------------------------------------------


def test_undeclared_members_are_left_out() -> None:
    """Of a snapshot, a record in it and the service's own members, what is declared remains."""
    context = "{ text: String, args: { to: String }, policy_target: { value: String } }"
    snapshot = {"args": {"to": "bob", "cc": [1.5, {"x": 2**60}]}, "other": [1, "a"]}
    condition = (
        'context.text == "hello" && context.args.to == "bob" && context.policy_target.value == "hello"'
    )
    assert decided(condition, context, snapshot) == ALLOW
    whole = 'context == {text: "hello", args: {to: "bob"}, policy_target: {value: "hello"}}'
    assert decided(whole, context, snapshot) == ALLOW


def test_what_is_left_out_is_not_converted() -> None:
    """A number out of range or a `null` in a list does no harm where the schema declares nothing."""
    assert decided("true", "{ text: String }", {"other": [None, 2**64 - 1, 1e300]}) == ALLOW


def test_optional_attributes() -> None:
    """An optional attribute may be absent or `null`; both mean that the context does not have it."""
    context = "{ text: String, extra?: { deep?: Long } }"
    for snapshot in ({}, {"extra": None}):
        assert decided("context has extra", context, snapshot) == NO_MATCH
    assert (
        decided("context has extra && !(context.extra has deep)", context, {"extra": {"deep": None}}) == ALLOW
    )
    assert (
        decided("context has extra.deep && context.extra.deep == 3", context, {"extra": {"deep": 3}}) == ALLOW
    )


@pytest.mark.parametrize(
    ("kind", "value", "condition"),
    [
        ("String", "x", 'context.v == "x"'),
        ("Long", 7, "context.v == 7"),
        ("Bool", True, "context.v == true"),
        ("decimal", 7, 'context.v == decimal("7.0")'),
        ("decimal", 7.25, 'context.v == decimal("7.25")'),
        ("decimal", 7.0, 'context.v == decimal("7.0")'),
        ("decimal", "7.25", 'context.v == decimal("7.25")'),
        ("Long", 7.0, "context.v == 7"),
        ("ipaddr", "10.1.2.3", 'context.v.isInRange(ip("10.0.0.0/8"))'),
        ("ipaddr", "fe80::/10", "context.v.isIpv6()"),
        ("__cedar::ipaddr", "::1", "context.v.isLoopback()"),
        ("Set<ipaddr>", ["::1", "10.1.2.3"], 'context.v.contains(ip("10.1.2.3"))'),
        ("{a: ipaddr}", {"a": "::1"}, "context.v.a.isLoopback()"),
        ("duration", "1h30m", 'context.v == duration("90m")'),
        ("datetime", "2026-01-01", 'context.v == datetime("2026-01-01")'),
        ("datetime", "2026-01-01T10:00:00Z", 'context.v.toTime() == duration("10h")'),
        ("Set<datetime>", ["2026-01-01T00:00:00+00:00"], 'context.v.contains(datetime("2026-01-01"))'),
        ("Set<Long>", [1, 2], "context.v == [1, 2]"),
        ("Set<decimal>", [1, 2.5], 'context.v == [decimal("1.0"), decimal("2.5")]'),
        ("Set<Set<String>>", [["a"], ["b"]], 'context.v == [["a"], ["b"]]'),
        ("Set<{a: Long}>", [{"a": 1, "c": 2}], "context.v == [{a: 1}]"),
        ("{a: {b: decimal}}", {"a": {"b": 1, "c": None}}, 'context.v == {a: {b: decimal("1.0")}}'),
        ("Money", {"amount": 3, "currency": "EUR"}, 'context.v == {amount: decimal("3.0"), currency: "EUR"}'),
        ("Many", [{"amount": 3, "currency": "EUR"}], 'context.v.contains({amount: decimal("3.0"), currency: "EUR"})'),
        ("__cedar::Long", 7, "context.v == 7"),
    ],
)  # fmt: skip
def test_declared_types(kind: str, value: Any, condition: str) -> None:
    """A value becomes what its declared type says, an integer a `decimal` where that is declared."""
    more = "type Money = { amount: decimal, currency: String }; type Many = Set<Money>;"
    assert decided(condition, f"{{ v: {kind} }}", {"v": value}, more) == ALLOW


@pytest.mark.parametrize(
    ("kind", "value", "detail"),
    [
        ("String", 7, "`context.v` is not of the type `String`, as the schema declares"),
        ("Long", "7", "`context.v` is not of the type `Long`, as the schema declares"),
        ("Long", 7.5, "a number in the context is not an integer, though the schema declares a `Long`"),
        ("Long", 2.0**63, "an integer in the context does not fit 64 bits"),
        ("Long", True, "`context.v` is not of the type `Long`, as the schema declares"),
        ("Long", 2**63, "an integer in the context does not fit 64 bits"),
        ("Bool", 1, "`context.v` is not of the type `Bool`, as the schema declares"),
        ("Bool", {"a": 1}, "`context.v` is not of the type `Bool`, as the schema declares"),
        ("decimal", "1", "`context.v` is not a decimal such as `12.5`, with one to four fractional digits, though the schema declares a `decimal`"),
        ("decimal", True, "`context.v` is not a number or text, though the schema declares a `decimal`"),
        ("decimal", {"fn": "decimal", "arg": "1.0"}, "`context.v` is not a number or text, though the schema declares a `decimal`"),
        ("decimal", 1.00005, "a number in the context has more than the four fractional digits of a `decimal`"),
        ("decimal", 2**62, "an integer in the context does not fit a `decimal`"),
        ("decimal", 1e300, "an integer in the context does not fit a `decimal`"),
        ("Set<Long>", {"a": 1}, "`context.v` is not a list, though the schema declares a set"),
        ("Set<Long>", [1, None], "`context.v` holds `null`"),
        ("Set<Long>", [1, "a"], "`an item of context.v` is not of the type `Long`, as the schema declares"),
        ("{a: Long}", [1], "`context.v` is not a record, as the schema declares"),
        ("{a: Long}", "a", "`context.v` is not a record, as the schema declares"),
        ("{a: Long}", {"b": 1}, "`context.v.a` is missing, which the schema requires"),
        ("{a: {b: Long}}", {"a": {"b": None}}, "`context.v.a.b` is missing, which the schema requires"),
        ("Long", None, "`context.v` is missing, which the schema requires"),
        ("Agent", "root", "`context.v` has the entity type `Agent` in the schema, which request data cannot fill"),
        ("Agent", {"type": "Agent", "id": "root"}, "`context.v` has the entity type `Agent` in the schema, which request data cannot fill"),
        ("Who", {"type": "Agent", "id": "root"}, "`context.v` has the entity type `Agent` in the schema, which request data cannot fill"),
        ("Set<Agent>", [{"type": "Agent", "id": "root"}], "`an item of context.v` has the entity type `Agent` in the schema, which request data cannot fill"),
        ("ipaddr", "localhost", "`context.v` is not an IP address, or a range such as `10.0.0.0/8`, though the schema declares a `ipaddr`"),
        ("ipaddr", 1, "`context.v` is not text, though the schema declares a `ipaddr`"),
        ("ipaddr", ["::1"], "`context.v` is not text, though the schema declares a `ipaddr`"),
        ("datetime", "today", "`context.v` is not a time of RFC 3339 such as `2026-01-31T09:30:00Z`, nor a date, though the schema declares a `datetime`"),
        ("datetime", 1767261600, "`context.v` is not text, though the schema declares a `datetime`"),
        ("duration", "PT1H", "`context.v` is not a duration of Cedar such as `1d2h30m` or `1500ms`, though the schema declares a `duration`"),
        ("duration", True, "`context.v` is not text, though the schema declares a `duration`"),
        ("String", {"__extn": {"fn": "ip", "arg": "::1"}}, "an object in the request has a member that Cedar reserves: `__entity`, `__expr`, `__extn`"),
        ("ipaddr", {"__extn": {"fn": "ip", "arg": "::1"}}, "an object in the request has a member that Cedar reserves: `__entity`, `__expr`, `__extn`"),
        ("datetime", {"__extn": {"fn": "datetime", "arg": "2026-01-01"}}, "an object in the request has a member that Cedar reserves: `__entity`, `__expr`, `__extn`"),
        ("ipaddr", {"fn": "ip", "arg": "::1"}, "`context.v` is not text, though the schema declares a `ipaddr`"),
    ],
)  # fmt: skip
def test_data_of_another_type(kind: str, value: Any, detail: str) -> None:
    """Data that does not fit its declared type fails closed, and none becomes an entity."""
    name = "v?" if kind in ("Agent", "Who") else "v"
    assert refused(f"{{ {name}: {kind} }}", {"v": value}, "type Who = Agent;") == (FAILED, detail)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("2026-01-01T10:00:00Z", 'context.v == "2026-01-01T10:00:00Z"'),
        ("10.1.2.3", 'context.v == "10.1.2.3"'),
        ("1h", 'context.v == "1h"'),
        ("1.5", 'context.v == "1.5"'),
    ],
)
def test_text_stays_text_where_the_schema_says_so(text: str, condition: str) -> None:
    """Text of the form of an extension type stays text in a `String`, and without a schema."""
    assert decided(condition, "{ v: String }", {"v": text}) == ALLOW
    policy = compile_cedar(f"permit(principal, action, resource) when {{ {condition} }};")
    assert output(bind(policy), input_of({**SNAPSHOT, "v": text})) == ALLOW


def test_entity_attribute_left_empty() -> None:
    """An optional attribute of entity type does no harm while the request has nothing for it."""
    assert decided("!(context has owner)", "{ owner?: Agent }", {"owner": None}) == ALLOW


def test_name_resolution() -> None:
    """A name means the nearest declaration: of the namespace, then of the top, then the built-in one."""
    text = """
    type Amount = Long;
    namespace Acme {
      entity Agent, Doc; entity decimal;
      type Own = String;
      action read appliesTo { principal: Agent, resource: Acme::Doc,
        context: { own: Own, amount: Amount, entity_named?: decimal, built_in: __cedar::decimal } };
    }
    """
    query = {
        "principal": 'Acme::Agent::"a"',
        "action": 'Acme::Action::"read"',
        "resource": 'Acme::Doc::"d"',
    }
    policy = compile_cedar(
        "permit(principal, action, resource) when { context.amount == 3 };", schema=text, query=query
    )
    good = {**SNAPSHOT, "own": "x", "amount": 3, "built_in": 1.5}
    assert output(bind(policy), input_of(good)) == ALLOW
    expected = (
        FAILED,
        "`context.entity_named` has the entity type `Acme::decimal` in the schema, which request data cannot fill",
    )
    assert refusal(bind(policy), input_of({**good, "entity_named": 1})) == expected


# -- what is found at compile ----------------------------------------------------------------------


def test_action_undeclared() -> None:
    """A schema that lacks the action of a bound point makes the manifest invalid."""
    policy = compile_cedar(schema=schema())
    expected = [
        'intervention_points.input.policy: the schema declares no action `Action::"input"`: '
        "declare it, or set another `action`"
    ]
    assert bind_findings(policy, point=InterventionPoint.INPUT) == expected


@pytest.mark.parametrize(
    ("tool", "members", "expected"),
    [
        (True, {}, f'{AT}: the schema does not let `Action::"output"` apply to the resource type `Tool`: it applies to `PolicyTarget`; add the type to it, or set `query.resource`'),
        (False, {"principal": 'Tool::"x"'}, f'{AT}: the schema does not let `Action::"output"` apply to the principal type `Tool`: it applies to `Agent`; add the type to it, or set `query.principal`, such as `{{type: Agent, id: $snap.envelope.agent.id}}`'),
        (False, {"resource": {"type": "Doc", "id": "$snap.text"}}, f'{AT}: the schema does not let `Action::"output"` apply to the resource type `Doc`: it applies to `PolicyTarget`; add the type to it, or set `query.resource`'),
        (False, {"action": 'Action::"group"'}, f'{AT}: the schema does not let `Action::"group"` apply to the principal type `Agent`: it applies to nothing; add the type to it, or set `query.principal`'),
        (False, {"action": 'Action::"other"'}, f'{AT}: the schema declares no action `Action::"other"`: declare it, or set another `action`'),
    ],
)  # fmt: skip
def test_action_does_not_apply(tool: bool, members: dict[str, Any], expected: str) -> None:
    """So does an action that does not apply to the types of the principal and the resource."""
    policy = compile_cedar(schema=schema(more="action group;"))
    assert bind_findings(policy, tool=tool, members=members) == [expected]


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        ({"principal": "$snap.uid"}, "the schema does not let the action apply to the principal"),
        ({"resource": "$snap.uid"}, "the schema does not let the action apply to the resource"),
        ({"action": "$snap.uid"}, "the schema does not declare the action"),
        ({"resource": 'Level::"none"'}, "the schema does not let the action apply to the resource"),
    ],
)
def test_requests_that_the_schema_does_not_admit(members: dict[str, Any], detail: str) -> None:
    """What is only known with the request is checked then, ids of enumerated types among it."""
    text = (
        'entity Agent; entity PolicyTarget; entity Level enum ["low", "high"];'
        "action output appliesTo { principal: Agent, resource: [PolicyTarget, Level] };"
    )
    evaluator = bind(compile_cedar(schema=text), members=members)
    snapshot = {**SNAPSHOT, "uid": {"type": "Stranger", "id": "x"}}
    assert refusal(evaluator, input_of(snapshot)) == (FAILED, detail)


def test_action_by_path() -> None:
    """An action that comes with the request has the context that the schema declares for it."""
    text = schema("{ text: String }", "action other appliesTo {principal: Agent, resource: PolicyTarget};")
    evaluator = bind(compile_cedar(schema=text), members={"action": {"type": "Action", "id": "$snap.do"}})
    assert output(evaluator, input_of({**SNAPSHOT, "do": "output"})) == ALLOW
    assert output(evaluator, input_of({"envelope": SNAPSHOT["envelope"], "do": "other"})) == ALLOW
    expected = (FAILED, "`context.text` is missing, which the schema requires")
    assert refusal(evaluator, input_of({"envelope": SNAPSHOT["envelope"], "do": "output"})) == expected


def test_action_groups() -> None:
    """An action is in the groups that the schema puts it in."""
    text = (
        "entity Agent; entity PolicyTarget; action all; action reading in [all];"
        "action output in [reading] appliesTo { principal: Agent, resource: PolicyTarget };"
    )
    policy = compile_cedar('permit(principal, action in Action::"all", resource);', schema=text)
    assert output(bind(policy)) == ALLOW


def test_enumerated_choice() -> None:
    """An id that an enumerated type lists is admitted."""
    text = (
        'entity Agent; entity Level enum ["low", "high"];'
        "action output appliesTo { principal: Agent, resource: Level };"
    )
    evaluator = bind(compile_cedar(schema=text), members={"resource": 'Level::"low"'})
    assert output(evaluator) == ALLOW


def test_decimals_with_a_schema() -> None:
    """A listed place must be a `decimal` where the schema declares it."""
    policy = compile_cedar(schema=schema("{ text: String, price?: { net: decimal, lines: Set<Long> } }"))
    for listed in (["context.price.net"], ["context.other"], ["context.price.net.x"]):
        bind(policy, members={"query": {"decimals": listed}})
    for listed in (["context.text"], ["context.price"], ["context.price.lines[0]"]):
        expected = [f"{AT}.query.decimals: the schema does not declare `decimal` there"]
        assert bind_findings(policy, members={"query": {"decimals": listed}}) == expected


def test_validation() -> None:
    """A policy that the schema does not support makes the manifest invalid, each where it is wrong."""
    policies = (
        PERMIT_ALL + "\n\nforbid(principal, action, resource)\nwhen { context.nope == 1 };\n" + PERMIT_ALL
    )
    assert findings(policies, schema=schema()) == [
        "policies.main.policy_set:4:16: policies.main.policy_set: policy `policy1`: attribute `nope` in "
        'context for Action::"output" not found'
    ]


def test_entities_must_conform() -> None:
    """Entities are held against the schema."""
    text = schema(more="entity User { age: Long };")
    good = {"uid": {"type": "User", "id": "u"}, "attrs": {"age": 3}, "parents": []}
    compile_cedar(schema=text, entities=[good])
    bad = {"uid": {"type": "User", "id": "u"}, "attrs": {"age": "3"}, "parents": []}
    (finding,) = findings(schema=text, entities=[{**good, "uid": {"type": "User", "id": "v"}}, bad])
    assert finding.startswith("policies.main.entities[1]: entity 1 is invalid: ")
