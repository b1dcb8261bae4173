"""Policies of rule documents: places of findings, names, guards, limits, agents, evidence (section 7)."""

from typing import Any

import pytest

from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.policy_statement import HostCounter, Window
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import normalise
from tests.engines.adapters.agt_rules.policies import compiled, evaluate, given, short, written

POINT = InterventionPoint.PRE_TOOL_CALL
README = written(
    "production-policy",
    [
        {"name": "block-destructive", "condition": "action.type in ['drop', 'delete']", "action": "deny"},
        {
            "name": "require-approval-for-send",
            "condition": "action.type == 'send_email'",
            "action": "require_approval",
            "approvers": ["security-team"],
        },
    ],
    default_action="allow",
)


def _call(name: str, **args: Json) -> dict[str, Json]:
    return {"tool_call": {"name": name, "args": args}}


def _rule(condition: Json, action: str = "deny", **members: Json) -> dict[str, Json]:
    return {"name": "r", "condition": condition, "action": action, **members}


def _errors(*documents: Json, **members: Any) -> list[tuple[Any, ...]]:
    with pytest.raises(ManifestError) as caught:
        compiled(*documents, **members)
    return [
        (found.code, found.source, found.line, found.column)
        for found in caught.value.diagnostics
        if found.severity == "error"
    ]


@pytest.mark.parametrize(
    ("action", "verdict"),
    [
        ("drop", "deny:block-destructive"),
        ("send_email", "escalate:require-approval-for-send"),
        ("read", "allow"),
    ],
)
def test_the_policy_of_the_readme(action: str, verdict: str) -> None:
    """The toolkit's own example does what it says, with the action bound to an argument."""
    policy = compiled(README, context={"action.type": "$snap.tool_call.args.action"})
    assert short(evaluate(policy, _call("run", action=action))) == verdict


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (
            "name: d\napiVersion: governance.toolkit/v1\nrules:\n  - name: r\n    condition: tool = 'x'\n",
            5,
            21,
        ),
        (
            "name: d\napiVersion: governance.toolkit/v1\nrules:\n  - name: r\n    condition: \"tool = 'x'\"\n",
            5,
            22,
        ),
        (
            "name: d\napiVersion: governance.toolkit/v1\nrules:\n  - name: r\n    condition: >-\n      tool\n      = 1\n",
            7,
            7,
        ),
    ],
)
def test_a_finding_has_the_column_inside_a_condition(text: str, line: int, column: int) -> None:
    """A slip is placed in the file, whatever style the condition is written in."""
    assert _errors("d.yaml", files={"d.yaml": text}) == [("agt-condition", "d.yaml", line, column)]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (_rule("toool == 'x'"), "agt-name-unknown"),
        (_rule("input == 'x'"), "agt-name-unknown"),
        (_rule("annotations.pii.found"), "agt-name-unknown"),
        (_rule("tool == 'x'", enabled="no"), "wrong-type"),
        (_rule("tool == 'x'", "block"), "value-not-allowed"),
        (_rule("tool == 'x'", colour=1), "member-unknown"),
        (_rule("tool == 'x'", "allow", limit="2/week"), "value-not-allowed"),
        (_rule("tool == 'x'", "deny", limit="2/hour"), "agt-limit-on-deny"),
        (_rule("tool == 'x'", "deny", approvers=["a"]), "member-not-allowed"),
        (_rule({"field": "tool", "operator": "contains_any", "value": ["x"]}), "agt-operator-unknown"),
        (_rule({"field": "tool", "operator": "in", "value": "x"}), "wrong-type"),
        (_rule("tool matches '(a)\\1'"), "agt-regex"),
        (_rule("tool matches '\\Qa{}\\E'"), "agt-regex"),
        (_rule("tool matches '\\b(caf\u00e9|bar)\\b'"), "agt-regex"),
        (_rule("tool == 'x'", priority=1_000_001), "wrong-type"),
        (_rule([]), "agt-condition"),
        (_rule("true", "allow", limit=None), "value-not-allowed"),
        (_rule("true", "allow", dynamic_condition=None), "wrong-type"),
        (_rule("tool matches '[\\w-z]'"), "agt-regex"),
        (_rule("tool in 'x'"), "agt-condition"),
        (_rule("true", dynamic_condition={"type": "cost_per_window"}), "value-not-allowed"),
        (_rule("true", dynamic_condition={"type": "day_of_week", "days_of_week": [8]}), "value-not-allowed"),
        ({**_rule("true"), "name": "runtime_error:x"}, "value-not-allowed"),
        ({**_rule("true"), "name": "not_applicable"}, "value-not-allowed"),
    ],
)
def test_a_rule_without_a_meaning_is_refused(rule: dict[str, Json], code: str) -> None:
    """Each slip has its code."""
    assert [found[0] for found in _errors(written("d", [rule]))] == [code]


@pytest.mark.parametrize(
    ("documents", "code"),
    [
        ([written("d", []), written("d", [])], "name-twice"),
        ([written("d", [], extends="nowhere")], "agt-extends"),
        ([written("d", [], extends=None)], "wrong-type"),
        ([written("a", [], extends="b"), written("b", [], extends="a")], "agt-extends"),
        ([{"name": "d", "defaults": {}, "rules": [], "inherit": True}], "member-not-allowed"),
        ([{"name": "d", "defaults": {}, "rules": [], "scope": "src/**"}], "member-not-allowed"),
        ([{"apiVersion": "2.0", "name": "d", "rules": []}], "value-not-allowed"),
        ([written("d", [], default_action="warn")], "value-not-allowed"),
    ],
)
def test_a_document_without_a_meaning_is_refused(documents: list[Json], code: str) -> None:
    """Each slip has its code."""
    assert _errors(*documents)[0][0] == code


def test_a_parent_is_read_from_a_path_beside_its_child() -> None:
    """A path in `extends` is relative to the document, and the parent's denial is sealed."""
    files = {
        "rules/team.yaml": "apiVersion: governance.toolkit/v1\nname: team\nextends: base.yaml\n"
        "rules: [{name: all, condition: 'true', action: allow, priority: 9}]",
        "rules/base.yaml": "apiVersion: governance.toolkit/v1\nname: base\n"
        "rules: [{name: no-drop, condition: tool == 'drop', action: deny}]",
    }
    policy = compiled("rules/team.yaml", files=files, conflict_strategy="priority_first_match")
    assert short(evaluate(policy, _call("drop"))) == "deny:no-drop"
    assert short(evaluate(policy, _call("read"))) == "allow:all"


def test_an_undecided_rule_names_its_paths() -> None:
    """The evidence says what could not be decided."""
    policy = compiled(written("d", [_rule("args.amount > 5")], version="1.2"))
    assert evaluate(policy, _call("pay", amount="900"))["evidence"] == {
        "artefact": "urn:agt:rule:d/r",
        "document": "d",
        "version": "1.2",
        "rule": "r",
        "undecided": ["args.amount"],
    }


def test_log_rules_are_named_and_decide_nothing() -> None:
    """They stand in the evidence and in the notes for the record, cut at 16."""
    rules = [{"name": f"l{number}", "condition": "true", "action": "log"} for number in range(20)]
    output = compiled(written("d", rules)).evaluators[POINT].evaluate(given(_call("read")))
    assert isinstance(output.value, dict)
    assert output.value["reason"] == "no_matching_rule"
    evidence = output.value["evidence"]
    assert isinstance(evidence, dict)
    assert evidence["logged"] == [f"l{number}" for number in range(16)]
    assert evidence["logged_total"] == 20
    assert output.notes == {"logged": [f"l{number}" for number in range(20)]}


def test_approvers_are_never_cut() -> None:
    """However long everything else in the evidence is, whoever may approve stands in it."""
    approvers: list[Json] = [f"{number:02}" + '"' * 62 for number in range(16)]
    quotes = '"' * 127
    asks = _rule("args.amount > 5", "require_approval", name=quotes, approvers=approvers)
    logs = [{"name": f"{number}{quotes}"[:128], "condition": "true", "action": "log"} for number in range(16)]
    output = compiled(written(quotes, [asks, *logs])).evaluators[POINT].evaluate(given(_call("pay")))
    verdict = normalise(output.value)
    assert verdict.evidence is not None
    assert verdict.evidence["approvers"] == approvers
    assert verdict.evidence["logged_total"] == 16


@pytest.mark.parametrize("approvers", [[], ["a"] * 17, ["a" * 65], ["\x00"], ["a\nb"], [""], [1]])
def test_approvers_that_evidence_cannot_hold(approvers: Json) -> None:
    """Found when the document is read, not when somebody is to approve."""
    assert _errors(written("d", [_rule("true", "require_approval", approvers=approvers)]))


def test_a_limit_states_its_counter() -> None:
    """Hosts learn what to count, and in which window."""
    policy = compiled(written("d", [_rule("true", "allow", limit="2/hour")]))
    assert [one.counters for one in (policy.statement,)] == [(HostCounter("agt", "d/r", Window.HOUR),)]


@pytest.mark.parametrize("agent", [None, 7])
def test_an_agent_without_an_id_fails_closed_where_documents_name_agents(agent: Json) -> None:
    """Nobody is decided as everybody."""
    policy = compiled(written("d", [], agents=["team-*"]))
    with pytest.raises(EvaluationError) as caught:
        evaluate(policy, {"envelope": {"agent": {"id": agent}}})
    assert caught.value.reason is Reason.POLICY_INVOCATION_FAILED


@pytest.mark.parametrize(
    ("agent", "verdict"), [("team-7", "allow"), ("my-team-7", "deny:no_applicable_policy")]
)
def test_agents_are_whole_globs(agent: str, verdict: str) -> None:
    """`*` is any text, and the whole id is compared."""
    policy = compiled(written("d", [], agents=["team-*"], default_action="allow"))
    assert short(evaluate(policy, {"envelope": {"agent": {"id": agent}}})) == verdict


@pytest.mark.parametrize(
    ("agent", "envelope", "point", "verdict"),
    [
        ({"ring": 2, "trust_score": 800}, {}, POINT, "deny:ring_insufficient"),
        ({"ring": 1, "trust_score": 499}, {}, POINT, "deny:trust_below_minimum"),
        ({"ring": 1, "trust_score": 800}, {}, POINT, "allow"),
        ({"trust_score": 800}, {}, POINT, "deny:ring_insufficient"),
        (
            {"ring": 1, "trust_score": 800},
            {"kill_switch": {"active": "no"}},
            POINT,
            "deny:kill_switch_unknown",
        ),
        ({"ring": 1, "trust_score": 1001}, {}, POINT, "deny:trust_below_minimum"),
        ({"ring": 1, "trust_score": 800.5}, {}, POINT, "deny:trust_below_minimum"),
        ({}, {"kill_switch": {"active": True, "reason": ["manual"]}}, POINT, "deny:kill_switch_unknown"),
        ({}, {"kill_switch": {"active": False, "reason": {}}}, POINT, "deny:kill_switch_unknown"),
        ({}, {"kill_switch": {"active": True, "reason": "manual"}}, POINT, "deny:kill_switch_active"),
        (
            {},
            {"kill_switch": {"active": True, "reason": "manual"}},
            InterventionPoint.AGENT_SHUTDOWN,
            "allow",
        ),
    ],
)
def test_guards(
    agent: dict[str, Json], envelope: dict[str, Json], point: InterventionPoint, verdict: str
) -> None:
    """The guards of section 7.7 come before the rules, and not at the end of an agent."""
    policy = compiled(
        written("d", [], default_action="allow"),
        points=[point],
        projects_tool=True,
        guards={"rings": True, "kill_switch": True, "min_trust_score": 500},
    )
    snapshot: Json = {"envelope": {"agent": {"id": "a", **agent}, **envelope}}
    tool: Json = {"name": "deploy", "ring": 1} if point is POINT else None
    assert short(evaluate(policy, snapshot, point, tool=tool)) == verdict


def test_a_guard_that_needs_the_tool_needs_its_projection() -> None:
    """Rings at a point that does not look the tool up are refused."""
    assert _errors(written("d", []), guards={"rings": True})[0][0] == "agt-tool-unprojected"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (written("d", [_rule("has(agent.x) or agent.y != 'a'", "allow")]), "agt-negative-allow"),
        (written("d", [_rule("true"), {**_rule("tool == 'x'"), "name": "s"}]), "agt-shadowed"),
        (written("d", [_rule("true", stage="pre_input")]), "agt-stage-unbound"),
        (written("d", []), "agt-point-without-rules"),
        (written("d", [_rule("answer == 'x'")]), "agt-path-elsewhere"),
        (written("d", [_rule("tool.args.x == 'x'")]), "agt-tool-undeclared"),
        (written("d", [_rule("tool.risk == 'x'")]), "agt-tool-undeclared"),
        (written("d", [_rule("true")], default_action="allow"), "agt-default-allow"),
        (written("d", [_rule("true", "require_approval")]), "agt-approval-unresolvable"),
        ({"name": "d", "rules": [_rule("true")]}, "agt-version-old"),
        (written("d", [_rule("true")], sandbox_mounts=[]), "agt-host-member"),
        (
            {
                "name": "d",
                "defaults": {},
                "rules": [_rule({"field": "user_input", "operator": "eq", "value": "x"})],
            },
            "agt-stage-inferred",
        ),
    ],
)
def test_a_lint(document: Json, code: str) -> None:
    """What a reviewer would ask is a warning."""
    policy = compiled(
        document,
        can_escalate=False,
        context={"answer": "$snap.response.content"},
        tools={"t": {"description": "reads"}},
    )
    assert code in {found.code for found in policy.statement.warnings}


def test_long_values_under_many_tests_are_refused() -> None:
    """More than 64 MiB of reading is a limit, never a cut text."""
    rules = [{"name": f"r{n}", "condition": f"args.text contains 'x{n}'"} for n in range(100)]
    with pytest.raises(EvaluationError) as caught:
        evaluate(compiled(written("d", rules)), _call("say", text="a" * 1_000_000))
    assert caught.value.reason is Reason.RESOURCE_LIMIT_EXCEEDED


@pytest.mark.parametrize(
    ("agent", "verdict"),
    [
        ({"id": "bot", "ring": 1}, "deny:ring_insufficient"),
        ({"id": "other", "ring": 1}, "allow"),
        ({"ring": 1}, "deny:ring_insufficient"),
        ({"id": 7, "ring": 1}, "deny:ring_insufficient"),
    ],
)
def test_an_agent_without_an_id_has_no_ring_of_its_own(agent: Json, verdict: str) -> None:
    """Where the operator gives rings by id, leaving the id out does not leave the operator's ring out."""
    policy = compiled(
        written("d", [], default_action="allow"),
        projects_tool=True,
        guards={"rings": {"agents": {"bot": 3}}},
    )
    assert short(evaluate(policy, {"envelope": {"agent": agent}}, tool={"name": "t"})) == verdict


def test_a_score_outside_the_scale_has_no_tier() -> None:
    """A score over 1,000 is no trust, so that a rule about the tier restricts."""
    policy = compiled(written("d", [_rule("trust.tier != 'verified_partner'")], default_action="allow"))
    agent: Json = {"id": "a", "trust_score": 1001}
    assert short(evaluate(policy, {"envelope": {"agent": agent}})) == "deny:r"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [(r"^[[:alpha:]\d]+$", "ab1"), (r"[[:alpha:]_\s]{3}", "ab c"), (r"^[^[:alpha:]\s]$", "1")],
)
def test_a_class_that_holds_a_named_class(pattern: str, text: str) -> None:
    """What follows a named class inside brackets is still inside them."""
    policy = compiled(written("d", [_rule(f"tool matches '{pattern}'")], default_action="allow"))
    assert short(evaluate(policy, {"tool_call": {"name": text}})) == "deny:r"


def test_the_clock_is_the_hosts_whatever_timestamp_is_bound_to() -> None:
    """A name `timestamp` of `context` is for conditions: no argument of a tool moves a rule's window."""
    window: Json = {"type": "time_window", "start_time": "22:00", "end_time": "06:00"}
    policy = compiled(
        written("d", [_rule("true", dynamic_condition=window)], default_action="allow"),
        context={"timestamp": "$snap.tool_call.args.when"},
    )
    snapshot: Json = {
        "envelope": {"timestamp": "2026-01-01T23:00:00Z"},
        "tool_call": {"name": "t", "args": {"when": "2026-01-01T12:00:00Z"}},
    }
    assert short(evaluate(policy, snapshot)) == "deny:r"


@pytest.mark.parametrize("strategy", ["deny_overrides", "allow_overrides", "priority_first_match"])
@pytest.mark.parametrize(
    ("approvers", "verdict", "left"),
    [
        (None, "escalate:mine", ["security", "legal"]),
        (["anyone", "legal"], "escalate:mine", ["legal"]),
        (["anyone"], "deny:no_common_approver", ["security", "legal"]),
    ],
)
def test_a_child_that_asks_others_does_not_pass_the_parents_approvers(
    strategy: str, approvers: Json, verdict: str, left: list[str]
) -> None:
    """Where a child's rule and a sealed one both ask, those approve whom both name."""
    asks = _rule("tool == 't'", "require_approval", approvers=["security", "legal"])
    own = {**_rule("tool == 't'", "require_approval", priority=9), "name": "mine"}
    if approvers is not None:
        own["approvers"] = approvers
    child = written("c", [own], extends=["p"])
    policy = compiled(child, written("p", [asks]), conflict_strategy=strategy)
    output = evaluate(policy, {"tool_call": {"name": "t"}})
    assert (short(output), output["evidence"]["approvers"]) == (verdict, left)


def test_a_parent_orders_its_own_approvers() -> None:
    """Two rules of a parent that ask are asked in the order of the strategy, and the first names who approves."""
    team = _rule("tool == 't'", "require_approval", approvers=["team"])
    officer = {**_rule("true", "require_approval", approvers=["officer"], priority=9), "name": "officer"}
    policy = compiled(written("c", [], extends=["p"]), written("p", [team, officer]))
    output = evaluate(policy, {"tool_call": {"name": "t"}})
    assert (short(output), output["evidence"]["approvers"]) == ("escalate:officer", ["officer"])


@pytest.mark.parametrize(
    "guards",
    [
        {"kill_switch": None},
        {"rings": None},
        {"min_trust_score": False},
        {"max_delegation_depth": False},
        {"stopped_agents": None},
        {"stopped_agents": False},
    ],
)
def test_a_guard_without_a_meaning_is_not_off(guards: Json) -> None:
    """A guard whose value is left empty, or of a type that it has not, is refused."""
    with pytest.raises(ManifestError) as caught:
        compiled(written("d", []), guards=guards, projects_tool=True)
    assert [found.code for found in caught.value.diagnostics] == ["value-not-allowed"]


def test_a_switch_that_is_false_is_off() -> None:
    """`false` leaves the kill switch and the rings off."""
    policy = compiled(written("d", [], default_action="allow"), guards={"kill_switch": False, "rings": False})
    assert short(evaluate(policy, {"envelope": {"kill_switch": {"active": True}}})) == "allow"


@pytest.mark.parametrize(
    ("path", "point"),
    [
        ("$snap.response.content", InterventionPoint.OUTPUT),
        ("$snap.input.body", InterventionPoint.INPUT),
        ("$snap.tool_result.value", InterventionPoint.POST_TOOL_CALL),
        ("$snap.tool_call.args.text", POINT),
        ("$snap.mine", POINT),
        ("$snap", POINT),
    ],
)
def test_a_bound_name_holds_a_rule_where_its_path_has_a_value(path: str, point: InterventionPoint) -> None:
    """A rule of form B about a name of `context` is asked at the point whose snapshot has the path."""
    condition: Json = {"field": "text", "operator": "ne", "value": "x"}
    document: Json = {
        "name": "b",
        "defaults": {"action": "allow"},
        "rules": [{"name": "r", "condition": condition, "action": "deny"}],
    }
    points = list(dict.fromkeys([POINT, point]))
    policy = compiled(document, points=points, context={"text": path})
    decided = [short(evaluate(policy, {}, each)) for each in points]
    assert decided == ["allow"] * (len(points) - 1) + ["deny:r"]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("^a{,}$", "aaa"),
        (r"^[^\W_]+$", "\u00e9"),
        (r"^[^\S]$", "\u00a0"),
        (r"^[^\D]$", "\u0663"),
        (r"^[\s\S]$", "\u00a0"),
        (r"^\x{2000}$", "\u2000"),
    ],
)
def test_an_expression_matches_as_python_does(expression: str, text: str) -> None:
    """Repetitions without bounds, and complements inside brackets, mean what their authors know."""
    policy = compiled(written("d", [_rule(f"args.x matches '{expression}'")], default_action="allow"))
    assert short(evaluate(policy, _call("t", x=text))) == "deny:r"


def test_a_glob_has_any_characters() -> None:
    """A code point whose number is over 1,000 is no repetition."""
    policy = compiled(written("d", [], default_action="allow"), guards={"stopped_agents": ["a\u2019*"]})
    assert short(evaluate(policy, {"envelope": {"agent": {"id": "a\u2019b"}}})) == "deny:kill_switch_active"


def test_defaults_that_python_calls_equal_are_read_apart() -> None:
    """`1` and `true` as defaults of one path are two values."""
    context = {"a": {"path": "$snap.a", "default": 1}, "b": {"path": "$snap.a", "default": True}}
    rules = [{**_rule("a >= 5"), "name": "s"}, _rule("b matches '^true$'")]
    policy = compiled(written("d", rules, default_action="allow"), context=context)
    assert short(evaluate(policy, {})) == "deny:r"


def test_guards_that_are_left_empty_are_refused() -> None:
    """`guards:` without a value does not leave all of them off."""
    assert _errors(written("d", []), guards=None)[0][0] == "wrong-type"
