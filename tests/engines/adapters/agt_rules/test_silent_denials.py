"""Denials that would never match in silence: names, texts and points that cannot have what a rule asks (section 7.8)."""

from typing import Any

import pytest

from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import Json
from tests.engines.adapters.agt_rules.policies import compiled, evaluate, rule, short, tool_call, written

FLAGGED = {"injection": "$pi.annotations.injection.flagged"}


def _refused(*documents: Json, **members: Any) -> list[tuple[str, str]]:
    """Code and message of each error."""
    with pytest.raises(ManifestError) as caught:
        compiled(*documents, **members)
    return [
        (found.code, str(found).partition(": ")[2])
        for found in caught.value.diagnostics
        if found.severity == "error"
    ]


def test_rules_of_one_key_are_refused() -> None:
    """A document's name with `/` makes no rule of another document the same, so that none is lost."""
    documents = [
        written("team", [{**rule("tool == 'ok'", "allow"), "name": "a/x"}], default_action="allow"),
        written("team/a", [{**rule("tool == 'rm'"), "name": "x"}], default_action="allow"),
    ]
    message = "counters and evidence call a rule of `team` `team/a/x` too: rename one"
    assert _refused(*documents) == [("agt-rule-twice", message)]


def test_an_annotation_that_the_point_does_not_bind_is_no_name_of_context() -> None:
    """A denial about a finding that nobody brings is refused; with a default it is decided by that."""
    document = written("d", [rule("injection == true")], default_action="allow")
    message = (
        "`injection`: `pre_tool_call` binds no annotation `injection`: add it to the point's `annotations`"
    )
    assert _refused(document, context=FLAGGED) == [("agt-name-unknown", message)]
    bound = compiled(document, context=FLAGGED, annotations=("injection",))
    found: Json = {"injection": {"flagged": True}}
    assert short(evaluate(bound, tool_call("t"), annotations=found)) == "deny:r"
    entry = {"path": FLAGGED["injection"], "default": True}
    assert short(evaluate(compiled(document, context={"injection": entry}), tool_call("t"))) == "deny:r"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "$pi.snapshto.x",
            "`$pi` has no member `snapshto`; it has `intervention_point`, `policy_target`, `snapshot`, "
            "`annotations`, `tool`",
        ),
        (
            "$pi.policy_target.args.x",
            "`$pi.policy_target` has no member `args`; it has `kind`, `path`, `value`",
        ),
    ],
)
def test_a_path_that_no_policy_input_has(path: str, message: str) -> None:
    """The policy input has five members, and its target three."""
    document = written("d", [rule("x == 'high'")], default_action="allow")
    assert _refused(document, context={"x": path}) == [("agt-name-unknown", message)]


@pytest.mark.parametrize(
    ("condition", "context"),
    [
        ("tool.risk == 'high'", {}),
        ("r == 'high'", {"r": "$tool.risk"}),
        ("r == 'high'", {"r": "$pi.tool.risk"}),
    ],
)
def test_a_rule_about_a_tool_that_the_point_does_not_look_up(condition: str, context: dict[str, str]) -> None:
    """Without `tool_name_from` no tool has a risk, and no denial of it would match."""
    document = written("d", [rule(condition)], default_action="allow")
    tools = {"t": {"risk": "high"}}
    [(code, message)] = _refused(document, context=context, tools=tools)
    assert (code, message.partition(": ")[0]) == (
        "agt-tool-unprojected",
        f"`{condition.split(' ', maxsplit=1)[0]}` reads the manifest's `tools`",
    )
    policy = compiled(document, context=context, tools=tools, projects_tool=True)
    assert short(evaluate(policy, tool_call("t"), tool={"name": "t", "risk": "high"})) == "deny:r"


def test_a_rule_without_a_stage_that_open_arguments_would_move() -> None:
    """`output` is what an agent answers, unless a tool has such an argument: neither is guessed."""
    condition: Json = {"field": "output", "operator": "contains", "value": "ssn"}
    document: Json = {"name": "d", "defaults": {"action": "allow"}, "rules": [rule(condition)]}
    [(code, message)] = _refused(document, arguments="named")
    assert (code, "at `output`" in message) == ("agt-stage-ambiguous", True)
    output = InterventionPoint.OUTPUT
    policy = compiled(document, points=[output])
    assert short(evaluate(policy, {"response": {"content": "ssn"}}, output)) == "deny:r"
    named = compiled(document, arguments="named", context={"output": "$snap.tool_call.args.output"})
    assert short(evaluate(named, tool_call("t", output="ssn"))) == "deny:r"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            "intervention_point == 'pre_tool'",
            "`intervention_point` is never that: it is one of `agent_startup`",
        ),
        ("trust.tier in ['Trusted']", "`trust.tier` is never that: it is one of `verified_partner`"),
        ("not trust.tier == 'Trusted'", "`trust.tier` is never that: it is one of `verified_partner`"),
        ("trust.tier < 'standard'", "`trust.tier` is `verified_partner`"),
        ("ring.filesystem_scope == 'read'", "`ring.filesystem_scope` is never that: it is one of `full`"),
    ],
)
def test_a_text_that_a_name_never_is(condition: str, message: str) -> None:
    """Where the values of a name are known, a comparison with another is refused."""
    [(code, found)] = _refused(written("d", [rule(condition)]))
    assert (code, found.startswith(message)) == ("agt-never", True), found


def test_a_name_of_context_can_be_any_text() -> None:
    """What the host calls a tier is its own."""
    document = written("d", [rule("trust.tier == 'Trusted'")], default_action="allow")
    policy = compiled(document, context={"trust.tier": "$snap.envelope.tier"})
    assert short(evaluate(policy, {"envelope": {"tier": "Trusted"}})) == "deny:r"


@pytest.mark.parametrize(("condition", "expected"), [("kind == drop", True), ("kind == args.drop", False)])
def test_a_bare_operand_is_remarked_upon(condition: str, expected: bool) -> None:
    """`drop` without quotes is an argument where arguments are open."""
    policy = compiled(written("d", [rule(condition)]), arguments="named")
    assert ("agt-open-operand" in {found.code for found in policy.statement.warnings}) is expected


@pytest.mark.parametrize("member", ["agent", "agents", "extends"])
def test_a_member_that_is_left_empty(member: str) -> None:
    """`agents:` without a value makes no rule one for everybody."""
    document = written("d", [rule("true", "allow")], **{member: None})
    assert [code for code, _ in _refused(document)] == ["wrong-type"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("rm(?i)", "flags stand at the beginning: write `(?i)` there"),
        ("(?x) rm", "flag `x` has no meaning here: there are `i`, `m`, `s` and `U`"),
        (r"^\C$", r"`\C` is a byte, which can be a part of a character: write `.`"),
    ],
)
def test_an_expression_that_an_author_means_otherwise(pattern: str, message: str) -> None:
    """A flag at the end holds for nothing, and the whole text is not searched without it."""
    assert _refused(written("d", [rule(f"tool matches '{pattern}'")])) == [("agt-regex", message)]
    several = compiled(written("d", [rule("tool matches '(?i)(?s)rm.x'")]))
    assert short(evaluate(several, tool_call("RM\nX"))) == "deny:r"


@pytest.mark.parametrize("reversibility", ["none", "NONE", "irreversible"])
def test_a_tool_whose_reversibility_is_no_known_text_needs_ring_1(reversibility: str) -> None:
    """Only what is said to be reversible is."""
    tool: Json = {"name": "t", "reversibility": reversibility}
    policy = compiled(
        written("d", [], default_action="allow"), guards={"rings": True}, projects_tool=True, tools={}
    )
    snapshot: Json = {"envelope": {"agent": {"ring": 2}}, "tool_call": {"name": "t"}}
    assert short(evaluate(policy, snapshot, tool=tool)) == "deny:ring_insufficient"
    mild: Json = {"name": "t", "reversibility": "partial"}
    assert short(evaluate(policy, snapshot, tool=mild)) == "allow"


@pytest.mark.parametrize(
    ("guard", "tool", "member"),
    [
        ({"rings": True}, {"ring": "1"}, "ring"),
        ({"rings": True}, {"ring": 4}, "ring"),
        ({"rings": True}, {"admin": "yes"}, "admin"),
        ({"rings": True}, {"reversibility": 1}, "reversibility"),
        ({"rings": True}, {"resources": ["disk"]}, "resources"),
        ({"min_trust_score": 1}, {"min_trust_score": 1001}, "min_trust_score"),
        ({"rings": True}, {"ring": 1, "resources": ["network"], "min_trust_score": "x"}, None),
        ({"kill_switch": True}, {"ring": "1"}, None),
    ],
)
def test_a_tool_that_a_guard_always_denies(guard: Json, tool: dict[str, Json], member: str | None) -> None:
    """What the manifest says of a tool is remarked upon where a guard reads it and fails each call."""
    document = written("d", [rule("tool == 'x'")], default_action="allow")
    policy = compiled(document, guards=guard, tools={"t": tool}, projects_tool=True)
    found = [str(each) for each in policy.statement.warnings if each.code == "agt-tool-malformed"]
    message = "is nothing that the guard knows, so that each call of the tool is denied: correct it"
    assert found == ([] if member is None else [f"tools.t.{member}: {message}"])


@pytest.mark.parametrize(
    ("action", "written_as"),
    [
        ("block", "`deny`"),
        ("audit", "`allow`"),
        ("escalate", "`require_approval`"),
        ("rate_limit", "`allow` with a `limit`"),
    ],
)
def test_an_action_of_the_earlier_form(action: str, written_as: str) -> None:
    """In a document of form A it is refused with what is written there."""
    message = f"`{action}` is an action of the earlier form: write {written_as}"
    assert _refused(written("d", [rule("true", action)])) == [("value-not-allowed", message)]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("tool == 'dr\u200bop'", "a text has the character U+200B, which does not show: remove it"),
        ("args.q contains 'a\u00a0b'", "a text has the character U+00A0, which does not show: remove it"),
        ("tool in ['a', ' b']", "` b` begins or ends with a space, and equals no text without it: remove it"),
        (
            "args.amount <= '500'",
            "`<= '500'` compares texts, character by character: write the number without quotes",
        ),
        (
            {"field": "args.amount", "operator": "gt", "value": "-1.5"},
            "`> '-1.5'` compares texts, character by character: write the number without quotes",
        ),
        ("args.q contains ' rm ' or tool startswith 'rm ' or args.v == '1.5'", None),
        (
            "args.q matches '\u200b| a'",
            "an expression has the character U+200B, which does not show: write `\\u200B`",
        ),
        (
            {"field": "args.q", "operator": "matches", "value": "[\U000e0041]"},
            "an expression has the character U+E0041, which does not show: write `\\U000E0041`",
        ),
        ("args.q matches '[\\u200b\\U000e0041]| a'", None),
        (
            "tool == 'delete_*'",
            "in `delete_*` the `*` is itself, no wildcard: write `startswith 'delete_'`",
        ),
        (
            "tool not in ['read_a', '*.list']",
            "in `*.list` the `*` is itself, no wildcard: write `not endswith '.list'`",
        ),
        ("tool startswith '*rm*'", "in `*rm*` the `*` is itself, no wildcard: write `contains 'rm'`"),
        ("tool != '*'", "in `*` the `*` is itself, no wildcard: write `not has(tool)`"),
        ("args.q == 'SELECT *' or args.q contains 'a*' or args.q == 'a*b'", None),
        ("args.day >= '2026-01-01' or tool == 'naïve'", None),
    ],
)
def test_a_text_that_is_not_what_it_looks_like(condition: Json, message: str | None) -> None:
    """Hidden characters, outer spaces and ordered numbers in quotes are remarked upon."""
    warnings = compiled(written("d", [rule(condition)])).statement.warnings
    found = [str(each).partition(": ")[2] for each in warnings if each.code == "agt-literal-doubtful"]
    assert found == ([] if message is None else [message])


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"action.type": "$snap.x"}, None),
        ({"action": "$snap.x"}, None),
        (
            {"action.tpye": "$snap.x"},
            "no condition reads `action.tpye`, did you mean `action.type`?: correct the name, or remove the entry",
        ),
        (
            {"action": "$snap.x", "action.type": "$snap.y"},
            "no condition reads `action`: correct the name, or remove the entry",
        ),
        ({"zebra": "$snap.x"}, "no condition reads `zebra`: correct the name, or remove the entry"),
    ],
)
def test_an_entry_of_context_that_no_condition_reads(context: Json, message: str | None) -> None:
    """A misspelt entry leaves the name with the meaning that it had, and is remarked upon."""
    document = written("d", [rule("action.type == 'drop'")])
    warnings = compiled(document, context=context).statement.warnings
    found = [
        (each.path, str(each).partition(": ")[2]) for each in warnings if each.code == "agt-context-unread"
    ]
    assert [text for _, text in found] == ([] if message is None else [message])
    assert all(str(path).startswith("policies.agt.context") for path, _ in found)


@pytest.mark.parametrize(
    ("condition", "action", "path"),
    [
        ("args.path matches '^/safe/'", "allow", "args.path"),
        ("(true or args.n == 1) and args.path matches '(?i)^/safe/'", "warn", "args.path"),
        ("not args.path matches '^/safe/'", "deny", "args.path"),
        ("not args.path matches '^/safe/' or args.n == 1", "require_approval", "args.path"),
        ("target matches '^/safe/'", "allow", "target"),
        ("args.path matches '^/safe/' and args.path startswith '/'", "allow", None),
        ("args.path startswith '/' and (args.n == 1 and args.path matches '^/safe/')", "allow", None),
        ("not (args.path startswith '/' and args.path matches '^/safe/')", "deny", None),
        ("args.path matches '^/etc/'", "deny", None),
        ("args.path matches 'safe'", "allow", None),
        ("tool matches '^read_'", "allow", None),
        ("agent.id matches '^did:'", "allow", None),
    ],
)
def test_a_list_that_passes_by_one_of_its_texts(condition: str, action: str, path: str | None) -> None:
    """An anchored expression that must hold is remarked upon, unless another test holds for texts alone."""
    document = written("d", [rule(condition, action)])
    policy = compiled(document, context={"target": "$snap.tool_call.args.target"})
    found = [str(each) for each in policy.statement.warnings if each.code == "agt-search-in-list"]
    message = (
        f"a list passes by one text that matches: add a test that no list meets, `{path} startswith '…'`"
    )
    assert [text.partition(": ")[2] for text in found] == ([] if path is None else [message])


@pytest.mark.parametrize(
    ("condition", "action", "remark"),
    [
        ("args.cmd contains 'rm -rf'", "deny", "`args.cmd matches '…'`"),
        ("tool == 'shell' and (args.n == 1 or args.cmd contains 'rm')", "deny", "`args.cmd matches '…'`"),
        ("result contains 'ssn'", "require_approval", "`result matches '…'`"),
        ("target contains 'rm'", "deny", "`target matches '…'`"),
        ("policy_target contains 'rm'", "deny", "`policy_target matches '…'`"),
        ("args.cmd not contains 'rm'", "allow", "`args.cmd not matches '…'`"),
        ("args.cmd contains 'rm'", "allow", None),
        ("args.cmd not contains 'rm'", "deny", None),
        ("args.cmd startswith 'ls' and args.cmd not contains ';'", "allow", None),
        ("args.cmd contains 'rm' or args.cmd not startswith ''", "deny", None),
        ("args.cmd matches 'rm'", "deny", None),
        ("args.ids contains 5", "deny", None),
        ("agent.roles contains 'guest'", "deny", None),
        ("annotations.pii.kinds contains 'ssn'", "deny", None),
        ("tool_name contains 'delete'", "deny", None),
    ],
)
def test_a_list_whose_texts_contain_what_is_looked_for(
    condition: str, action: str, remark: str | None
) -> None:
    """A denial by a part of a text passes a list of texts: it is remarked upon where callers write the value."""
    document = written("d", [{**rule(condition, action), "stage": "post_tool"}])
    policy = compiled(
        document,
        context={"target": "$snap.tool_call.args.target"},
        points=[InterventionPoint.POST_TOOL_CALL],
        annotations=("pii",),
    )
    found = [str(each) for each in policy.statement.warnings if each.code == "agt-contains-in-list"]
    message = (
        "of a list `contains` finds whole items, and of an object names of members: for a part of a text "
        f"anywhere in them write {remark}"
    )
    assert [text.partition(": ")[2] for text in found] == ([] if remark is None else [message])


def test_what_a_denial_by_a_part_of_a_text_passes() -> None:
    """A list of texts and an object pass `contains`, and not the expression."""
    values: list[Json] = [["rm -rf /"], {"cmd": "rm -rf /"}]
    for value in values:
        call = tool_call("shell", cmd=value)
        loose = written("d", [rule("args.cmd contains 'rm -rf'")], default_action="allow")
        searched = written("d", [rule("args.cmd matches 'rm -rf'")], default_action="allow")
        assert short(evaluate(compiled(loose), call)) == "allow"
        assert short(evaluate(compiled(searched), call)) == "deny:r"


def test_what_the_remark_is_about() -> None:
    """One safe path among others passes the expression alone, and not the test of a text beside it."""
    call = tool_call("read", path=["/safe/a", "/etc/passwd"])
    loose = written("d", [rule("args.path matches '^/safe/'", "allow")])
    exact = written("d", [rule("args.path startswith '/safe/' and args.path matches '^/safe/'", "allow")])
    assert short(evaluate(compiled(loose), call)) == "allow:r"
    assert short(evaluate(compiled(exact), call)) == "deny:no_matching_rule"


@pytest.mark.parametrize(
    ("character", "escape"), [("\b", "b"), ("\x85", "N"), ("\xa0", "_"), ("\u2028", "L"), ("\u2029", "P")]
)
def test_an_escape_of_double_quotes_is_none_of_an_expression(character: str, escape: str) -> None:
    """`\\b` in double quotes is a backspace to YAML, which no text has; inside brackets it is one to RE2 too."""
    message = (
        f"in double quotes YAML reads `\\{escape}` as U+{ord(character):04X}: "
        f"use single quotes, or `\\\\{escape}`"
    )
    found = _refused(written("d", [rule(f"args.cmd matches '{character}(drop|delete){character}'")]))
    assert found == [("agt-regex", message)]
    assert compiled(written("d", [rule(f"args.cmd matches '[{character}x]'")])).evaluators
    assert compiled(
        written("d", [rule(f"args.cmd matches '\\{'b' if escape == 'b' else 'w'}drop'")])
    ).evaluators


def test_only_the_first_findings_look_for_the_nearest_name() -> None:
    """Each compares with every name that there is, so that all of them would take quadratic time."""
    context = {f"unread_{number:02}": "$snap.x" for number in range(20)}
    reads = rule(" or ".join(f"args.unread_{number:02}" for number in range(20)))
    warnings = compiled(written("d", [reads]), context=context).statement.warnings
    unread = [str(each) for each in warnings if each.code == "agt-context-unread"]
    assert ["did you mean" in each for each in unread] == [True] * 16 + [False] * 4
    misspelt = rule(" or ".join(f"known_{number:02}" for number in range(20)))
    with pytest.raises(ManifestError) as caught:
        compiled(written("d", [misspelt]), context={"known": "$snap.x"})
    unknown = [str(each) for each in caught.value.diagnostics if each.code == "agt-name-unknown"]
    assert ["did you mean" in each for each in unknown] == [True] * 16 + [False] * 4
