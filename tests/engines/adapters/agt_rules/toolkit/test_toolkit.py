"""A few cases against the toolkit's published package, where its environment is there (section 7.9)."""

import os

import pytest

from tests.engines.adapters.agt_rules.toolkit.comparison import compare
from tests.engines.adapters.agt_rules.toolkit.generator import generate
from tests.engines.adapters.agt_rules.toolkit.model import Switch, decide
from tests.engines.adapters.agt_rules.toolkit.oracle import OracleMissingError, ToolkitOracle


def _oracle() -> ToolkitOracle:
    """Skip where the oracle is missing, but not in CI: there it must have been installed."""
    try:
        return ToolkitOracle()
    except OracleMissingError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.mark.server
def test_every_difference_to_the_toolkit_has_a_name() -> None:
    """What lies between both decisions is a row of section 7.9 that `agt import` reports."""
    with _oracle() as oracle:
        compared = [compare(generate(seed), oracle) for seed in range(60)]
    assert [one.fault for one in compared if one.fault] == []
    assert sum(one.outcome == "equal" for one in compared) > 10


def test_the_model_has_a_switch_for_each_difference() -> None:
    """Each switch alone changes some decision: none is there for nothing."""
    idle = set(Switch)
    for seed in range(3_000):
        case = generate(seed)
        rules = [rule["name"] for document in case.documents.values() for rule in document["rules"]]
        there, here = dict.fromkeys(rules, True), dict.fromkeys(rules, False)
        before = decide(case, there, ())
        idle -= {
            one for one in idle if decide(case, here if one is Switch.CONDITIONS else there, (one,)) != before
        }
        if not idle:
            return
    assert idle == set()
