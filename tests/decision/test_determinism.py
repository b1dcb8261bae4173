"""Section 1.1: same manifest, snapshot and mode, same bytes; in any process and any order."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT, environment
from tests.strategies import TEXT, json_objects, json_values

pytestmark = pytest.mark.server

REGO = """package p
import rego.v1
default v := {"decision": "deny", "reason": "default"}
v := {"decision": "allow", "result_labels": sorted} if {
    sorted := sort([name | some name, _ in input.snapshot])
    count(sorted) > LIMIT
} else := {"decision": "warn", "message": sprintf("%v", [input.policy_target.value])} if {
    input.policy_target.value
}
s := {"decision": "escalate", "evidence": {"seen": {x | some x in input.snapshot.x}}}
"""
CEDAR = """@id("first") forbid(principal, action, resource) when { context has x && context.x == LIMIT };
@id("second") forbid(principal, action, resource) when { context has y && context.y like "a*" };
@advice("{\\"verdict\\": \\"warn\\", \\"reason\\": \\"w\\"}") permit(principal, action, resource)
when { context has x };
permit(principal, action, resource) when { principal == Agent::"a" };
"""
LIMITS = st.integers(0, 3).map(str)
DECISIONS = st.sampled_from(["allow", "deny", "warn", "escalate", "transform", "permit"])


def _outputs() -> st.SearchStrategy[Any]:
    transform = st.fixed_dictionaries(
        {"path": st.sampled_from(["$policy_target", "$policy_target.x", "$snap.x", "?"])},
        optional={"value": json_values(4)},
    )
    verdict = st.fixed_dictionaries(
        {"decision": DECISIONS},
        optional={
            "reason": TEXT,
            "message": TEXT | st.none(),
            "transform": transform,
            "evidence": json_objects(4),
            "result_labels": st.lists(TEXT, max_size=3),
        },
    )
    return verdict | json_values(3)


def _policies() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.builds(lambda output: {"type": "test", "output": output}, _outputs()),
        st.builds(
            lambda limit, rule: {
                "type": "rego",
                "modules": {"p": REGO.replace("LIMIT", limit)},
                "query": f"data.p.{rule}",
            },
            LIMITS,
            st.sampled_from(["v", "s"]),
        ),
        st.builds(lambda limit: {"type": "cedar", "policy_set": CEDAR.replace("LIMIT", limit)}, LIMITS),
    )


@st.composite
def _requests(draw: st.DrawFn) -> bytes:
    kind = draw(st.none() | TEXT)
    point = {
        "policy_target": draw(st.sampled_from(["$", "$snap.x", "$.envelope"])),
        "policy": {"id": "p"},
        **({"policy_target_kind": kind} if kind else {}),
    }
    manifest = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": draw(_policies())},
        "intervention_points": {"output": point},
    }
    extra = draw(st.dictionaries(st.sampled_from(["x", "y", "z"]), json_values(4), max_size=3))
    snapshot = (
        draw(json_objects(6)) | extra | {"envelope": {"agent": {"id": draw(st.sampled_from(["a", "b"]))}}}
    )
    return orjson.dumps(
        {
            "manifest": manifest,
            "snapshot": snapshot,
            "intervention_point": "output",
            "mode": draw(st.sampled_from(["enforce", "evaluate_only"])),
            "include": ["policy_input"],
        }
    )


class Decider:
    """A deciding process with a hash seed of its own."""

    def __init__(self, seed: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.decision.decider"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment(PYTHONHASHSEED=seed),
        )

    def answers(self, requests: list[bytes]) -> list[bytes]:
        """Answer requests in the order given."""
        assert self._process.stdin
        assert self._process.stdout
        found = []
        for request in requests:
            self._process.stdin.write(request + b"\n")
            self._process.stdin.flush()
            found.append(self._process.stdout.readline())
        return found

    def stop(self) -> None:
        """End the process by ending its input."""
        self._process.communicate(timeout=20)


@pytest.fixture(scope="module")
def deciders() -> Iterator[tuple[Decider, Decider]]:
    """Two processes that have nothing in common but the code."""
    pair = Decider("1"), Decider("2")
    yield pair
    for decider in pair:
        decider.stop()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests=st.lists(_requests(), min_size=1, max_size=4), data=st.data())
def test_any_process_and_any_order_give_the_same_bytes(
    deciders: tuple[Decider, Decider], requests: list[bytes], data: st.DataObject
) -> None:
    """One process answers in one order, another in another and each request twice: no byte differs."""
    order = data.draw(st.permutations(range(len(requests))))
    first = deciders[0].answers(requests)
    shuffled = deciders[1].answers([requests[place] for place in order for _ in range(2)])
    assert shuffled == [first[place] for place in order for _ in range(2)]
    assert all(orjson.loads(answer)["verdict"]["decision"] for answer in first)
