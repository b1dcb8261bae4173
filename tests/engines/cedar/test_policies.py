"""Policies: how they are parsed, remarked upon and named, and what their decision means (section 1.7.1)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from acs_sidecar.engines.in_process import invoke
from acs_sidecar.spec.ports import PolicyInput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from tests.engines.cedar import (
    PERMIT_ALL,
    SNAPSHOT,
    bind,
    compile_cedar,
    findings,
    input_of,
    output,
    refusal,
)

FAILED = "policy_invocation_failed"
ALLOW = {"decision": "allow"}
WHERE = "policies.main.policy_set"


def test_allow() -> None:
    """A permit that applies, and no forbid that does, is an allow."""
    assert output(bind(compile_cedar('@id("p") permit(principal, action, resource);'))) == ALLOW


@pytest.mark.parametrize("policies", ["// nothing", 'permit(principal == Agent::"other", action, resource);'])
def test_no_matching_policy(policies: str) -> None:
    """A deny that no policy determined says so."""
    expected = {"decision": "deny", "reason": "no_matching_policy"}
    assert output(bind(compile_cedar(policies))) == expected


@pytest.mark.parametrize(
    ("forbids", "reason"),
    [
        ('@id("first") forbid(principal, action, resource);', "first"),
        ("forbid(principal, action, resource);", "policy1"),
        ('@id("") forbid(principal, action, resource);', "policy1"),
        ('@id(" ") forbid(principal, action, resource);', "policy1"),
        ("@id forbid(principal, action, resource);", "policy1"),
        ('@other("x") forbid(principal, action, resource);', "policy1"),
        ('@id("odd \\"é\\u{1F600}\\n name") forbid(principal, action, resource);', 'odd "é😀\n name'),
        ('forbid(principal, action, resource) when { false }; @id("b") forbid(principal, action, resource);', "b"),
    ],
)  # fmt: skip
def test_reason_of_a_deny(forbids: str, reason: str) -> None:
    """The reason is the `@id` of the forbid, or the engine's id for want of one."""
    expected = {"decision": "deny", "reason": reason}
    assert output(bind(compile_cedar(PERMIT_ALL + forbids))) == expected


@pytest.mark.parametrize("first", [0, 2, 9, 10, 11, 99, 100, 119])
def test_first_forbid_in_source_order(first: int) -> None:
    """Of the forbids that determine a deny the first in the source gives the reason, past ten as well."""
    rules = "".join(
        f'@id("rule {number}") forbid(principal, action, resource) when {{ {str(number >= first).lower()} }};\n'
        for number in range(120)
    )
    evaluator = bind(compile_cedar(rules))
    given = evaluator.evaluate(input_of())
    assert given.value == {"decision": "deny", "reason": f"rule {first}"}
    assert given.trace == {"determining": [f"rule {number}" for number in range(first, 120)]}


def test_order_across_files() -> None:
    """Files count by path in byte order, then their policies by position; other files do not count."""
    named = "@id({0!r}) forbid(principal, action, resource);".replace("{0!r}", '"{0}"')
    files = {
        "p/b.cedar": (named.format("b1") + named.format("b2")).encode(),
        "p/Z.cedar": (named.format("z1") + "// no end of line").encode(),
        "p/a/x.cedar": named.format("a1").encode(),
        "p/a.txt": b"not Cedar",
        "p/é.cedar": named.format("last").encode(),
    }
    given = bind(compile_cedar(files=files, policy_path="p")).evaluate(input_of())
    assert given.value == {"decision": "deny", "reason": "z1"}
    assert given.trace == {"determining": ["z1", "a1", "b1", "b2", "last"]}


def test_templates_keep_their_place() -> None:
    """A template takes a place in the source order as a policy does."""
    template = "permit(principal == ?principal, action, resource);"
    evaluator = bind(compile_cedar(template * 11 + "forbid(principal, action, resource);"))
    assert output(evaluator) == {"decision": "deny", "reason": "policy11"}


def test_trace_of_an_allow() -> None:
    """The trace names the permits that determined an allow, in source order."""
    rules = "".join(f"permit(principal, action, resource) when {{ {number} < 20 }};" for number in range(12))
    given = bind(compile_cedar(rules)).evaluate(input_of())
    assert given.trace == {"determining": [f"policy{number}" for number in range(12)]}


# -- errors ----------------------------------------------------------------------------------------

PRIVATE = "a private value"


@pytest.mark.parametrize(
    ("policies", "detail"),
    [
        (PERMIT_ALL + '@id("f") forbid(principal, action, resource) when { context.gone };', "`f` failed: a record lacks the attribute `gone`: test it with `has` first"),
        ('@id("n") permit(principal, action, resource) when { context.rec["a\\nb"] };', "`n` failed: a record lacks the attribute `a\\nb`: test it with `has` first"),
        ("permit(principal, action, resource) when { context.rec." + "g" * 300 + " };", f"`policy0` failed: a record lacks the attribute `{'g' * 100}…`: test it with `has` first"),
        (PERMIT_ALL + "forbid(principal, action, resource) when { context.text };", "`policy1` failed: an operator that takes a bool has a value of another type"),
        ('@id("p") permit(principal, action, resource) when { context.text > 1 };', "`p` failed: an operator that takes a long has a value of another type"),
        ('permit(principal, action, resource) when { context.text in principal };', "`policy0` failed: an operator that takes an entity has a value of another type"),
        ("permit(principal, action, resource) when { context.text.x };", "`policy0` failed: an attribute is looked for in what is no record and no entity"),
        ("forbid(principal, action, resource);" + "permit(principal, action, resource) when { context.gone };", "`policy1` failed: a record lacks the attribute `gone`: test it with `has` first"),
        ("permit(principal, action, resource) when { 9223372036854775807 + context.one == 1 };", "`policy0` failed: a result does not fit 64 bits"),
        ("permit(principal, action, resource) when { ip(context.text).isLoopback() };", "`policy0` failed: a function of `ipaddr` cannot compute its argument"),
        ("permit(principal, action, resource) when { principal.gone };", "`policy0` failed: an attribute is read of an entity that is not in the entities"),
        ("permit(principal, action, resource) when { resource.gone };", "`policy0` failed: an entity lacks the attribute `gone`: test it with `has` first"),
        ("permit(principal, action, resource) when { resource.getTag(context.text) == 1 };", "`policy0` failed: an entity lacks a tag: test it with `hasTag` first"),
        ("permit(principal, action, resource) when { unknown(context.text) };", "`policy0` failed: `unknown` has no value"),
    ],
)  # fmt: skip
def test_errors_fail_closed(policies: str, detail: str) -> None:
    """Any policy that fails ends the evaluation, whatever the others decide, and nothing of the request is told."""
    snapshot = {**SNAPSHOT, "text": PRIVATE, "one": 1, "rec": {PRIVATE: 1}}
    entities = [{"uid": {"type": "PolicyTarget", "id": "unspecified"}, "attrs": {}, "parents": []}]
    failure = refusal(bind(compile_cedar(policies, entities=entities)), input_of(snapshot))
    assert failure == (FAILED, f"policy {detail}")


def test_several_errors() -> None:
    """The first three policies that fail are named, in their order, and the others counted."""
    failing = "permit(principal, action, resource) when { context.gone };"
    why = "failed: a record lacks the attribute `gone`: test it with `has` first"
    detail = "; ".join([*(f"policy `policy{number}` {why}" for number in range(3)), "2 more failed"])
    assert refusal(bind(compile_cedar(failing * 5)), input_of()) == (FAILED, detail)


def test_no_decision_fails_closed() -> None:
    """A request that the engine refuses fails: here a list nested deeper than its reader goes."""
    nested: Any = PRIVATE
    for _ in range(200):
        nested = [nested]
    evaluator = bind(compile_cedar("permit(principal, action, resource) when { context.v == context.v };"))
    expected = (FAILED, "the engine could not decide the request")
    assert refusal(evaluator, input_of({**SNAPSHOT, "v": nested})) == expected


def test_unforeseen_failures_fail_closed() -> None:
    """What else is raised is a failure of the invocation, at the boundary around every evaluator."""
    evaluator = bind(compile_cedar('permit(principal, action, resource) when { context.text == "x" };'))
    unprintable = dict(input_of().value) | {"snapshot": {**SNAPSHOT, "text": "\ud800"}}
    with pytest.raises(EvaluationError) as raised:
        invoke(evaluator, PolicyInput(unprintable, b"{}"))
    assert (raised.value.reason, raised.value.detail) == (
        Reason.POLICY_INVOCATION_FAILED,
        "the policy failed while it was evaluated",
    )


# -- what is found at compile ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ("permit(principal, action, resource)", f"{WHERE}:1:36: {WHERE}: a policy ends with `;`: write it here"),
        ("@permit(\"a\")\npermit(principal, action, resource)\n@id(\"b\") forbid(principal, action, resource);", f"{WHERE}:2:36: {WHERE}: a policy ends with `;`: write it here"),
        (PERMIT_ALL + "\nforbid(principal, action, resource) when { context.permit }\npermit(principal, action, resource);", f"{WHERE}:2:60: {WHERE}: a policy ends with `;`: write it here"),
        ("permit(principal, action, resource", f"{WHERE}:1:1: {WHERE}: unexpected end of input"),
        (PERMIT_ALL + "\n  permit(principal, action);", f"{WHERE}:2:3: {WHERE}: this policy is missing the `resource` variable in the scope"),
        (PERMIT_ALL + "\n\n// a comment\n@id(\"x\")\nforbid(principal, action, resource)\nwhen { context. };", f"{WHERE}:6:17: {WHERE}: unexpected token `}}`"),
        ("permit(principal, action, resource) when { \"abc };", f"{WHERE}:1:44: {WHERE}: a string is not closed"),
        ("permit(principal, action, resource) when { § };", f"{WHERE}:1:44: {WHERE}: unexpected `§`"),
        ("@id(\"a\") @id(\"b\") permit(principal, action, resource);", f"{WHERE}:1:1: {WHERE}: duplicate annotation: @id"),
        ("permit(principal, action, resource) when { 9223372036854775808 == 1 };", f"{WHERE}:1:44: {WHERE}: integer literal `9223372036854775808` is too large"),
        (";", f"{WHERE}:1:1: {WHERE}: unexpected token `;`"),
    ],
)  # fmt: skip
def test_syntax_errors(policies: str, expected: str) -> None:
    """A policy that does not parse is named by the place where it begins, or by the odd character's."""
    assert findings(policies) == [expected]


def test_every_wrong_policy_is_found() -> None:
    """All policies of all files that do not parse are found, each in its file."""
    files = {"p/a.cedar": b"permit(x);\npermit(principal, action, resource);\nnonsense;", "p/b.cedar": b"\n;"}
    lines = [finding.split(": ")[0] for finding in findings(files=files, policy_path="p")]
    assert lines == ["p/a.cedar:1:8", "p/a.cedar:3:9", "p/b.cedar:2:1"]


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ('@id("p") permit(principal, action, resource);', ["cedar-unconditional-permit: policy `p` permits everything that is not forbidden: add a scope or a condition"]),
        ("permit(principal, action, resource) when { true } unless { false };", ["cedar-unconditional-permit: policy `policy0` permits everything that is not forbidden: add a scope or a condition"]),
        ("permit(principal, action, resource) when { false };", []),
        ("permit(principal, action, resource) unless { true };", []),
        ("permit(principal is Agent, action, resource);", []),
        ('permit(principal, action == Action::"input", resource);', []),
        ("forbid(principal, action, resource);", []),
        ('@advice("{\\"verdict\\":\\"escalate\\"}") permit(principal, action, resource);', []),
        ('@id("t") permit(principal == ?principal, action, resource);', ["cedar-unlinked-template: policy `t` is a template that no link uses and never applies: add a link, or name the entities"]),
        ('@advice("{\\"verdict\\":\\"warn\\"}") forbid(principal, action, resource);', ["cedar-advice-on-forbid: policy `policy0` is a forbid, whose `@advice` is never read: move it to a permit"]),
        ('@advice("x") forbid(principal, action, resource);', ["cedar-advice-on-forbid: policy `policy0` is a forbid, whose `@advice` is never read: move it to a permit"]),
        ('@advice("x") permit(principal, action, resource);', ["cedar-advice-invalid: policy `policy0` has an invalid `@advice`, so what it permits is denied: `@advice` is not JSON, or has a member twice"]),
    ],
)  # fmt: skip
def test_warnings(policies: str, expected: list[str]) -> None:
    """What is likely a mistake is remarked upon, and still compiles."""
    warnings = compile_cedar(policies).statement.warnings
    assert [f"{warning.code}: {warning.message}" for warning in warnings] == expected
    assert {warning.severity for warning in warnings} <= {"warning"}


def test_place_of_a_warning() -> None:
    """A remark names the file and the line of its policy."""
    (warning,) = compile_cedar(
        files={"p.cedar": b"\n  " + PERMIT_ALL.encode()}, policy_path="p.cedar"
    ).statement.warnings
    place = (warning.path, warning.source, warning.line, warning.column)
    assert place == ("policies.main.policy_path", "p.cedar", 2, 3)


# -- the policy as a whole -------------------------------------------------------------------------


def test_entities() -> None:
    """Policies see the entities that the definition gives, of which the request's need not be one."""
    entities = [
        {"uid": {"type": "Team", "id": "t"}, "attrs": {"level": 3}, "parents": []},
        {"uid": {"type": "Agent", "id": "a-1"}, "attrs": {"home": {"__entity": {"type": "Team", "id": "t"}}}, "parents": [{"type": "Team", "id": "t"}]},
    ]  # fmt: skip
    policy = 'permit(principal in Team::"t", action, resource) when { principal.home.level == 3 };'
    evaluator = bind(compile_cedar(policy, entities=entities))
    assert output(evaluator) == ALLOW
    stranger = input_of({"envelope": {"agent": {"id": "stranger"}}})
    assert output(evaluator, stranger) == {"decision": "deny", "reason": "no_matching_policy"}


def test_shared_between_threads() -> None:
    """One evaluator serves any number of threads."""
    evaluator = bind(compile_cedar('permit(principal, action, resource) when { context.text == "7" };'))
    with ThreadPoolExecutor(4) as pool:
        texts = [str(number % 10) for number in range(400)]
        given = pool.map(lambda text: output(evaluator, input_of({**SNAPSHOT, "text": text})), texts)
        assert [answer == ALLOW for answer in given] == [text == "7" for text in texts]


def test_evaluation_leaves_the_input_alone() -> None:
    """What an evaluator is given stays as it was."""
    snapshot = {**SNAPSHOT, "none": None, "n": 1.5}
    policy_input = input_of(snapshot)
    bind(compile_cedar("permit(principal, action, resource) when { context == context };")).evaluate(
        policy_input
    )
    assert policy_input == input_of(snapshot)


def test_policies_of_one_id() -> None:
    """The second policy of an `@id` is remarked upon, and one that takes the number of another."""
    same = '@id("a") forbid(principal, action, resource) when { context has x };'
    policies = f'{same}\n{same}\n@id("policy3") {same[9:]}\n{same[9:]}\n@id("") {same[9:]}'
    found = [one for one in compile_cedar(policies).statement.warnings if one.code == "cedar-id-duplicate"]
    assert [(one.line, one.message) for one in found] == [
        (line, f"policy `{name}` has the `@id` of another one: no reason tells which of them decided")
        for line, name in ((2, "a"), (4, "policy3"))
    ]
