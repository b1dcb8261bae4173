"""The lint for members of `input` that no policy input has."""

import pytest

from tests.engines.rego.lints.remarks import remarks

_CODE = "rego-input-unknown"
_SHARED = ", so that what reads it is undefined"
_HAS = "it has `intervention_point`, `policy_target`, `snapshot`, `annotations`, `tool`"
_WHERE = "; what the host sent is `input.snapshot`, what is decided on is `input.policy_target.value`"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ('x if input.kind == "Pod"', [f"2:6: `input` has no member `kind` …: {_HAS}{_WHERE}"]),
        ('x if input["kind"]', [f"2:6: `input` has no member `kind` …: {_HAS}{_WHERE}"]),
        ("x if input.tools.name", ["2:6: `input` has no member `tools` …: did you mean `tool`?"]),
        ("x if input.snapshots", ["2:6: `input` has no member `snapshots` …: did you mean `snapshot`?"]),
        (
            "x if input.policy_target.args",
            ["2:6: `input.policy_target` has no member `args` …: it has `kind`, `path`, `value`"],
        ),
        ("import input.kind\nx if kind", [f"3:6: `input` has no member `kind` …: {_HAS}{_WHERE}"]),
        (
            "import input.policy_target as t\nx if t.values",
            ["3:6: `input.policy_target` has no member `values` …: did you mean `value`?"],
        ),
        ("x if input.kind\ny if input.kind", [f"2:6: `input` has no member `kind` …: {_HAS}{_WHERE}"]),
        ("x if input.kind with input.other as 1", [f"2:6: `input` has no member `kind` …: {_HAS}{_WHERE}"]),
    ],
)
def test_unknown_members(rules: str, expected: list[str]) -> None:
    """The place of the first use of each, and what there is instead."""
    assert remarks(_CODE, rules, _SHARED) == expected


@pytest.mark.parametrize(
    "rules",
    [
        "x if input.tool.labels.anything",
        "x if input.snapshot.anything",
        "x if input.policy_target.value.anything",
        "x if input[_]",
        "x if input == {}",
        'x := object.get(input, "kind", "")',
        "x if input.kind with input as input.snapshot",
        "x if input.kind with input.kind as 1",
        "import input.policy_target.value as v\nx if v.kind",
        "import input.kind as k\nx if { k := 1; k }",
        "f(input) := input.kind",
    ],
)
def test_no_remark(rules: str) -> None:
    """Members that there are, what is below them, and those that a `with` of the policy gives."""
    assert remarks(_CODE, rules, _SHARED) == []
