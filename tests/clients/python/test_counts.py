"""Section 12.3: which rules an action is counted for."""

from typing import Any

import pytest

from acs_client.snapshot.clock import Clock
from acs_client.snapshot.counts import Counters


@pytest.mark.parametrize(
    ("evidence", "counted"),
    [
        (None, {}),
        ({"artefact": "a"}, {}),
        ({"counter": "d/r"}, {"d/r"}),
        ({"counter": 7}, {}),
        ({"counter": "d/r", "counters": ["d/r", "d/s", "d/r"]}, {"d/r", "d/s"}),
        ({"counter": "d/r", "counters": [1]}, {"d/r"}),
        ({"verification_pointers": {"counter": "d/r"}}, {"d/r"}),
        ({"verification_pointers": {"counter": "d/r", "counters": '["d/r","d/s"]'}}, {"d/r", "d/s"}),
        ({"verification_pointers": {"counter": "d/r", "counters": "["}}, {"d/r"}),
        ({"verification_pointers": "d/r"}, {}),
    ],
)
def test_every_rule_that_evidence_names_is_counted_once(
    evidence: dict[str, Any] | None, counted: set[str]
) -> None:
    """Its members are those of 0.3, or verification pointers of 0.4."""
    counters = Counters(Clock(), kept=False)
    counters.permitted(evidence)
    assert {name: count for name, (_, count) in counters.export()["agt"].items()} == dict.fromkeys(counted, 1)
