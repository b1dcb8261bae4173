"""Decisions put to the policies whose scope a request meets (section 1.7.1)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from acs_sidecar.engines.cedar.slicing import slices
from acs_sidecar.engines.cedar.type import CedarEvaluator
from tests.engines.cedar import bind, compile_cedar, input_of
from tests.engines.cedar.slicing import WholePolicies, differences, outcome

PATHS = {part: f"$snap.{part}" for part in ("principal", "action", "resource")}


def uid(kind: str, name: str) -> dict[str, str]:
    """Return a UID in the engine's form."""
    return {"type": kind, "id": name}


def evaluator(policies: str, **members: Any) -> CedarEvaluator:
    """Compile policies whose requests the snapshot names."""
    bound = bind(compile_cedar(policies, **members), members=PATHS)
    assert isinstance(bound, CedarEvaluator)
    return bound


def names(bound: CedarEvaluator, *request: dict[str, str]) -> list[str]:
    """Return the policies that a request is put to."""
    part = bound.slices.applicable(*request)
    return [policy.name for policy in part.by_id.values()]


def test_policies_of_other_tools_are_not_asked() -> None:
    """A request is put to the policies of its tool and those of every tool, in source order."""
    policies = "\n".join(
        f'@id("{name}") permit(principal, action, resource == Tool::"{name}");' for name in "abcdef"
    )
    everywhere = '@id("all") forbid(principal, action, resource) when { context.flag };\n'
    bound = evaluator(everywhere + policies)
    request = (uid("Agent", "x"), uid("Action", "pre_tool_call"))
    assert names(bound, *request, uid("Tool", "c")) == ["all", "c"]
    assert names(bound, *request, uid("Tool", "z")) == ["all"]
    assert names(bound, *request, uid("Doc", "c")) == ["all"]


def test_groups_of_a_schema() -> None:
    """An action is in the groups that the schema declares, though no entity is given."""
    schema = """
    entity Agent; entity Tool;
    action tools;
    action read in [tools] appliesTo { principal: Agent, resource: Tool, context: {} };
    action write appliesTo { principal: Agent, resource: Tool, context: {} };
    """
    others = "\n".join(f'permit(principal, action, resource == Tool::"{name}");' for name in "abcd")
    bound = evaluator(
        '@id("group") permit(principal, action in Action::"tools", resource);' + others, schema=schema
    )
    ends = (uid("Agent", "x"), uid("Tool", "z"))
    assert names(bound, ends[0], uid("Action", "read"), ends[1]) == ["group"]
    assert names(bound, ends[0], uid("Action", "write"), ends[1]) == []


def test_unnamed_entities_share_a_slice() -> None:
    """Names that a caller makes up add nothing to what is kept."""
    bound = evaluator('permit(principal is Agent, action, resource == Tool::"a");\n' * 4)
    requests = [
        (uid(f"T{number}", "x"), uid("Action", "a"), uid("Tool", f"t{number}")) for number in range(50)
    ]
    assert len({id(bound.slices.applicable(*request)) for request in requests}) == 1


def many(count: int, name: str = "t") -> str:
    """Write a policy for each of some tools."""
    return "\n".join(
        f'permit(principal, action, resource == Tool::"{name}{number}");' for number in range(count)
    )


def test_a_new_slice_displaces_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text in slices stays bounded, and every request is still put to few policies."""
    monkeypatch.setattr(slices, "MAX_SLICED_CHARACTERS", 1_000)
    bound = evaluator(many(100))
    sizes = []
    for turn in range(2):
        for number in range(100):
            request = (uid("Agent", "x"), uid("Action", "a"), uid("Tool", f"t{number}"))
            assert names(bound, *request) == [f"policy{number}"], turn
            sizes.append(len(bound.slices._slices))
    assert max(sizes) == 4


def test_where_parsing_costs_more_than_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice with many of the policies displaces none: the request is put to the whole set."""
    monkeypatch.setattr(slices, "MAX_SLICED_CHARACTERS", 0)
    compiled = compile_cedar(many(3))
    bound = bind(compiled, members=PATHS)
    assert isinstance(bound, CedarEvaluator)
    request = (uid("Agent", "x"), uid("Action", "a"), uid("Tool", "t1"))
    assert bound.slices.applicable(*request) is compiled.policies.whole  # type: ignore[attr-defined]


def test_slices_are_made_once_by_many_threads() -> None:
    """Threads that first ask at the same time get one slice."""
    bound = evaluator("\n".join(f'permit(principal, action, resource == Tool::"{name}");' for name in "abc"))
    request = (uid("Agent", "x"), uid("Action", "a"), uid("Tool", "a"))
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: bound.slices.applicable(*request), range(200)))
    assert len({id(one) for one in made}) == 1


def test_errors_name_the_policy_of_the_whole_set() -> None:
    """A policy without an `@id` keeps the id that it has in the whole set."""
    policies = 'permit(principal, action, resource == Tool::"b");\n' * 3 + (
        'permit(principal, action, resource == Tool::"a") when { context.missing };'
    )
    bound = evaluator(policies)
    request = {"principal": uid("Agent", "x"), "action": uid("Action", "a"), "resource": uid("Tool", "a")}
    given = input_of(request)
    assert outcome(bound, given)[1].startswith("policy `policy3` failed: ")
    whole = compile_cedar(policies).policies.whole  # type: ignore[attr-defined]
    assert outcome(bound, given) == outcome(replace(bound, slices=WholePolicies(whole)), given)


def test_a_part_decides_as_the_whole() -> None:
    """A short run of the comparison finds no difference, and does compare parts."""
    found, parts = differences(cases=600, seed=7)
    assert found == []
    assert parts > 300
