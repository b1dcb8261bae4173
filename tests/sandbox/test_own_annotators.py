"""What a child says of the classifiers that a caller's policies ask: a closed form, and built by the service."""

from typing import Any

import pytest

from acs_sidecar.sandbox.reply_values import MalformedOutputError, read_annotators, write_statement
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.policy_statement import OwnAnnotator, PolicyStatement

_ONE = OwnAnnotator(
    InterventionPoint.INPUT,
    "stock_patterns",
    {"type": "classifier", "provider": "patterns", "patterns": ["a"]},
    "policies.a",
)


def test_what_is_written_is_read() -> None:
    """Each classifier with its point and its options."""
    assert read_annotators(write_statement(PolicyStatement(annotators=(_ONE,)))["annotators"]) == (_ONE,)


@pytest.mark.parametrize(
    "said",
    [
        *(None, {}, [None], [[]], [["input", "a", {}]], [["nowhere", "a", dict(_ONE.invocation), "p"]]),
        [["input", "a", {"type": "endpoint", "provider": "patterns"}, "p"]],
        [["input", 1, dict(_ONE.invocation), "p"]],
        [["input", "a", {"type": "classifier", "provider": "openai_moderation"}, "p"]],
        [["input", "a", {"type": "classifier", "provider": None}, "p"]],
        [["input", "a", {"type": "classifier"}, "p"]],
    ],
)
def test_nothing_but_local_classifiers_can_be_said(said: Any) -> None:
    """A child that is not what it was cannot make the service call anybody."""
    with pytest.raises(MalformedOutputError):
        read_annotators(said)
