"""Attacks and counter-examples start from the same test cases (sections 8.3, 8.4)."""

import asyncio
from pathlib import Path

from acs_sidecar.assurance.redteam.points import points_under_test
from acs_sidecar.trials.case_run import run_cases
from tests.assurance.compliance.guarded import compiled
from tests.assurance.redteam_manifests import carrier, write_manifest

RULE = """default verdict := {"decision": "allow"}
verdict := {"decision": "deny"} if input.policy_target.value == "no"
verdict := {"decision": "warn"} if input.policy_target.value == "hm" """
CASES = [
    carrier("yes", name="expected and allowed"),
    carrier("yes", "deny", name="allowed and not expected"),
    carrier("no", name="expected and refused"),
    carrier("hm", "warn", name="warned of"),
    carrier({"nested": ["yes"]}, name="allowed, an object"),
]


def test_both_take_the_cases_that_expect_allow_and_are_allowed(tmp_path: Path) -> None:
    """What is refused, warned of or expected to be is no carrier of either."""
    one = compiled(write_manifest(tmp_path / "m", RULE, CASES))
    (point,) = asyncio.run(points_under_test(one.manifest, one.cases, frozenset(), live=False))
    assert [case.name for case in point.carriers] == ["expected and allowed", "allowed, an object"]
    assert [*one.carriers["input"]] == [*point.carriers]


def test_what_the_host_brings_need_not_be_said_twice(tmp_path: Path) -> None:
    """A test case takes it from the snapshot, or from its `annotations` where those name it."""
    rule = 'verdict := {"decision": "allow", "reason": input.annotations.risk}'
    members = {
        "annotators": {"risk": {"type": "classifier", "provider": "host"}},
        "point": {"annotations": {"risk": {"from": "$snap.annotations.risk"}}},
    }
    brought = carrier("x") | {"snapshot": {"input": "x", "annotations": {"risk": "brought"}}}
    one = compiled(
        write_manifest(
            tmp_path / "m",
            rule,
            [brought, brought | {"name": "b", "annotations": {"risk": "given"}}],
            **members,
        )
    )
    results = asyncio.run(run_cases(one.manifest, one.cases, lambda: None))
    assert [result.entry and result.entry.reason for result in results] == ["brought", "given"]
