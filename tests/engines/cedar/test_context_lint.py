"""Remarks on what policies read and no bound point has, and on annotations that nobody reads (section 1.7.1)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.engines.cedar import binding, compile_cedar
from tests.engines.cedar.schemas import schema

SCOPE = "permit(principal, action, resource)"


def remarks(condition: str, *, annotations: tuple[str, ...] = (), **members: Any) -> list[str]:
    """Remarks on a policy bound with these annotations."""
    given = {name: members.pop(name) for name in ("tool", "members") if name in members}
    policy = compile_cedar(f"// first\n{SCOPE} when {{ {condition} }};", **members)
    policy.bind(replace(binding(**given), annotations=annotations))
    return [
        f"{one.line}: {one.message}"
        for one in policy.statement.warnings
        if one.code == "cedar-context-unknown"
    ]


@pytest.mark.parametrize(
    ("condition", "given", "expected"),
    [
        ("context.annotation.pii.flagged", {}, "2: `context.annotation` is read, and no bound point has it: did you mean `annotations`?"),
        ("context has Envelope", {}, "2: `context.Envelope` is read, and no bound point has it: did you mean `envelope`?"),
        ("context.annotations.piii.flagged", {"annotations": ("pii", "egress")}, "2: `context.annotations.piii` is read, and no bound point has it: annotated are `egress`, `pii`"),
        ('context.annotations has "p i"', {}, "2: `context.annotations.p i` is read, and no bound point has it: annotated are nothing"),
        ("context.policy_target.values", {}, "2: `context.policy_target.values` is read, and no bound point has it: it has `kind`, `path`, `value`"),
        ("context has tool && context.tool.clearance == 1", {}, "2: `context.tool` is read, and no bound point has it: set `tool_name_from`"),
        ("context.amuont > 1", {"query": {"context": {"amount": "$policy_target"}}}, "2: `context.amuont` is read, and no bound point has it: the manifest gives the context `amount`"),
        ("context.amuont > 1", {"members": {"context": {}}}, "2: `context.amuont` is read, and no bound point has it: the manifest gives the context nothing"),
    ],
)  # fmt: skip
def test_members_that_no_point_has(condition: str, given: dict[str, Any], expected: str) -> None:
    """A member that is certainly missing, and one that is nearly one of the service's own, are told."""
    assert remarks(condition, **given) == [expected]


@pytest.mark.parametrize(
    ("condition", "given"),
    [
        ("context.annotations.pii.flagged", {"annotations": ("pii",)}),
        ("context.annotations == context.policy_target", {}),
        ("context has tool && context.tool.clearance == 1", {"tool": True}),
        ("context.policy_target.value.anything", {}),
        ("context.anything.annotation", {}),
        ("context.amount > 1", {"query": {"context": {"amount": "$policy_target"}}}),
        ("context.annotation", {"query": {"context": "$snap"}}),
        ("context == context.annotation", {}),
        ("context.tool", {"schema": schema("{tool: Bool}")}),
    ],
)
def test_members_that_a_point_may_have(condition: str, given: dict[str, Any]) -> None:
    """Members of a snapshot are the host's to name, and with a schema the engine finds the others."""
    assert remarks(condition, **given) == []


NAMES = ("ax", "bx", "cx", "dx", "ex", "fx")


@pytest.mark.parametrize(
    ("path", "members", "given"),
    [
        ("context.", NAMES, {"query": {"context": {"amount": "$policy_target"}}}),
        ("context.annotations.", NAMES, {}),
        ("context.policy_target.", NAMES, {}),
        ("context.", ("Annotations", "anotations", "envelop", "envelopes"), {}),
    ],
)
def test_members_are_told_by_name(path: str, members: tuple[str, ...], given: dict[str, Any]) -> None:
    """The order is the same in every process."""
    condition = " || ".join(f"{path}{name}" for name in reversed(members))
    told = [line.split("`")[1] for line in remarks(condition, **given)]
    assert told == [f"{path}{name}" for name in members]


def test_one_point_that_has_it_is_enough() -> None:
    """A policy is about all the points that it is bound to, and unbound about none."""
    policy = compile_cedar(f"{SCOPE} when {{ context.annotations.pii }};")

    def codes() -> list[str]:
        return [one.code for one in policy.statement.warnings]

    assert codes() == []
    policy.bind(binding())
    assert codes() == ["cedar-context-unknown"]
    policy.bind(replace(binding(), annotations=("pii",)))
    assert codes() == []


@pytest.mark.parametrize(
    ("annotation", "meant"),
    [
        ("decision", "advice"),
        ("verdict", "advice"),
        ("advise", "advice"),
        ("Advice", "advice"),
        ("ID", "id"),
        ("advice", None),
        ("id", None),
        ("reason", None),
        ("owner", None),
        ("doc", None),
    ],
)
def test_annotations_that_are_not_read(annotation: str, meant: str | None) -> None:
    """An annotation that its author may take for advice, or for the id, is remarked upon."""
    text = '{\\"verdict\\": \\"warn\\"}' if annotation == "advice" else "x"
    policy = compile_cedar(f'@{annotation}("{text}") forbid(principal, action, resource);')
    found = [one.message for one in policy.statement.warnings if one.code == "cedar-annotation-unread"]
    message = f"policy `policy0` has `@{annotation}`, which is not read: write `@{meant}`"
    assert found == ([message] if meant else [])
