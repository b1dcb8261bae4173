"""The vectors that clients in every language share (12.12)."""

import hashlib
import json

import pytest

from acs_client import Client, Decision
from acs_client.calls import Call
from acs_client.snapshot.clock import Clock
from acs_client.snapshot.profile import target_of
from acs_client.values import encode, to_json
from tests.conftest import ROOT

VECTORS = json.loads((ROOT / "tests" / "clients" / "vectors.json").read_text())


@pytest.mark.parametrize(("text", "encoded"), VECTORS["encodings"].values(), ids=VECTORS["encodings"])
def test_an_encoding(text: str, encoded: str) -> None:
    """Every client writes the same bytes."""
    assert encode(to_json(json.loads(text))).decode() == encoded


def test_the_snapshot_of_a_known_call() -> None:
    """V1, to the last byte."""
    vector = VECTORS["V1"]
    sent: list[bytes] = []

    class StoppedClock(Clock):
        def now(self) -> float:
            return float(vector["clock"])

        def monotonic(self) -> float:
            return 7.0

    class Watching(Client):
        def evaluate_json(self, call: Call, snapshot: dict[str, object]) -> Decision:
            sent.append(encode(snapshot))
            return Decision(call.point, "allow")

    session = Watching("http://127.0.0.1:9").session(
        vector["agent"], id=vector["session"], clock=StoppedClock(), points={"pre_tool_call"}
    )
    session.budgets.calls = vector["calls"]
    session.pre_tool_call(vector["name"], vector["args"], id=vector["id"])
    assert [content.decode() for content in sent] == [vector["snapshot"]]
    assert hashlib.sha256(sent[0]).hexdigest() == vector["sha256"]


@pytest.mark.parametrize("index", [0, 1])
def test_what_a_session_says_of_where_its_data_came_from(index: int) -> None:
    """V4: within its bound, the member beside `ifc` has texts, results and the origins of labels."""
    vector = VECTORS["V4"]
    sent: list[dict[str, object]] = []
    labels: list[str] = []

    class Watching(Client):
        def evaluate_json(self, call: Call, snapshot: dict[str, object]) -> Decision:
            sent.append(snapshot)
            target = target_of(call.point, snapshot)
            return Decision(call.point, "allow", value=target, policy_id="p", result_labels=tuple(labels))

    session = Watching("http://127.0.0.1:9").session(
        "a",
        points={"input", "post_tool_call", "output"},
        labels=vector["labels"],
        provenance=vector["bounds"][index],
    )
    session.input(vector["input"])
    session.input("a form of the host", source="webhook")
    for result in vector["results"]:
        labels[:] = result["labels"]
        session.post_tool_call(result["name"], result["args"], result["value"], id=result["id"])
    session.output("done")
    member = encode(sent[-1]["provenance"])
    assert member.decode() == vector["members"][index]
    assert len(member) <= vector["bounds"][index]
