"""Policies of rule documents: places of findings, names, limits, evidence (section 7)."""

import pytest

from acs_sidecar.engines.in_process import explain
from acs_sidecar.spec.explanation import unavailable
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.policy_statement import HostCounter, Window
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import normalise
from tests.engines.adapters.agt_rules.policies import (
    compiled,
    errors_of,
    evaluate,
    given,
    rule,
    short,
    tool_call,
    written,
)

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
    assert short(evaluate(policy, tool_call("run", action=action))) == verdict


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
    assert errors_of("d.yaml", files={"d.yaml": text}) == [("agt-condition", "d.yaml", line, column)]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (rule("toool == 'x'"), "agt-name-unknown"),
        (rule("input == 'x'"), "agt-name-unknown"),
        (rule("annotations.pii.found"), "agt-name-unknown"),
        (rule("tool == 'x'", enabled="no"), "wrong-type"),
        (rule("tool == 'x'", "block"), "value-not-allowed"),
        (rule("tool == 'x'", colour=1), "member-unknown"),
        (rule("tool == 'x'", "allow", limit="2/week"), "value-not-allowed"),
        (rule("tool == 'x'", "deny", limit="2/hour"), "agt-limit-on-deny"),
        (rule("tool == 'x'", "deny", approvers=["a"]), "member-not-allowed"),
        (rule({"field": "tool", "operator": "contains_any", "value": ["x"]}), "agt-operator-unknown"),
        (rule({"field": "tool", "operator": "in", "value": "x"}), "wrong-type"),
        (rule("tool matches '(a)\\1'"), "agt-regex"),
        (rule("tool matches '\\Qa{}\\E'"), "agt-regex"),
        (rule("tool matches '\\b(caf\u00e9|bar)\\b'"), "agt-regex"),
        (rule("tool == 'x'", priority=1_000_001), "wrong-type"),
        (rule([]), "agt-condition"),
        (rule("true", "allow", limit=None), "value-not-allowed"),
        (rule("true", "allow", dynamic_condition=None), "wrong-type"),
        (rule("tool matches '[\\w-z]'"), "agt-regex"),
        (rule("tool in 'x'"), "agt-condition"),
        (rule("true", dynamic_condition={"type": "cost_per_window"}), "value-not-allowed"),
        (rule("true", dynamic_condition={"type": "day_of_week", "days_of_week": [8]}), "value-not-allowed"),
        ({**rule("true"), "name": "runtime_error:x"}, "value-not-allowed"),
        ({**rule("true"), "name": "not_applicable"}, "value-not-allowed"),
    ],
)
def test_a_rule_without_a_meaning_is_refused(rule: dict[str, Json], code: str) -> None:
    """Each slip has its code."""
    assert [found[0] for found in errors_of(written("d", [rule]))] == [code]


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
    assert errors_of(*documents)[0][0] == code


def test_a_parent_is_read_from_a_path_beside_its_child() -> None:
    """A path in `extends` is relative to the document, and the parent's denial is sealed."""
    files = {
        "rules/team.yaml": "apiVersion: governance.toolkit/v1\nname: team\nextends: base.yaml\n"
        "rules: [{name: all, condition: 'true', action: allow, priority: 9}]",
        "rules/base.yaml": "apiVersion: governance.toolkit/v1\nname: base\n"
        "rules: [{name: no-drop, condition: tool == 'drop', action: deny}]",
    }
    policy = compiled("rules/team.yaml", files=files, conflict_strategy="priority_first_match")
    assert short(evaluate(policy, tool_call("drop"))) == "deny:no-drop"
    assert short(evaluate(policy, tool_call("read"))) == "allow:all"


def test_an_undecided_rule_names_its_paths() -> None:
    """The evidence says what could not be decided."""
    policy = compiled(written("d", [rule("args.amount > 5")], version="1.2"))
    assert evaluate(policy, tool_call("pay", amount="900"))["evidence"] == {
        "artefact": "urn:agt:rule:d/r",
        "document": "d",
        "version": "1.2",
        "rule": "r",
        "undecided": ["args.amount"],
    }


def test_log_rules_are_named_and_decide_nothing() -> None:
    """They stand in the evidence and in the notes for the record, cut at 16."""
    rules = [{"name": f"l{number}", "condition": "true", "action": "log"} for number in range(20)]
    output = compiled(written("d", rules)).evaluators[POINT].evaluate(given(tool_call("read")))
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
    asks = rule("args.amount > 5", "require_approval", name=quotes, approvers=approvers)
    logs = [{"name": f"{number}{quotes}"[:128], "condition": "true", "action": "log"} for number in range(16)]
    output = compiled(written(quotes, [asks, *logs])).evaluators[POINT].evaluate(given(tool_call("pay")))
    verdict = normalise(output.value)
    assert verdict.evidence is not None
    assert verdict.evidence["approvers"] == approvers
    assert verdict.evidence["logged_total"] == 16


@pytest.mark.parametrize("approvers", [[], ["a"] * 17, ["a" * 65], ["\x00"], ["a\nb"], [""], [1]])
def test_approvers_that_evidence_cannot_hold(approvers: Json) -> None:
    """Found when the document is read, not when somebody is to approve."""
    assert errors_of(written("d", [rule("true", "require_approval", approvers=approvers)]))


def test_a_limit_states_its_counter() -> None:
    """Hosts learn what to count, and in which window."""
    policy = compiled(written("d", [rule("true", "allow", limit="2/hour")]))
    assert [one.counters for one in (policy.statement,)] == [(HostCounter("agt", "d/r", Window.HOUR),)]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (written("d", [rule("has(agent.x) or agent.y != 'a'", "allow")]), "agt-negative-allow"),
        (written("d", [rule("true"), {**rule("tool == 'x'"), "name": "s"}]), "agt-shadowed"),
        (written("d", [rule("true", stage="pre_input")]), "agt-stage-unbound"),
        (written("d", []), "agt-point-without-rules"),
        (written("d", [rule("answer == 'x'")]), "agt-path-elsewhere"),
        (written("d", [rule("tool.args.x == 'x'")]), "agt-tool-undeclared"),
        (written("d", [rule("tool.risk == 'x'")]), "agt-tool-undeclared"),
        (written("d", [rule(r"agent.x matches '\b\w+@'")]), "agt-regex-doubtful"),
        (written("d", [rule("agent.x matches '/rm/i'")]), "agt-regex-doubtful"),
        (written("d", [rule("agent.x matches '^delete_*'")]), "agt-regex-doubtful"),
        (written("d", [rule("true")], default_action="allow"), "agt-default-allow"),
        (written("d", [rule("true", "require_approval")]), "agt-approval-unresolvable"),
        ({"name": "d", "rules": [rule("true")]}, "agt-version-old"),
        (written("d", [rule("true")], sandbox_mounts=[]), "agt-host-member"),
        (
            {
                "name": "d",
                "defaults": {},
                "rules": [rule({"field": "user_input", "operator": "eq", "value": "x"})],
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
        projects_tool=True,
        context={"answer": "$snap.response.content"},
        tools={"t": {"description": "reads"}},
    )
    assert code in {found.code for found in policy.statement.warnings}


def test_the_rule_that_shadows_another_is_the_same_in_every_process() -> None:
    """Where several are wider by one test each, that of the first test by its text is named."""
    tests = [f"args.x == '{letter}'" for letter in "hgfedcba"]
    wider = [{**rule(test), "name": f"r{number}"} for number, test in enumerate(tests)]
    document = written("d", [*wider, {**rule(" and ".join(tests)), "name": "last"}])
    found = [one.message for one in compiled(document).statement.warnings if one.code == "agt-shadowed"]
    assert found == ["never decides: `r7` comes first and matches whenever this rule does"]


def test_long_values_under_many_tests_are_refused() -> None:
    """More than 64 MiB of reading is a limit, never a cut text."""
    rules = [{"name": f"r{n}", "condition": f"args.text contains 'x{n}'"} for n in range(100)]
    policy, call = compiled(written("d", rules)), tool_call("say", text="a" * 1_000_000)
    with pytest.raises(EvaluationError) as caught:
        evaluate(policy, call)
    assert caught.value.reason is Reason.RESOURCE_LIMIT_EXCEEDED
    (evaluator,) = policy.evaluators.values()
    assert explain(evaluator, given(call)) == unavailable(caught.value.detail)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [(r"^[[:alpha:]\d]+$", "ab1"), (r"[[:alpha:]_\s]{3}", "ab c"), (r"^[^[:alpha:]\s]$", "1")],
)
def test_a_class_that_holds_a_named_class(pattern: str, text: str) -> None:
    """What follows a named class inside brackets is still inside them."""
    policy = compiled(written("d", [rule(f"tool matches '{pattern}'")], default_action="allow"))
    assert short(evaluate(policy, {"tool_call": {"name": text}})) == "deny:r"


def test_the_clock_is_the_hosts_whatever_timestamp_is_bound_to() -> None:
    """A name `timestamp` of `context` is for conditions: no argument of a tool moves a rule's window."""
    window: Json = {"type": "time_window", "start_time": "22:00", "end_time": "06:00"}
    policy = compiled(
        written("d", [rule("true", dynamic_condition=window)], default_action="allow"),
        context={"timestamp": "$snap.tool_call.args.when"},
    )
    snapshot: Json = {
        "envelope": {"timestamp": "2026-01-01T23:00:00Z"},
        "tool_call": {"name": "t", "args": {"when": "2026-01-01T12:00:00Z"}},
    }
    assert short(evaluate(policy, snapshot)) == "deny:r"


def test_a_day_has_no_hour_24() -> None:
    """RFC 3339 ends a day at 23:59, whatever the interpreter reads."""
    window: Json = {"type": "time_window", "start_time": "22:00", "end_time": "06:00"}
    policy = compiled(written("d", [rule("true", dynamic_condition=window)], default_action="allow"))
    snapshot: Json = {"envelope": {"timestamp": "2026-01-01T24:00:00Z"}, "tool_call": {"name": "t"}}
    assert evaluate(policy, snapshot)["evidence"]["undecided"] == ["timestamp"]


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
    asks = rule("tool == 't'", "require_approval", approvers=["security", "legal"])
    own = {**rule("tool == 't'", "require_approval", priority=9), "name": "mine"}
    if approvers is not None:
        own["approvers"] = approvers
    child = written("c", [own], extends=["p"])
    policy = compiled(child, written("p", [asks]), conflict_strategy=strategy)
    output = evaluate(policy, {"tool_call": {"name": "t"}})
    assert (short(output), output["evidence"]["approvers"]) == (verdict, left)


def test_a_parent_orders_its_own_approvers() -> None:
    """Two rules of a parent that ask are asked in the order of the strategy, and the first names who approves."""
    team = rule("tool == 't'", "require_approval", approvers=["team"])
    officer = {**rule("true", "require_approval", approvers=["officer"], priority=9), "name": "officer"}
    policy = compiled(written("c", [], extends=["p"]), written("p", [team, officer]))
    output = evaluate(policy, {"tool_call": {"name": "t"}})
    assert (short(output), output["evidence"]["approvers"]) == ("escalate:officer", ["officer"])


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
    policy = compiled(written("d", [rule(f"args.x matches '{expression}'")], default_action="allow"))
    assert short(evaluate(policy, tool_call("t", x=text))) == "deny:r"


def test_a_glob_has_any_characters() -> None:
    """A code point whose number is over 1,000 is no repetition."""
    policy = compiled(written("d", [], default_action="allow"), guards={"stopped_agents": ["a\u2019*"]})
    assert short(evaluate(policy, {"envelope": {"agent": {"id": "a\u2019b"}}})) == "deny:kill_switch_active"


def test_defaults_that_python_calls_equal_are_read_apart() -> None:
    """`1` and `true` as defaults of one path are two values."""
    context = {"a": {"path": "$snap.a", "default": 1}, "b": {"path": "$snap.a", "default": True}}
    rules = [{**rule("a >= 5"), "name": "s"}, rule("b matches '^true$'")]
    policy = compiled(written("d", rules, default_action="allow"), context=context)
    assert short(evaluate(policy, {})) == "deny:r"
