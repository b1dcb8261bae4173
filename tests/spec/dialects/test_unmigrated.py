"""What somebody must look at in policies that become ones of 0.4, each with its place."""

import json

import pytest

from acs_sidecar.manifests.member_tables import installed_members
from acs_sidecar.spec.dialects.migration import migrated_text
from acs_sidecar.spec.dialects.unmigrated import unmigrated_lines, unmigrated_members

MEMBERS = installed_members()
V = "agent_control_specification_version"
PATH = "`path` is refused from 0.4 on: its names are ASCII letters, digits, `_` and `-`"
EVIDENCE = "`evidence` is left: from 0.4 on it has no member but `artefact` and `verification_pointers`"
APPROVAL = "`approval` is left: from 0.4 on it lets a deny be lifted, and is refused with other decisions"


def test_each_place_is_named_by_its_line() -> None:
    """A path that a policy builds, and members that 0.4 reads otherwise."""
    text = """a
x := sprintf("$policy_target.%s", [n])
$policy_targets
y := {"decision": "escalate", "evidence": {"approvers": ["a"]}}
z := {"decision": "deny", "approval": {}}
r := {"decision": "deny", "reason": "host_error:timeout", "warnings": []}
e := {"decision": "deny", "evidence":
  {"rule": "r"}}
f := {"decision": "deny", "evidence": {"artefact": "a"}}
"""
    assert list(unmigrated_lines(text)) == [
        (2, "`$policy_target` is left: write `$target` where it is a path"),
        (4, "`approvers` is left: an escalation names them in `approval`, beside `evidence`"),
        (5, APPROVAL),
        (6, "`reason` is refused from 0.4 on: `host_error:` is reserved"),
        (6, "`warnings` is left: from 0.4 on it is read, and its items are objects"),
        (7, EVIDENCE),
    ]


@pytest.mark.parametrize(
    ("older", "found"),
    [
        ('"path": "$policy_target"', []),
        ('"path": "$policy_target.a[0]["b-c"].d"'.replace('"b-c"', r"\"b-c\""), []),
        ('"path": `$policy_target["a"]`', []),
        (r'@advice("{\"path\":\"$policy_target[\\\"a\\\"].b\"}")', []),
        ('"path": `$policy_target["a b"]`', [(1, PATH)]),
        (r'"path": "$policy_target[\"a b\"]"', [(1, PATH)]),
        ('"x": 1,\n"path":\n"$policy_target.é"', [(2, PATH)]),
        (r'@advice("{\"path\":\"$policy_target[\\\"a.b\\\"]\"}")', [(1, PATH)]),
        ('"path": "$targets.é"', []),
    ],
)
def test_a_path_that_no_host_parses_is_named(older: str, found: list[tuple[int, str]]) -> None:
    """From 0.4 on the names in the path of a transform are of fewer characters."""
    assert list(unmigrated_lines(migrated_text(older, MEMBERS))) == found


TRANSFORM = {"decision": "transform", "transform": {"path": '$policy_target["a b"]', "value": 1}}


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        ({"decision": "allow"}, None),
        ({"decision": "escalate", "approval": {"by": "x"}}, None),
        ({"decision": "allow", "approval": None}, None),
        ({"decision": "deny", "reason": "runtime_error:x", "approval": {}}, None),
        ({"decision": "transform", "transform": {"path": "$policy_target", "value": 1}}, None),
        (
            {"decision": "allow", "approval": {}},
            "is refused from 0.4 on: `approval` is only allowed with the decisions `deny` and `escalate`",
        ),
        (
            TRANSFORM,
            "is refused from 0.4 on: `transform.path` is not a path: names are ASCII letters, digits, `_` and `-`",
        ),
        ({"decision": "deny", "approval": {}}, "is `escalate` from 0.4 on, for its `approval` lifts the `deny`"),
        (
            {"decision": "deny", "evidence": {"rule": 1}},
            "is refused from 0.4 on: `evidence` has 1 members besides `artefact` and `verification_pointers`",
        ),
        ({"decision": "deny", "reason": "host_error:x"}, "is refused from 0.4 on: `reason` starts with the reserved `host_error:`"),
    ],
)  # fmt: skip
def test_the_output_of_a_double_is_read_in_both_forms(output: object, advice: str | None) -> None:
    """What 0.3 reads and 0.4 refuses, or makes another decision of, is named in a policy and in a binding."""
    double = json.dumps({"type": "test", "output": output})
    binding = json.dumps({"id": "p", "output": output})
    older = (
        f"{V}: 0.3.1-beta\npolicies:\n  p: {double}\nintervention_points:\n  input: {{policy: {binding}}}\n"
    )
    found = [
        (3, f"policies.p.output: {advice}"),
        (5, f"intervention_points.input.policy.output: {advice}"),
    ]
    assert list(unmigrated_members(older, migrated_text(older, MEMBERS))) == (found if advice else [])


def test_policies_that_are_written_out_are_read_too() -> None:
    """Rego and Cedar in a manifest: the place of the member, and the line in its text."""
    older = f"""{V}: 0.3.1-beta
policies:
  r:
    type: rego
    modules:
      a.rego: |
        package a
        verdict := {{"decision": "allow", "approval": {{}}}}
  c:
    type: cedar
    policy_set: '@advice("{{\\"transform\\":{{\\"path\\":\\"$policy_target.é\\"}}}}") permit(principal, action, resource);'
"""
    assert list(unmigrated_members(older, migrated_text(older, MEMBERS))) == [
        (6, f"policies.r.modules.a.rego line 2: {APPROVAL}"),
        (11, f"policies.c.policy_set line 1: {PATH}"),
    ]


def test_what_is_no_manifest_has_nothing_to_look_at() -> None:
    """A file of cases, a list, or a text that is none."""
    for text in ("cases: []", "[1]", "{", "policies: {p: 1}"):
        assert list(unmigrated_members(text, text)) == []
