"""Templates and their links: what they decide, and what is wrong with a link (section 1.7.1)."""

from typing import Any

import orjson
import pytest

from acs_sidecar.spec.points import InterventionPoint
from tests.engines.cedar import bind, compile_cedar, findings, input_of, output, refusal

PERMIT = '@id("may") permit(principal == ?principal, action, resource);'
FORBID = '@id("may-not") forbid(principal == ?principal, action, resource in ?resource);'
LINKS = "policies.main.template_links"
ME = 'Agent::"a-1"'
HERE = 'PolicyTarget::"unspecified"'
ALLOW = {"decision": "allow"}
SCHEMA = (
    "entity Team; entity Agent in [Team]; entity PolicyTarget; entity Other;"
    "action output appliesTo { principal: Agent, resource: PolicyTarget };"
)


def link(template: str = "may", name: str = "l", **values: Any) -> dict[str, Any]:
    """Write a link in the form of a manifest; `values` are entities by slot."""
    return {
        "template_id": template,
        "new_id": name,
        "values": {f"?{slot}": uid for slot, uid in values.items()},
    }


def decided(policies: str, *links: Any, **members: Any) -> Any:
    """Compile policies with links, and decide for the agent `a-1` at the output."""
    return output(bind(compile_cedar(policies, template_links=list(links), **members)))


@pytest.mark.parametrize(
    "uid", [ME, {"type": "Agent", "id": "a-1"}, {"__entity": {"type": "Agent", "id": "a-1"}}]
)
def test_a_link_applies_its_template(uid: Any) -> None:
    """A template decides for what its links name, and for nothing else; an entity has three forms."""
    nothing = {"decision": "deny", "reason": "no_matching_policy"}
    assert decided(PERMIT) == nothing
    assert decided(PERMIT, link(principal='Agent::"other"')) == nothing
    assert decided(PERMIT, link(principal=uid)) == ALLOW


@pytest.mark.parametrize(
    "given",
    [
        {"template_id": "may", "new_id": "l", "values": {"?principal": ME}},
        {"template_id": "may", "link_id": "l", "args": {"?principal": ME}},
        {"templateId": "may", "newId": "l", "values": {"?principal": {"type": "Agent", "id": "a-1"}}},
    ],
)
def test_forms_of_a_link(given: Any) -> None:
    """Links are read as a manifest writes them, as `cedar link` does, and as JSON policy sets do."""
    assert decided(PERMIT, given) == ALLOW


def test_links_of_a_file() -> None:
    """A path names a JSON file of links."""
    files = {"links.json": orjson.dumps([link(principal=ME)])}
    assert output(bind(compile_cedar(PERMIT, files, template_links="links.json"))) == ALLOW


def test_an_id_is_data() -> None:
    """An id that would end a literal, were it pasted into policies, names the entity of that id."""
    odd = 'x", action, resource); permit(principal, action, resource); //'
    policy = compile_cedar(PERMIT, template_links=[link(principal={"type": "Agent", "id": odd})])
    assert output(bind(policy)) == {"decision": "deny", "reason": "no_matching_policy"}
    assert output(bind(policy), input_of({"envelope": {"agent": {"id": odd}}})) == ALLOW


def test_what_a_linked_policy_is_called() -> None:
    """The reason is the template's `@id`; without one it is the link's id. The trace has the link's id."""
    permit = "permit(principal, action, resource);"
    named = link("may-not", "l", principal=ME, resource=HERE)
    given = bind(compile_cedar(permit + FORBID, template_links=[named])).evaluate(input_of())
    assert given.value == {"decision": "deny", "reason": "may-not"}
    assert given.trace == {"determining": ["l"]}
    unnamed = FORBID.removeprefix('@id("may-not")')
    linked = link("policy1", "l", principal=ME, resource=HERE)
    assert decided(permit + unnamed, linked) == {"decision": "deny", "reason": "l"}


def test_order_of_linked_policies() -> None:
    """A linked policy stands where its template does; several links of one template in their own order."""
    first, second = FORBID.replace("may-not", "first"), FORBID.replace("may-not", "second")
    static = '@id("between") forbid(principal, action, resource);'
    links = [
        link("second", "c", principal=ME, resource=HERE),
        link("first", "b", principal=ME, resource=HERE),
        link("first", "a", principal=ME, resource=HERE),
    ]
    policy = compile_cedar(first + static + second, template_links=links)
    given = bind(policy).evaluate(input_of())
    assert given.value == {"decision": "deny", "reason": "first"}
    assert given.trace == {"determining": ["b", "a", "between", "c"]}


def test_advice_of_a_template() -> None:
    """The advice of a template is that of each linked policy."""
    advice = '@advice("{\\"verdict\\": \\"warn\\", \\"reason\\": \\"trial\\"}")'
    assert decided(advice + PERMIT, link(principal=ME)) == {"decision": "warn", "reason": "trial"}
    assert compile_cedar(PERMIT, template_links=[link(principal=ME)]).statement.warnings == ()


def test_an_error_in_a_linked_policy() -> None:
    """A linked policy that errs fails the evaluation, whatever else permits, and is named by its link."""
    errs = FORBID.replace(";", " when { context.none == 1 };") + "permit(principal, action, resource);"
    policy = compile_cedar(errs, template_links=[link("may-not", "l", principal=ME, resource=HERE)])
    assert refusal(bind(policy)) == (
        "policy_invocation_failed",
        "policy `l` failed: a record lacks the attribute `none`: test it with `has` first",
    )


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ([1], [f"{LINKS}[0]: must be an object"]),
        ([{"template_id": "may"}], [f"{LINKS}[0]: must have exactly the members `template_id`, `new_id`, `values`, or `template_id`, `link_id`, `args`, or `templateId`, `newId`, `values`"]),
        ([{**link(principal=ME), "link_id": "m"}], [f"{LINKS}[0]: must have exactly the members `template_id`, `new_id`, `values`, or `template_id`, `link_id`, `args`, or `templateId`, `newId`, `values`"]),
        ([link(name=" ", principal=ME)], [f"{LINKS}[0].new_id: must be a string that is not blank"]),
        ([{**link(), "template_id": 7}], [f"{LINKS}[0].template_id: must be a string that is not blank"]),
        ([{**link(), "values": [ME]}], [f"{LINKS}[0].values: must be an object of entities by slot"]),
        ([link(principal="$snap.user")], [f'{LINKS}[0].values["?principal"]: an entity is written `Type::"id"`']),
        ([link(principal='Agent::"a')], [f'{LINKS}[0].values["?principal"]: an entity is written `Type::"id"`']),
        ([link(principal={"type": "if", "id": "a"})], [f'{LINKS}[0].values["?principal"]: must be `Type::"id"`, or an object `{{type, id}}`']),
        ([link(principal={"type": "Agent", "id": 1})], [f'{LINKS}[0].values["?principal"]: must be `Type::"id"`, or an object `{{type, id}}`']),
        ([link(principal=None)], [f'{LINKS}[0].values["?principal"]: must be `Type::"id"`, or an object `{{type, id}}`']),
        ([link("gone", principal=ME)], [f"{LINKS}[0]: there is no template `gone`; templates are: `may`"]),
        ([link("static", principal=ME)], [f"{LINKS}[0]: there is no template `static`; templates are: `may`"]),
        ([link("policy0", principal=ME)], [f"{LINKS}[0]: there is no template `policy0`; templates are: `may`"]),
        ([link()], [f"{LINKS}[0]: does not fill `?principal` of the template `may`"]),
        ([link(principal=ME, resource=ME)], [f"{LINKS}[0]: fills `?resource`, which the template `may` does not have"]),
        ([link(resource=ME)], [f"{LINKS}[0]: does not fill `?principal` of the template `may`", f"{LINKS}[0]: fills `?resource`, which the template `may` does not have"]),
        ([link(principal=ME), link(principal='A::"b"')], [f"{LINKS}[1]: `l` is the id of another policy or link"]),
        ([link(name="static", principal=ME)], [f"{LINKS}[0]: `static` is the id of another policy or link"]),
        ([link(name="may", principal=ME)], [f"{LINKS}[0]: `may` is the id of another policy or link"]),
        ([1, link(principal=ME), 2], [f"{LINKS}[0]: must be an object", f"{LINKS}[2]: must be an object"]),
    ],
)  # fmt: skip
def test_wrong_links(links: list[Any], expected: list[str]) -> None:
    """A link that is wrong is named by its place, all of them at once."""
    policies = PERMIT + '@id("static") permit(principal, action, resource);'
    assert findings(policies, template_links=links) == expected


def test_templates_of_one_id() -> None:
    """A link must not be able to mean either of two templates."""
    expected = f"{LINKS}[0]: several templates have the id `may`: make their `@id` differ"
    assert findings(PERMIT + PERMIT, template_links=[link(principal=ME)]) == [expected]


def test_there_is_no_template() -> None:
    """Where all policies are static a link has nothing to fill."""
    assert findings(template_links=[link(principal=ME)]) == [
        f"{LINKS}[0]: there is no template `may`; templates are: none"
    ]


def test_a_finding_points_into_the_file() -> None:
    """A wrong link of a file is found by its line."""
    text = b'[\n {"template_id": "may", "new_id": "l", "values": {}},\n {"template_id": "may",\n  "new_id": 1, "values": {}}]'
    expected = ["l.json:4:3: policies.main.template_links: must be a string that is not blank"]
    assert findings(PERMIT, {"l.json": text}, template_links="l.json") == expected
    slots = ["l.json:2:2: policies.main.template_links: does not fill `?principal` of the template `may`"]
    text = b'[\n {"template_id": "may", "new_id": "l", "values": {}}]'
    assert findings(PERMIT, {"l.json": text}, template_links="l.json") == slots


@pytest.mark.parametrize(
    ("template", "uid"),
    [
        ("permit(principal == ?principal, action, resource);", 'Agent::"a-1"'),
        ("permit(principal in ?principal, action, resource);", 'Team::"t"'),
        ("permit(principal is Agent in ?principal, action, resource);", 'Team::"t"'),
    ],
)
def test_links_that_fit_a_schema(template: str, uid: str) -> None:
    """A template is checked with the types of its links; each form of a scope has slots."""
    team = {"uid": {"type": "Team", "id": "t"}, "attrs": {}, "parents": []}
    me = {"uid": {"type": "Agent", "id": "a-1"}, "attrs": {}, "parents": [{"type": "Team", "id": "t"}]}
    linked = link("policy0", principal=uid)
    assert decided(template, linked, schema=SCHEMA, entities=[team, me]) == ALLOW


@pytest.mark.parametrize("uid", ['Nope::"x"', 'Other::"x"'])
def test_links_that_do_not_fit_a_schema(uid: str) -> None:
    """A link whose entity the schema does not have, or that no action applies to, is invalid."""
    good = link(name="good", principal=ME)
    found = findings(PERMIT, schema=SCHEMA, template_links=[good, link(principal=uid)])
    applies = "unable to find an applicable action given the policy scope constraints"
    assert f"{LINKS}[1]: link `l`: {applies}" in found


def test_only_unused_templates_are_remarked_upon() -> None:
    """A template that a link uses is in use."""
    unused = '@id("unused") permit(principal == ?principal, action, resource);'
    warnings = compile_cedar(PERMIT + unused, template_links=[link(principal=ME)]).statement.warnings
    assert [warning.message for warning in warnings] == [
        "policy `unused` is a template that no link uses and never applies: add a link, or name the entities"
    ]


def test_a_link_that_no_bound_point_can_meet() -> None:
    """A linked policy is remarked upon if no request is of the type of its entity."""
    policy = compile_cedar(
        PERMIT, template_links=[link(name="good", principal=ME), link(principal='User::"u"')]
    )
    bind(policy, point=InterventionPoint.OUTPUT)
    assert [(warning.code, warning.message) for warning in policy.statement.warnings] == [
        (
            "cedar-policy-unreachable",
            "policy `l` never applies: no bound point has a principal of the type `User`; there are `Agent`",
        )
    ]


def test_links_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The policies that links make count as policies do."""
    monkeypatch.setattr("acs_sidecar.engines.cedar.policies.MAX_POLICY_CHARACTERS", 2 * len(PERMIT))
    links = [link(name=f"l{number}", principal=ME) for number in range(3)]
    assert findings(PERMIT, template_links=links) == [
        f"{LINKS}: linked policies exceed {2 * len(PERMIT)} characters"
    ]
    assert decided(PERMIT, *links[:2]) == ALLOW


@pytest.mark.parametrize(
    "name",
    ['"', "\\", 'a"; forbid(principal, action, resource); "', "?principal", "\0\n\r\u2028\x7f", "é😀", ""],
)
def test_any_id_fills_a_slot(name: str) -> None:
    """The id of an entity is nothing but an id, whatever it looks like, with a schema too."""
    template = (
        '@id("may") @note("?principal") permit(principal == /* ?principal */ ?principal, action, resource);'
    )
    given = link(principal={"type": "Agent", "id": name})
    policy = compile_cedar(
        template.replace("/* ?principal */", "// ?principal\n"), template_links=[given], schema=SCHEMA
    )
    assert output(bind(policy), input_of({"envelope": {"agent": {"id": name}}})) == ALLOW
    other = input_of({"envelope": {"agent": {"id": f"{name}x"}}})
    assert output(bind(policy), other) == {"decision": "deny", "reason": "no_matching_policy"}


@pytest.mark.parametrize(
    "condition", ["if true then " * 97 + "true" + " else false" * 97, " && ".join(["true"] * 290)]
)
def test_links_of_deep_templates(condition: str) -> None:
    """A template as deep as a policy may be can be linked."""
    template = PERMIT.replace(";", f" when {{ {condition} }};")
    assert decided(template, link(principal=ME)) == ALLOW
    assert decided(template, link(principal=ME), schema=SCHEMA) == ALLOW
