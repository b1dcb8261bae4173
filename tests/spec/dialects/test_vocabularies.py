"""Section 6.6: one verdict in two vocabularies; neither permits what the other refuses."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.spec.dialects.dialect import Dialect, Vocabulary
from acs_sidecar.spec.dialects.transform_path import parse_transform_path
from acs_sidecar.spec.dialects.versions import DIALECT_03, DIALECT_04
from acs_sidecar.spec.dialects.vocabulary import verdict_json
from acs_sidecar.spec.path import POLICY_TARGET_PATHS, parse_path
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.verdict import Verdict, apply_transform

TARGET: Any = {"text": "hi", "list": [1, {"q": 2}], "a b": 3}
PERMITS = {"allow", "warn", "transform"}
REASONS = st.sampled_from(
    [None, "", "r", "host_error:x", "host_error:", "runtime_error:x", "evidence_truncated"]
)
SEGMENTS = st.sampled_from(
    ["", ".text", ".list[0]", ".list[01]", '["a b"]', '["text"]', ".list[1].q", ".nope"]
)
ROOTS = st.sampled_from(["$target", "$policy_target", "$snap"])
WARNINGS = st.lists(
    st.fixed_dictionaries({}, optional={"reason": REASONS, "message": st.sampled_from([None, "m"])}),
    max_size=3,
)
OUTPUTS = st.fixed_dictionaries(
    {"decision": st.sampled_from(["allow", "deny", "warn", "escalate", "transform"])},
    optional={
        "reason": REASONS,
        "message": st.sampled_from([None, "m"]),
        "warnings": WARNINGS,
        "approval": st.sampled_from([None, {}, {"team": "x"}]),
        "evidence": st.sampled_from([None, {}, {"artefact": "a"}, {"artefact": "z" * 11_000}, {"approvers": ["x"]}]),
        "transform": st.builds(lambda root, rest: {"path": root + rest, "value": None}, ROOTS, SEGMENTS),
        "result_labels": st.sampled_from([None, [], ["l"]]),
    },
)  # fmt: skip
DIALECTS = st.sampled_from([DIALECT_03, DIALECT_04])


def _verdict(output: Any, dialect: Dialect) -> Verdict | None:
    try:
        verdict = dialect.normalise(output)
        if verdict.transform:
            apply_transform(verdict.transform, TARGET)
    except EvaluationError:
        return None
    return verdict


@given(OUTPUTS, DIALECTS)
def test_both_vocabularies_tell_one_decision(output: Any, dialect: Dialect) -> None:
    """What one permits the other permits, with the same target; what can be lifted can be lifted in both."""
    verdict = _verdict(output, dialect)
    if verdict is None:
        return

    def whole() -> Any:
        assert verdict.transform
        return apply_transform(verdict.transform, TARGET)

    five = verdict_json(verdict, Vocabulary.FIVE_DECISIONS, whole)
    three = verdict_json(verdict, Vocabulary.AGENT_HOOKS, whole)
    assert (five["decision"] in PERMITS) == (three["decision"] in {"allow", "transform"})
    assert (five["decision"] in PERMITS) == (output["decision"] in PERMITS)
    assert (five["decision"] == "escalate") == ("approval" in three)
    assert not {"warnings", "approval"} & five.keys()
    assert not json.dumps(three.get("reason", "")).startswith('"host_error:')
    assert all(not str(warning.get("reason")).startswith("host_error:") for warning in _listed(three))
    assert all(value not in ([], None) for name, value in three.items() if name != "transform")
    if verdict.transform:
        older, newer = five["transform"], three["transform"]
        assert isinstance(older, dict)
        assert isinstance(newer, dict)
        path = parse_path(str(older["path"]), grammar=POLICY_TARGET_PATHS)
        assert path.replace(TARGET, older["value"]) == whole()
        assert parse_transform_path(str(newer["path"])).replace(TARGET, newer["value"]) == whole()


def _listed(verdict: dict[str, Any]) -> list[dict[str, Any]]:
    warnings = verdict.get("warnings", [])
    assert isinstance(warnings, list)
    return warnings


@pytest.mark.parametrize(
    ("output", "five", "three"),
    [
        ({"decision": "warn", "reason": "evidence_truncated"}, {"decision": "warn", "reason": "evidence_truncated"}, {"decision": "allow", "reason": "evidence_truncated", "warnings": [{}]}),
        ({"decision": "deny", "reason": "host_error:x"}, {"decision": "deny", "reason": "host_error:x"}, {"decision": "deny"}),
        ({"decision": "escalate", "evidence": {"approvers": ["a"], "artefact": "x"}}, {"decision": "escalate", "evidence": {"approvers": ["a"], "artefact": "x"}}, {"decision": "deny", "approval": {}, "evidence": {"artefact": "x"}}),
    ],
)  # fmt: skip
def test_a_policy_of_0_3_in_the_newer_vocabulary(
    output: Any, five: dict[str, Any], three: dict[str, Any]
) -> None:
    """What only 0.3 lets a policy say stays in its own vocabulary as it is."""
    verdict = DIALECT_03.normalise(output)
    told = [verdict_json(verdict, vocabulary, lambda: None) for vocabulary in Vocabulary]
    assert told == [{**five, "result_labels": []}, three]
