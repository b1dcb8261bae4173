"""What a transform is of is the manifest's own policy target, however a session knows its points (section 12.5)."""

from collections.abc import Iterator
from typing import Any

import pytest

from acs_client import Client, Denied, Session, Unavailable
from tests.clients.answers import ALLOW
from tests.clients.canned import canned, reply
from tests.conftest import Service, start_service

MANIFEST = """
agent_control_specification_version: 0.3.1-beta
metadata: {name: wide}
policies: {p: {type: rego, bundle: policies}}
intervention_points:
  input: {policy_target: $snap.input, policy: {id: p, query: data.p.input_}}
  pre_tool_call: {policy_target: $snap.tool_call, policy: {id: p, query: data.p.call}}
  post_tool_call: {policy_target: $snap.tool_result, policy: {id: p, query: data.p.result}}
  output: {policy_target: $snap, policy: {id: p, query: data.p.output}}
"""
POLICY = """package p
import rego.v1
changed(path, value) := {"decision": "transform", "transform": {"path": path, "value": value}}
input_ := changed("$policy_target.body", "asked")
call := changed("$policy_target.name", "other") if input.snapshot.tool_call.args.q == "name"
else := changed("$policy_target.args.q", "called")
result := changed("$policy_target.value", "found")
output := changed("$policy_target.response.content", "said")
"""
POINTS = ("input", "pre_tool_call", "post_tool_call", "output")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose manifest has targets that are not the profile's."""
    folder = tmp_path_factory.mktemp("wide")
    (folder / "manifests" / "wide" / "policies").mkdir(parents=True)
    (folder / "manifests" / "wide" / "manifest.yaml").write_text(MANIFEST)
    (folder / "manifests" / "wide" / "policies" / "p.rego").write_text(POLICY)
    running = start_service(folder, "--manifests", str(folder / "manifests"))
    yield running
    running.stop()


def _session(client: Client, is_told: bool) -> Session:
    return client.session("a", points=POINTS) if is_told else client.session("a")


@pytest.mark.parametrize("is_told", [True, False])
def test_a_transform_of_another_target(wide: Service, is_told: bool) -> None:
    """The host gets what stands at its own target after the transform, and runs a tool with nothing else."""
    with Client(wide.url, manifest="wide") as client:
        session = _session(client, is_told)
        assert session.input("x").value == "asked"
        assert session.pre_tool_call("search", {"q": "x"}, id="1").value == {"q": "called"}
        assert session.post_tool_call("search", {"q": "x"}, {"any": "thing"}).value == "found"
        assert session.output("x").value == "said"


@pytest.mark.parametrize("is_told", [True, False])
def test_a_transform_of_what_the_host_cannot_change(wide: Service, is_told: bool) -> None:
    """The name of a tool is not the host's to change."""
    with Client(wide.url, manifest="wide") as client, pytest.raises(Denied) as raised:
        _session(client, is_told).pre_tool_call("search", {"q": "name"})
    assert (raised.value.cause, raised.value.decision.message) == (
        "write_back",
        "the transform changes what the host cannot change",
    )


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"policy_input": []},
        {"policy_input": {"policy_target": {"path": 3}}},
        {"policy_input": {"policy_target": {"path": "$snap.input.body"}}, "manifest_digest": "sha256:2"},
    ],
)
def test_a_target_that_cannot_be_learnt_is_no_permit(answer: dict[str, Any]) -> None:
    """Nor is that of another manifest, which was loaded in between."""
    transformed = {
        "verdict": {"decision": "transform"},
        "transformed_policy_target_applied": True,
        "transformed_policy_target": "changed",
        "manifest_digest": "sha256:1",
    }
    told = ALLOW | {"mode": "evaluate_only", "manifest_digest": "sha256:1"} | answer
    with (
        canned(reply(ALLOW | transformed), reply(told)) as server,
        Client(server.url) as client,
        pytest.raises(Unavailable) as raised,
    ):
        client.session("a", points={"input"}).input("x")
    assert (raised.value.cause, raised.value.decision.message) == (
        "protocol",
        "the policy target of the manifest cannot be learnt",
    )


def test_a_manifest_that_was_loaded_in_between() -> None:
    """A verdict of a newer manifest is put back by the target of that one."""
    listed = {"name": "m", "digest": "sha256:1", "points": ["input"], "default": True}
    held = {
        "digest": "sha256:1",
        "manifest": {"intervention_points": {"input": {"policy_target": "$snap.input.body"}}},
    }
    applied = {
        "verdict": {"decision": "transform"},
        "transformed_policy_target_applied": True,
        "transformed_policy_target": {"body": "changed", "source": "user"},
        "manifest_digest": "sha256:2",
    }
    seen = {"policy_input": {"policy_target": {"path": "$snap.input"}}, "manifest_digest": "sha256:2"}
    answers = [{"manifests": [listed]}, held, ALLOW | applied, ALLOW | {"mode": "evaluate_only"} | seen]
    with canned(*map(reply, answers)) as server, Client(server.url) as client:
        assert client.session("a").input("x").value == "changed"
