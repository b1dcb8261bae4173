"""Section 2.4: scopes, and the globs of agents and manifests."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.decision.caller import Caller, Scope
from acs_sidecar.spec.dialects.versions import DIALECT_03, DIALECT_04
from acs_sidecar.spec.globs import Globs

TEXT = st.text("ab*?[].\n-", max_size=8)


@pytest.mark.parametrize(
    ("patterns", "name", "matches"),
    [
        (["support-*"], "support-1", True),
        (["support-*"], "support-", True),
        (["support-*"], "Support-1", False),
        (["support-*"], "x-support-1", False),
        (["support-?"], "support-12", False),
        (["a", "b"], "b", True),
        (["a"], "a\n", False),
        (["a*"], "a\nb", True),
        (["[ab]"], "a", False),
        (["[ab]"], "[ab]", True),
        (["a.c"], "abc", False),
        (["*"], "", True),
        ([], "", False),
        (["*"], None, False),
        (["*"], 1, False),
        (["*"], ["a"], False),
    ],
)
def test_a_glob_matches_the_whole_name(patterns: list[str], name: Any, matches: bool) -> None:
    """`*` and `?` alone are special, case counts, and what is no text never matches."""
    assert Globs(patterns).match(name) is matches


@given(TEXT, TEXT)
def test_globs_agree_with_the_shells(pattern: str, name: str) -> None:
    """Brackets aside, a glob is the one that everybody knows."""
    assert Globs([pattern]).match(name) is fnmatchcase(name, pattern.replace("[", "[[]"))


def test_a_hostile_name_costs_little() -> None:
    """A glob does not try every way in which its stars could share a long name."""
    assert Globs(["*a*a*a*a*a*a*b"]).match("a" * 20_000) is False


@pytest.mark.parametrize(
    ("snapshot", "speaks"),
    [
        ({"envelope": {"agent": {"id": "support-1"}}}, True),
        ({"envelope": {"agent": {"id": "billing-1"}}}, False),
        ({"envelope": {"agent": {"id": 1}}}, False),
        ({"envelope": {"agent": {"id": None}}}, False),
        ({"envelope": {"agent": {"id": ["support-1"]}}}, False),
        ({"envelope": {"agent": "support-1"}}, False),
        ({"envelope": {"agent_id": "support-1"}}, False),
        ({"envelope": []}, False),
        ({"agent": {"id": "support-1"}}, False),
        ({}, False),
    ],
)
def test_a_bound_caller_speaks_for_its_agents_alone(snapshot: dict[str, Any], speaks: bool) -> None:
    """An agent that is missing, not a text or another one is not spoken for; an unbound caller is free."""
    scopes = frozenset({Scope.EVALUATE})
    bound = Caller(name="c", scopes=scopes, agents=Globs(["support-*"]))
    assert bound.speaks_for(snapshot, DIALECT_03) is speaks
    assert Caller(name="c", scopes=scopes).speaks_for(snapshot, DIALECT_03) is True


@pytest.mark.parametrize(
    ("snapshot", "speaks"),
    [
        ({"agent": {"id": "support-1"}}, True),
        ({"envelope": {"agent": {"id": "support-1"}}}, True),
        ({"agent": {"id": "billing-1"}, "envelope": {"agent": {"id": "support-1"}}}, False),
        ({"agent": {}, "envelope": {"agent": {"id": "support-1"}}}, False),
        ({"agent": None, "envelope": {"agent": {"id": "support-1"}}}, False),
        ({"agent": {"id": 1}}, False),
        ({"agent": "support-1"}, False),
        ({"agent_id": "support-1"}, False),
    ],
)
def test_the_agent_of_an_agent_context_counts_before_that_of_the_envelope(
    snapshot: dict[str, Any], speaks: bool
) -> None:
    """Section 6.8: where a snapshot has `agent`, whatever it is, the envelope names nobody."""
    bound = Caller(name="c", scopes=frozenset({Scope.EVALUATE}), agents=Globs(["support-*"]))
    assert bound.speaks_for(snapshot, DIALECT_04) is speaks


def test_a_caller_is_held_to_its_manifests() -> None:
    """Names are matched, and a manifest without a name is none of them."""
    held = Caller(name="c", scopes=frozenset(), manifests=Globs(["support-*"]))
    assert [held.may_use(name) for name in ("support-agent", "payments", None)] == [True, False, False]
    assert Caller(name="c", scopes=frozenset()).may_use("payments")
