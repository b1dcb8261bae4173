"""Section 3.4: an annotation that no policy reads is remarked upon, where that can be known."""

from typing import Any

import pytest

from acs_sidecar.engines.cedar.type import CEDAR
from acs_sidecar.engines.rego.type import REGO
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import CompileRequest, PointBinding
from tests.engines.sources import MemorySources

PATH = "intervention_points.output.policy"


def _unread(policy_type: Any, definition: dict[str, Any], members: dict[str, Any]) -> list[str]:
    compiled = policy_type.compile(CompileRequest("policies.main", definition, MemorySources({})))
    for _ in range(2):
        compiled.bind(
            PointBinding(
                InterventionPoint.OUTPUT, PATH, definition, members, None, False, annotations=("a", "b c")
            )
        )
        if policy_type is CEDAR:
            break
    found = [finding for finding in compiled.statement.warnings if finding.code == "annotation-unread"]
    return [str(finding.path).removeprefix("intervention_points.output.annotations") for finding in found]


@pytest.mark.parametrize(
    ("rules", "unread"),
    [
        ("x := 1", [".a", '["b c"]']),
        ("x := input.annotations.a", ['["b c"]']),
        ('x := input.annotations.a.score + input["annotations"]["b c"]', []),
        ("x := input.annotations", []),
        ("x := input", []),
        ("x := [v | some k; v := input.annotations[k]]", []),
        ("x := y\ny := input.annotations.a", ['["b c"]']),
        ("x := f(1)\nf(_) := input.annotations.a", ['["b c"]']),
        ("x := 1\ny := input.annotations", [".a", '["b c"]']),
        ("x := input.snapshot.annotations", [".a", '["b c"]']),
        ("import input.annotations as notes\nx := notes.a", ['["b c"]']),
    ],
)
def test_rego(rules: str, unread: list[str]) -> None:
    """What the rules read on which the query depends; who reads the whole reads each."""
    definition = {"type": "rego", "query": "data.m.x", "modules": {"m": f"package m\n{rules}"}}
    assert _unread(REGO, definition, {}) == unread


@pytest.mark.parametrize(
    ("condition", "members", "unread"),
    [
        ("true", {}, [".a", '["b c"]']),
        ("context.annotations.a.score > 1", {}, ['["b c"]']),
        ('context.annotations has "b c" && context.annotations has a', {}, []),
        ("context.annotations == context.x", {}, []),
        ("context == {}", {}, []),
        ("context.x", {"principal": "$pi.annotations.a"}, []),
        ("context.x", {"context": {"x": True}}, []),
        ("context.x", {"resource": {"type": "R", "id": "$snap.id"}}, [".a", '["b c"]']),
    ],
)
def test_cedar(condition: str, members: dict[str, Any], unread: list[str]) -> None:
    """What the policies read of the context; where the manifest maps the request itself, nothing is said."""
    definition = {
        "type": "cedar",
        "policy_set": f"permit(principal, action, resource) when {{ {condition} }};",
    }
    assert _unread(CEDAR, definition, members) == unread
