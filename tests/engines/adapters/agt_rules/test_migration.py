"""What a draft binds, and which differences to the toolkit its rules meet (sections 7.8, 7.9)."""

from collections.abc import Mapping

import pytest
import yaml

from acs_sidecar.engines.adapters.agt_rules.condition.tree import Condition, text_of
from acs_sidecar.engines.adapters.agt_rules.migration.differences import TEXTS, ToolkitDifference
from acs_sidecar.engines.adapters.agt_rules.migration.draft import PolicyDraft, draft
from acs_sidecar.engines.adapters.agt_rules.migration.manifest_text import manifest_text
from acs_sidecar.engines.adapters.agt_rules.migration.toolkit_reading import (
    is_never,
    toolkit_reading,
)
from acs_sidecar.engines.adapters.agt_rules.ordering import Strategy
from acs_sidecar.spec.points import InterventionPoint
from tests.conftest import ROOT
from tests.engines.adapters.agt_rules.policies import compiled, written
from tests.engines.adapters.agt_rules.vectors import CONDITIONS, Vector
from tests.engines.sources import MemorySources

HEAD = 'apiVersion: governance.toolkit/v1\nname: d\nagents: ["*"]\nrules:\n'


def _draft(files: Mapping[str, str], strategy: Strategy | None = None) -> PolicyDraft:
    sources = MemorySources({name: text.encode() for name, text in files.items()})
    return draft(list(files), sources, strategy)


def _kinds(text: str) -> list[str]:
    (document,) = _draft({"d.yaml": text}).documents
    differences = document.rules[0].differences
    return [f"{one.kind}: {one.about}" if one.about else one.kind for one in differences]


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("a.b == 'x' and c != \"y\"", "a.b == 'x' and c != 'y'"),
        ("a == 'x' AND b == 'y'", "a == 'x'"),
        ("a == 'x' or b and c", "a == 'x' or b and c"),
        ("a in ['x', y, \"z\"]", "a in ['x', 'y', 'z']"),
        ("a > 5 apples", "a > 5.0"),
        ("text == 'this or that'", "false or false"),
        ("true", "true"),
        ("(a == 'x')", "false"),
        ("not a == 'x'", "false"),
        ("a == 5", "false"),
        ("a contains 'x'", "false"),
        ("a == ''", "false"),
        ("x" * 2001, "false"),
    ],
)
def test_what_the_toolkit_reads(text: str, reading: str) -> None:
    """A text is split wherever the words stand, and only the front of a piece counts."""
    assert text_of(toolkit_reading(text)) == reading


def test_a_reading_that_never_holds() -> None:
    """One piece of an `and` is enough, all of an `or`."""
    never: dict[str, bool] = {
        "(a) and b": True,
        "(a) or b": False,
        "(a) or (b)": True,
        "a": False,
    }
    readings: dict[str, Condition] = {text: toolkit_reading(text) for text in never}
    assert {text: is_never(reading) for text, reading in readings.items()} == never


@pytest.mark.parametrize(
    ("rule", "kinds"),
    [
        ("condition: tool == 'x'", ["undecided: `tool` (of another type only)"]),
        ("condition: has(args.x)", ["unread_condition"]),
        ("condition: args.x", ["undecided: `args.x` (of another type only)"]),
        ("condition: args.x != 'a' and args.y > 1", ["undecided: `args.x`, `args.y`"]),
        (
            "condition: args.x == 'a' AND args.y > 1",
            ["misread_condition: `args.x == 'a'`", "undecided: `args.x` (of another type only), `args.y`"],
        ),
        (
            "condition: args matches 'x'",
            ["unread_condition", "expression"],
        ),
        (
            "condition: action.type == 'x'",
            ["undecided: `action.type` (of another type only)", "action: `action.type`"],
        ),
        (
            "condition: action.type == action.resource",
            [
                "unread_condition",
                "undecided: `action.type` (of another type only), `action.resource`",
                "action: `action.type`",
                "unbound_name: `action.resource`",
            ],
        ),
        (
            "condition: action == 'x'\n    stage: pre_input",
            ["undecided: `action` (of another type only)", "unbound_name: `action`"],
        ),
        ("condition: amount", ["undecided: `amount` (of another type only)", "unbound_name: `amount`"]),
        ("condition: args.x\n    action: log", ["undecided: `args.x` (of another type only)", "log"]),
        (
            "condition: args.x\n    action: allow\n    limit: 2/hour",
            ["undecided: `args.x` (of another type only)", "limit"],
        ),
        (
            "condition: args.x\n    action: require_approval\n    approvers: [a]",
            ["undecided: `args.x` (of another type only)", "approvers"],
        ),
        (
            "condition: args.x\n    dynamic_condition: {type: day_of_week, days_of_week: [1]}",
            ["undecided: `args.x` (of another type only)", "clock"],
        ),
        (
            "condition: args.x\n    enabled: no",
            ["undecided: `args.x` (of another type only)", "yaml: `enabled`"],
        ),
    ],
)
def test_the_differences_of_a_rule(rule: str, kinds: list[str]) -> None:
    """Each is named, with the fields or the member that it is about."""
    assert _kinds(f"{HEAD}  - name: r\n    {rule}\n") == kinds


@pytest.mark.parametrize(
    ("condition", "action", "kinds"),
    [
        ("{field: tool, operator: ne, value: x}", "deny", ["undecided: `tool`"]),
        (
            "{field: agent.ns, operator: eq, value: x}",
            "deny",
            [
                "misread_condition: one member called `agent.ns`",
                "undecided: `agent.ns` (of another type only)",
            ],
        ),
        (
            "{field: tool, operator: eq, value: x}",
            "escalate",
            ["undecided: `tool` (of another type only)", "alias: `escalate`"],
        ),
    ],
)
def test_the_differences_of_a_condition_as_an_object(condition: str, action: str, kinds: list[str]) -> None:
    """The earlier engine looks one name up, and holds no test of a missing field."""
    text = f"name: d\nrules: [{{name: r, condition: {condition}, action: {action}}}]\n"
    assert _kinds(text) == kinds


def test_the_differences_of_several_documents() -> None:
    """Documents without agents, defaults that disagree, ties, and rules that a parent seals."""
    parent = (
        "apiVersion: governance.toolkit/v1\nname: parent\ndefault_action: allow\nrules:\n"
        "  - {name: stop, condition: tool == 'x'}\n"
    )
    child = (
        "apiVersion: governance.toolkit/v1\nname: child\nextends: parent.yaml\nrules:\n"
        "  - {name: ask, condition: tool == 'y', action: require_approval}\n"
        "  - {name: go, condition: tool == 'y', action: allow}\n"
    )
    found = _draft({"child.yaml": child, "parent.yaml": parent})
    assert [f"{one.kind}: {one.about}" for one in found.differences] == [
        "agents: `child`, `parent`",
        "ties: `ask`, `go`",
        "default: `child`",
    ]
    (stop,) = found.documents[1].rules
    assert ToolkitDifference.SEALED in {one.kind for one in stop.differences}


@pytest.mark.parametrize("vector", CONDITIONS, ids=lambda vector: vector.name[:100])
def test_a_vector_that_the_toolkit_decides_otherwise_meets_a_difference(vector: Vector) -> None:
    """The report names at least one difference wherever the published package gave another verdict."""
    (document,) = _draft({"d.yaml": yaml.safe_dump(vector.documents[0])}).documents
    assert vector.toolkit == "=" or document.rules[0].differences


def test_names_that_nothing_provides_are_bound() -> None:
    """By their root, or in full where the root means something; a rule goes where its other names are."""
    text = (
        "name: d\nrules:\n"
        "  - {name: a, condition: {field: user_input, operator: matches, value: x}}\n"
        "  - {name: b, condition: [{field: user_input, operator: matches, value: x}, {field: risk.score, operator: gt, value: 1}]}\n"
        "  - {name: c, condition: {field: input.contains_injection, operator: eq, value: true}}\n"
        "  - {name: e, condition: {field: annotations.pii.found, operator: eq, value: true}}\n"
    )
    found = _draft({"d.yaml": text})
    assert dict(found.context) == {
        "risk": "$snap.context.risk",
        "annotations.pii.found": "$snap.context.annotations.pii.found",
    }
    assert found.points == (InterventionPoint.INPUT, InterventionPoint.PRE_TOOL_CALL)
    assert found.strategy is Strategy.PRIORITY_FIRST_MATCH


def test_the_manifest_is_a_text_of_the_definition() -> None:
    """What is written is what is compiled, with names and paths of any characters."""
    files = {"a b/ü: #.yaml": f"{HEAD}  - {{name: r, condition: naïve == 1}}\n".replace("naïve", "x")}
    found = _draft(files, Strategy.ALLOW_OVERRIDES)
    manifest = yaml.safe_load(manifest_text(found))
    assert manifest["policies"]["agt"] == found.definition
    assert list(manifest["intervention_points"]) == [point.value for point in found.points]


def test_a_point_whose_rules_read_the_tool_looks_it_up() -> None:
    """The manifest names the tool, and has a place for the tools."""
    manifest = yaml.safe_load(
        manifest_text(_draft({"d.yaml": f"{HEAD}  - {{name: r, condition: tool.risk == 1}}\n"}))
    )
    assert manifest["intervention_points"]["pre_tool_call"]["tool_name_from"] == "$snap.tool_call.name"
    assert manifest["tools"] == {}
    plain = yaml.safe_load(
        manifest_text(_draft({"d.yaml": f"{HEAD}  - {{name: r, condition: tool == 'x'}}\n"}))
    )
    assert "tools" not in plain


def test_every_difference_is_a_row_of_the_reference() -> None:
    """The table of section 7.9 has each kind, and nothing else."""
    page = (ROOT / "docs" / "reference" / "7-agt-rules.md").read_text()
    section = page.split("## 7.9 ")[1].split("\n## ")[0]
    rows = [line.split("|")[1].strip().strip("`") for line in section.splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(kind.value for kind in TEXTS)


@pytest.mark.parametrize(
    ("reads", "lacks"),
    [
        (("pre_input", "input contains 'x'"), ("post_tool", "input == 'z'")),
        (("pre_output", "response.text contains 'x'"), ("pre_input", "response == 'z'")),
        (("post_tool", "tool.output.text contains 'x'"), ("pre_tool", "tool.output.text == 'z'")),
        (("pre_tool", "tool_name == 'x'"), ("pre_input", "tool_name in ['z']")),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_a_name_that_another_rule_reads_has_no_entry(
    reads: tuple[str, str], lacks: tuple[str, str], order: int
) -> None:
    """An entry would replace what the first rule reads at its point, and its denial would match no more."""
    rules = [
        f'  - {{name: r{stage}, stage: {stage}, condition: "{text} and mine == 1", action: deny}}\n'
        for stage, text in (reads, lacks)
    ]
    found = _draft({"d.yaml": HEAD + "".join(rules[::order])})
    assert found.context == {"mine": "$snap.context.mine"}


def test_an_entry_that_takes_a_name_from_another_rule() -> None:
    """Who binds the name that one rule lacks is told of the rule that reads something else from then on."""
    leak = {"name": "leak", "stage": "pre_input", "condition": "input contains 'x'"}
    other = {"name": "other", "stage": "post_tool", "condition": "input == 'z'"}
    points = [InterventionPoint.INPUT, InterventionPoint.POST_TOOL_CALL]
    for rules, expected in (
        ([leak, other], ["policies.agt.context.input"]),
        ([leak], []),
        ([other], []),
    ):
        policy = compiled(written("d", rules), points=points, context={"input": "$snap.context.input"})
        found = [each for each in policy.statement.warnings if each.code == "agt-context-replaces"]
        assert [each.path for each in found] == expected
        for each in found:
            assert each.message == (
                "also replaces what `leak` reads as `input` at its point: "
                "bind another name, and read that in `other`"
            )


def test_a_rule_without_a_stage_stays_where_its_names_are() -> None:
    """Another rule that lacks one of them at its own point does not move it."""
    rules = (
        "  - {name: leak, condition: {field: input, operator: contains, value: x}, action: deny}\n"
        "  - {name: both, condition: [{field: input, operator: eq, value: z}, {field: tool_name, operator: eq, value: t}]}\n"
    )
    found = _draft({"d.yaml": f"name: d\ndefaults: {{action: allow}}\nrules:\n{rules}"})
    assert found.context == {}
    assert found.points == (InterventionPoint.INPUT, InterventionPoint.PRE_TOOL_CALL)
