"""The request that a Cedar policy is asked: defaults, overrides, paths (section 1.7.1)."""

from typing import Any

import pytest

from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import Evaluator
from tests.engines.cedar import (
    SNAPSHOT,
    bind,
    bind_findings,
    compile_cedar,
    findings,
    input_of,
    output,
    refusal,
)

ALLOW = {"decision": "allow"}
NO_MATCH = {"decision": "deny", "reason": "no_matching_policy"}
FAILED = "policy_invocation_failed"


def asked(condition: str, query: dict[str, Any] | None = None, **given: Any) -> Evaluator:
    """Bind a policy that permits exactly when `condition` holds."""
    policy = compile_cedar(f"permit(principal, action, resource) when {{ {condition} }};", query=query or {})
    return bind(policy, **given)


# -- defaults --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a-1", "a-1"),
        ("", ""),
        ('x"; permit(principal, action, resource); "', 'x\\"; permit(principal, action, resource); \\"'),
        ('User::"root"', 'User::\\"root\\"'),
        ("é\n\0\\", "é\\n\\0\\\\"),
    ],
)
def test_default_principal(name: str, written: str) -> None:
    """The principal is the agent that the envelope names, whatever its id looks like."""
    snapshot = {"envelope": {"agent": {"id": name}}}
    assert output(asked(f'principal == Agent::"{written}"'), input_of(snapshot)) == ALLOW
    assert output(asked('principal == Agent::"other"'), input_of(snapshot)) == NO_MATCH


@pytest.mark.parametrize(
    "snapshot",
    [
        {},
        {"envelope": None},
        {"envelope": {}},
        {"envelope": "agent"},
        {"envelope": {"agent": {}}},
        {"envelope": {"agent": "a-1"}},
        {"envelope": {"agent": {"id": None}}},
        {"envelope": {"agent": {"id": 7}}},
        {"envelope": {"agent": {"id": ["a-1"]}}},
    ],
)
def test_principal_missing(snapshot: dict[str, Any]) -> None:
    """Without a string at `envelope.agent.id` nothing is asked."""
    detail = "the principal is `$snap.envelope.agent.id`, which is missing or not a string: send it, or set `principal`"
    expected = (FAILED, detail)
    assert refusal(asked("true"), input_of(snapshot)) == expected


@pytest.mark.parametrize("point", list(InterventionPoint))
def test_default_action(point: InterventionPoint) -> None:
    """The action is the intervention point."""
    evaluator = asked(f'action == Action::"{point}"', point=point)
    assert output(evaluator) == ALLOW


def test_default_resource_tool() -> None:
    """Where a tool is projected, it is the resource, by its name."""
    evaluator = asked('resource == Tool::"mail"', tool=True, point=InterventionPoint.PRE_TOOL_CALL)
    assert output(evaluator, input_of(tool={"name": "mail"})) == ALLOW
    assert output(evaluator, input_of(tool={"name": "post"})) == NO_MATCH


@pytest.mark.parametrize(("kind", "name"), [("text", "text"), (None, "unspecified")])
def test_default_resource_target(kind: str | None, name: str) -> None:
    """Elsewhere the resource is the kind of the target, `unspecified` when none is configured."""
    assert output(asked(f'resource == PolicyTarget::"{name}"', kind=kind), input_of(kind=kind)) == ALLOW


@pytest.mark.parametrize(
    "condition",
    [
        'context.text == "hello"',
        'context.envelope.agent.id == "a-1"',
        "context.annotations.pii.score == 3",
        'context.tool == {name: "mail", clearance: 2}',
        'context.tool.name == "mail"',
        'context.policy_target == {kind: "text", path: "$snap.text", value: {a: [1, 2]}}',
        "context.policy_target.value.a.contains(2)",
    ],
)
def test_default_context(condition: str) -> None:
    """The context is the snapshot's members and, over them, annotations, tool and policy target."""
    snapshot = {**SNAPSHOT, "annotations": "mine", "tool": "mine", "policy_target": "mine"}
    given = input_of(
        snapshot,
        target={"a": [1, 2]},
        kind="text",
        tool={"name": "mail", "clearance": 2},
        annotations={"pii": {"score": 3}},
    )
    assert output(asked(condition, tool=True), given) == ALLOW


@pytest.mark.parametrize(
    "absent",
    ["context has tool", "context.policy_target has kind", "context has gone", "context.deep has gone"],
)
def test_null_members_are_left_out(absent: str) -> None:
    """A member that is `null` is not in the context, wherever it is."""
    snapshot = {**SNAPSHOT, "gone": None, "deep": {"gone": None}}
    assert output(asked(f"!({absent})"), input_of(snapshot)) == ALLOW


# -- overrides -------------------------------------------------------------------------------------

UIDS: list[tuple[Any, str]] = [
    ('User::"alice"', 'User::"alice"'),
    ('Acme::Org::User::"al\\"ice\\u{1F600}"', 'Acme::Org::User::"al\\"ice\\u{1F600}"'),
    ({"type": "User", "id": "alice"}, 'User::"alice"'),
    ({"type": "User", "id": "$snap.text"}, 'User::"hello"'),
    ({"type": "User", "id": "$.text"}, 'User::"hello"'),
    ({"type": "User", "id": "$pi.snapshot.text"}, 'User::"hello"'),
    ({"type": "User", "id": "$tool.name"}, 'User::"mail"'),
    ({"type": "User", "id": "$policy_target.a[1]"}, 'User::"two"'),
    ({"type": "User", "id": "$$snap.text"}, 'User::"$snap.text"'),
    ({"type": "$snap.uid.type", "id": "x"}, 'Acme::User::"x"'),
    ("$snap.uid", 'Acme::User::"alice"'),
    ("$snap.written", 'Acme::User::"bob"'),
]


@pytest.mark.parametrize("part", ["principal", "action", "resource"])
@pytest.mark.parametrize(("override", "uid"), UIDS)
@pytest.mark.parametrize("where", ["definition", "binding query", "binding"])
def test_uid_overrides(part: str, override: Any, uid: str, where: str) -> None:
    """Each entity can be given as text, as an object or by path; in the definition or the binding."""
    snapshot = {**SNAPSHOT, "uid": {"type": "Acme::User", "id": "alice"}, "written": 'Acme::User::"bob"'}
    given = input_of(snapshot, target={"a": ["one", "two"]}, tool={"name": "mail"})
    query = {part: override} if where == "definition" else None
    members = {"binding": {part: override}, "binding query": {"query": {part: override}}}.get(where, {})
    condition = f"{part} == {uid}"
    policy = compile_cedar(f"permit(principal, action, resource) when {{ {condition} }};", query=query or {})
    assert output(bind(policy, members=members), given) == ALLOW


def test_binding_wins_per_part() -> None:
    """A binding replaces single parts of the definition's query, and leaves the others."""
    query = {"principal": 'User::"defined"', "resource": 'Doc::"defined"', "context": {"x": "defined"}}
    evaluator = asked(
        'principal == User::"bound" && resource == Doc::"defined" && context.x == "bound"',
        query,
        members={"principal": 'User::"bound"', "query": {"context": {"x": "bound"}}},
    )
    assert output(evaluator) == ALLOW


def test_context_override() -> None:
    """A `context` replaces the default one; its texts may be paths, and paths keep their types."""
    context = {
        "who": "$snap.envelope.agent.id",
        "price": "$$5",
        "list": ["$policy_target.n", 2],
        "part": "$snap.envelope",
        "deep": {"score": "$pi.annotations.pii.score"},
        "none": None,
    }
    evaluator = asked(
        'context == {who: "a-1", price: "$5", list: [1, 2], part: {agent: {id: "a-1"}}, deep: {score: 3}}',
        members={"context": context},
    )
    assert output(evaluator, input_of(target={"n": 1}, annotations={"pii": {"score": 3}})) == ALLOW


def test_context_by_path() -> None:
    """A `context` may be the path of an object."""
    evaluator = asked("context == {n: 1}", members={"context": "$policy_target"})
    assert output(evaluator, input_of(target={"n": 1})) == ALLOW
    expected = (FAILED, "the `context` of the manifest is not an object")
    assert refusal(evaluator, input_of(target=["n"])) == expected


@pytest.mark.parametrize(
    ("members", "reason", "detail"),
    [
        ({"principal": "$snap.gone"}, "path_missing", "`$snap.gone` has no value at `gone`"),
        ({"principal": "$snap.text.x"}, "path_type_mismatch", "`$snap.text.x` does not meet an object at `x`"),
        ({"resource": {"type": "Doc", "id": "$tool.name"}}, "path_type_mismatch", "`$tool.name` does not meet an object at `name`"),
        ({"action": {"type": "Action", "id": "$snap.gone"}}, "path_missing", "`$snap.gone` has no value at `gone`"),
        ({"context": {"x": {"y": ["$snap.gone"]}}}, "path_missing", "`$snap.gone` has no value at `gone`"),
        ({"context": "$snap.gone"}, "path_missing", "`$snap.gone` has no value at `gone`"),
        ({"principal": {"type": "User", "id": "$snap.number"}}, FAILED, "`$snap.number` is not a string"),
        ({"principal": {"type": "User", "id": "$snap.null"}}, FAILED, "`$snap.null` is not a string"),
        ({"principal": {"type": "$snap.text!", "id": "x"}}, "path_missing", "`$snap.text!` has no value at `text!`"),
        ({"principal": {"type": "$snap.bad", "id": "x"}}, FAILED, "`$snap.bad` is not the name of an entity type"),
        ({"principal": "$snap.text"}, FAILED, '`$snap.text` is not an entity written `Type::"id"`'),
        ({"principal": "$snap.number"}, FAILED, "`$snap.number` is not an entity: a `type` and an `id`"),
        ({"principal": "$snap.extra"}, FAILED, "`$snap.extra` is not an entity: a `type` and an `id`"),
        ({"principal": "$snap.untyped"}, FAILED, "`$snap.untyped` is not an entity: a `type` and an `id`"),
    ],
)  # fmt: skip
def test_override_failures(members: dict[str, Any], reason: str, detail: str) -> None:
    """A path keeps its reason; what it leads to must be what the part needs."""
    snapshot = {
        **SNAPSHOT,
        "number": 7,
        "null": None,
        "bad": "in",
        "extra": {"type": "User", "id": "x", "more": 1},
        "untyped": {"type": "a b", "id": "x"},
    }
    assert refusal(asked("true", members=members), input_of(snapshot)) == (reason, detail)


AT = "intervention_points.output.policy"


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"query": "data.x"}, f"{AT}.query: must be an object"),
        ({"query": {"principle": 1}}, f"{AT}.query.principle: unknown member, did you mean `principal`?; must be one of `action`, `context`, `decimals`, `principal`, `resource`"),
        ({"principal": 'User::"a"', "query": {"principal": 'User::"b"'}}, f"{AT}.principal: is set twice: here and in `query`"),
        ({"principal": "alice"}, f'{AT}.principal: an entity is written `Type::"id"`'),
        ({"principal": 'in::"a"'}, f'{AT}.principal: an entity is written `Type::"id"`'),
        ({"principal": 'User::"\\q"'}, f"{AT}.principal: a string holds an unknown escape"),
        ({"principal": "$$snap.x"}, f'{AT}.principal: an entity is written `Type::"id"`'),
        ({"principal": "$nope.x"}, f"{AT}.principal: `$nope.x` is not a path: must start with `$snap`, `$pi`, `$policy_target`, `$tool`"),
        ({"principal": 1}, f'{AT}.principal: must be `Type::"id"`, a path, or an object `{{type, id}}`'),
        ({"principal": None}, f'{AT}.principal: must be `Type::"id"`, a path, or an object `{{type, id}}`'),
        ({"principal": {"type": "User"}}, f'{AT}.principal: must be `Type::"id"`, a path, or an object `{{type, id}}`'),
        ({"principal": {"type": "User", "id": 1}}, f"{AT}.principal.id: must be a string"),
        ({"principal": {"type": "a b", "id": "1"}}, f"{AT}.principal.type: is not the name of an entity type"),
        ({"resource": {"type": "Doc", "id": "$snap["}}, f'{AT}.resource.id: `$snap[` is not a path at column 6: segments are `.name`, `[0]` or `["any name"]`'),
        ({"context": 1}, f"{AT}.context: must be an object or the path of one"),
        ({"context": "x"}, f"{AT}.context: must be an object or the path of one"),
        ({"context": {"u": {"__entity": {"type": "User", "id": "x"}}}}, f"{AT}.context.u.__entity: is reserved by Cedar"),
        ({"context": {"l": [1, None]}}, f"{AT}.context.l: holds `null`, which a set cannot hold"),
        ({"context": {"n": 2**63}}, f"{AT}.context.n: an integer in the context does not fit 64 bits"),
        ({"query": {"decimals": "context.x"}}, f"{AT}.query.decimals: must be a list of attributes such as `context.order.total`"),
        ({"query": {"decimals": ["x"]}}, f"{AT}.query.decimals[0]: `x` is not a path: must start with `$snap`, `$pi`, `$policy_target`, `$tool`"),
        ({"query": {"decimals": ["$snap.x"], "context": {}}}, f"{AT}.query.decimals: must start at `context`, since the manifest sets `context`"),
    ],
)  # fmt: skip
def test_wrong_overrides(members: dict[str, Any], expected: str) -> None:
    """What can only fail is found when the policy is bound, and named by its path."""
    assert bind_findings(compile_cedar(), members=members) == [expected]


def test_wrong_query_of_definition() -> None:
    """The definition's query is read when it is compiled."""
    expected = ['policies.main.query.resource: an entity is written `Type::"id"`']
    assert findings(query={"resource": "x"}) == expected
