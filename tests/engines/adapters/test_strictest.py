"""The strictest of several outcomes: order, transforms, approvers, labels (section 17.2)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.engines.adapters.combine.strictest import strictest
from acs_sidecar.spec.path import parse_path
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.verdict import Decision, Transform, Verdict, VerdictWarning

RANKS = [Decision.ALLOW, Decision.WARN, Decision.TRANSFORM, Decision.ESCALATE, Decision.DENY]


def verdict(decision: Decision, **members: Any) -> Verdict:
    """A verdict; a transform sets `a`."""
    transform = members.pop("transform", None)
    if decision is Decision.TRANSFORM and transform is None:
        transform = Transform(parse_path("$policy_target.a"), 2)
    return Verdict(decision, transform=transform, **members)


EVIDENCE: list[Any] = [
    None,
    {},
    *({"approvers": names} for names in (["a", "b"], ["b", "c"], ["c"], [], "a")),
]
VERDICTS = st.lists(
    st.one_of(
        st.builds(
            verdict,
            st.sampled_from(RANKS),
            evidence=st.sampled_from(EVIDENCE),
            result_labels=st.sampled_from([(), ("l",), ("m", "l")]),
        ),
        st.just(Verdict(Decision.ALLOW, "not_applicable")),
    ),
    min_size=1,
    max_size=6,
)


@given(VERDICTS, st.randoms(use_true_random=False))
def test_the_decision_does_not_depend_on_the_order(verdicts: list[Verdict], random: Any) -> None:
    """Any order of the same verdicts gives the same decision, and asks and labels the same."""
    shuffled = list(verdicts)
    random.shuffle(shuffled)
    one, other = strictest(verdicts, {"a": 1})[0], strictest(shuffled, {"a": 1})[0]
    assert (one.decision, one.transform) == (other.decision, other.transform)
    assert {*one.result_labels} == {*other.result_labels}
    if one.decision is Decision.ESCALATE:
        assert _approvers(one) == _approvers(other)


def _approvers(asked: Verdict) -> Any:
    names = (asked.evidence or {}).get("approvers")
    return sorted(map(str, names)) if isinstance(names, list) else names


@given(VERDICTS, VERDICTS)
def test_another_member_never_makes_an_outcome_less_strict(one: list[Verdict], more: list[Verdict]) -> None:
    """More policies decide at least as strictly as fewer."""
    fewer, all_of_them = strictest(one, {"a": 1})[0], strictest([*one, *more], {"a": 1})[0]
    assert RANKS.index(all_of_them.decision) >= RANKS.index(fewer.decision)


def transform(path: str, value: Any) -> Verdict:
    """A verdict that sets a value."""
    return verdict(Decision.TRANSFORM, transform=Transform(parse_path(path), value))


def test_transforms_of_different_places_are_one_of_the_whole_target() -> None:
    """Both are applied, in order."""
    combined, place = strictest(
        [transform("$policy_target.a", 2), transform("$policy_target.b", 3)], {"a": 1, "b": 1}
    )
    assert combined.transform == Transform(parse_path("$policy_target"), {"a": 2, "b": 3})
    assert place == 0


PLACES = {
    "$policy_target.a[0].x": 7,
    "$policy_target.a[1]": [8],
    "$policy_target.a[0].y": {"z": 9},
    "$policy_target.b": 0,
}


@given(st.permutations([*PLACES]))
def test_transforms_within_one_container_are_all_applied(paths: list[str]) -> None:
    """Whatever their order, as one after the other; the target itself and what no path meets stay."""
    target: Any = {"a": [{"x": 1, "y": 2}, 3, 4], "b": 5, "c": {"d": 6}}
    combined, _ = strictest([transform(path, PLACES[path]) for path in paths], target)
    assert combined.transform == Transform(
        parse_path("$policy_target"), {"a": [{"x": 7, "y": {"z": 9}}, [8], 4], "b": 0, "c": {"d": 6}}
    )
    assert target == {"a": [{"x": 1, "y": 2}, 3, 4], "b": 5, "c": {"d": 6}}


def test_equal_transforms_are_one() -> None:
    """Two policies that want the same change agree."""
    same = transform("$policy_target.a", 2)
    assert strictest([same, same], {"a": 1}) == (same, 0)


@pytest.mark.parametrize("path", ["$policy_target.a", "$policy_target", "$policy_target.a.b"])
def test_transforms_of_one_place_contradict(path: str) -> None:
    """A place within the other, or the same with another value, makes the output invalid."""
    with pytest.raises(EvaluationError) as raised:
        strictest([transform("$policy_target.a", 2), transform(path, 3)], {"a": {"b": 1}})
    assert raised.value.reason is Reason.POLICY_OUTPUT_INVALID
    assert raised.value.detail == "combined policies transform the same place differently"


@pytest.mark.parametrize(
    ("approvers", "expected"),
    [
        ([["a", "b"], ["b", "c"]], ["b"]),
        ([None, ["a"]], ["a"]),
        ([["a"], ["b"]], None),
        ([["a"], "a"], None),
        ([["a"], []], None),
        ([[], []], None),
        (["a", "a"], None),
        ([["a"], ["a", 5]], None),
        ([["a", ""], ["a"]], None),
        ([["c", "b", "a"], ["a", "b"], ["b", "c", "a"]], ["b", "a"]),
        ([["b", "a"], ["b", "a"]], ["b", "a"]),
    ],
)
def test_approvers_are_those_in_common(approvers: list[Any], expected: list[str] | None) -> None:
    """Nobody in common is a deny; a policy that names none leaves the others' choice."""
    verdicts = [
        verdict(Decision.ESCALATE, evidence=None if names is None else {"approvers": names})
        for names in approvers
    ]
    combined, place = strictest(verdicts, None)
    if expected is None:
        assert (combined.decision, combined.reason, place) == (Decision.DENY, "no_common_approver", None)
    else:
        assert combined.evidence == {"approvers": expected}


POINTED = "verification_pointers"


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([None, {"counter": "p/a", "rule": "a"}], {"counter": "p/a"}),
        ([{"rule": "r"}, {"counter": "p/a"}], {"rule": "r", "counter": "p/a"}),
        ([{"counter": "p/a"}, {"counter": "q/b"}], {"counter": "p/a", "counters": ["p/a", "q/b"]}),
        (
            [{"counter": "p/b", "counters": ["p/a", "p/b"]}, {"counter": "q/c"}],
            {"counter": "p/b", "counters": ["p/b", "p/a", "q/c"]},
        ),
        ([None, {"counters": ["p/a", "p/b"]}], {"counter": "p/a", "counters": ["p/a", "p/b"]}),
        ([{"counters": 3}, {"counter": "p/a"}, {"counter": 5}], {"counter": "p/a", "counters": 3}),
        ([None, {POINTED: {"counter": "p/a"}}], {POINTED: {"counter": "p/a"}}),
        (
            [{"artefact": "x", POINTED: {"counter": "p/a"}}, {POINTED: {"counters": '["q/b","q/c"]'}}],
            {"artefact": "x", POINTED: {"counter": "p/a", "counters": '["p/a","q/b","q/c"]'}},
        ),
        (
            [{POINTED: {"counter": "p/a", "counters": "[["}}, {"counter": "q/b"}],
            {
                POINTED: {"counter": "p/a", "counters": "[["},
                "counter": "p/a",
                "counters": ["p/a", "q/b"],
            },
        ),
    ],
)
@pytest.mark.parametrize("decision", [each for each in RANKS if each is not Decision.DENY])
def test_counters_are_those_of_all_members(decision: Decision, evidence: list[Any], expected: Any) -> None:
    """Whoever decides, the host counts every limit that the action uses; the other evidence stays."""
    first, *others = evidence
    verdicts = [
        verdict(decision, evidence=first),
        *(verdict(Decision.ALLOW, evidence=each) for each in others),
    ]
    combined, place = strictest(verdicts, {"a": 1})
    assert (combined.decision, combined.evidence, place) == (decision, expected, 0)


def test_a_denial_and_a_single_member_name_no_other_counters() -> None:
    """Nothing goes ahead under a denial, and what names all counters already is passed on as it is."""
    counting = verdict(Decision.ALLOW, evidence={"counter": "p/a"})
    denial = verdict(Decision.DENY, evidence={"rule": "r"})
    assert strictest([counting, denial], None)[0] is denial
    for verdicts in ([counting], [counting] * 2, [counting, verdict(Decision.ALLOW)]):
        assert strictest(verdicts, None)[0] is counting


def test_labels_are_united() -> None:
    """Labels of all members, in order, without repeats."""
    verdicts = [
        verdict(Decision.ALLOW, result_labels=("b", "a")),
        verdict(Decision.DENY, result_labels=("a", "c")),
    ]
    assert strictest(verdicts, None)[0].result_labels == ("b", "a", "c")


def test_labels_of_others_leave_the_rest_of_the_verdict() -> None:
    """What the policy that decided warns of, and how its refusal is lifted, stay (section 6.4)."""
    decided = verdict(
        Decision.ESCALATE, warnings=(VerdictWarning("r"),), approval={"who": "x"}, result_labels=("a",)
    )
    denied = verdict(Decision.DENY, warnings=(VerdictWarning("r"),), evidence={"note": 1})
    for one in (decided, denied):
        combined, _ = strictest([one, verdict(Decision.ALLOW, result_labels=("b",))], None)
        assert combined.result_labels == (*one.result_labels, "b")
        assert (combined.warnings, combined.approval, combined.evidence) == (
            one.warnings,
            one.approval,
            one.evidence,
        )
