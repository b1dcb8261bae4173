"""`acs-sidecar audit agents`, with and without a registry (section 8.8)."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.assurance.registry import RegistryError, parse_registry
from tests.assurance.recorded import Recorded, payment, recorded
from tests.audit.log.logs import newest
from tests.cli.audit.verbs import changed, found, run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Record decisions for two agents, and a refusal that names none."""
    folder = tmp_path_factory.mktemp("agents")
    return recorded(folder, [payment(), payment(900), payment(agent={"id": "helper"})])


@pytest.fixture(autouse=True)
def _configured(place: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ACS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ACS_AUDIT_DIR", str(place.folder / "audit"))
    monkeypatch.setenv("ACS_MANIFESTS", str(place.folder / "manifests"))


def registry(tmp_path: Path, *entries: dict[str, Any]) -> str:
    """Write a registry; give its path."""
    path = tmp_path / "agents.json"
    path.write_text(json.dumps({"agents": [{"owner": "team", **entry} for entry in entries]}))
    return str(path)


def test_lists_who_was_seen(place: Recorded) -> None:
    """Agents with callers, points and decisions; a decision that names none is counted."""
    listed = found(run("agents", "--key", str(place.folder / "key.pem")))
    assert listed["unnamed_decisions"] == 1
    seven, helper = listed["agents"]
    assert (seven["agent_id"], seven["decisions"]) == ("agent-7", {"allow": 1, "escalate": 1})
    assert (helper["callers"], helper["points"], helper["findings"]) == (["host"], ["pre_tool_call"], [])
    assert seven["first_seen"] < seven["last_seen"]


@pytest.mark.parametrize(
    ("entry", "findings", "code"),
    [
        ({"id": "agent-*"}, [], 0),
        ({"id": "other"}, ["unknown"], 1),
        ({"id": "agent-7", "expires": "2020-01-01"}, ["expired"], 1),
        ({"id": "agent-7", "expires": "2999-01-01T00:00:00Z"}, [], 0),
        ({"id": "agent-7", "callers": ["batch-*"]}, ["wrong_caller"], 1),
        ({"id": "agent-7", "callers": ["ho?t"]}, [], 0),
        ({"id": "agent-7", "manifests": ["payments"]}, ["unbound"], 1),
    ],
)
def test_compares_with_a_registry(
    tmp_path: Path, entry: dict[str, Any], findings: list[str], code: int
) -> None:
    """Each finding for its reason; exit 1 on any of them."""
    result = run("agents", "--registry", registry(tmp_path, entry, {"id": "helper"}))
    rows = {row["agent_id"]: row for row in found(result)["agents"]}
    assert rows["agent-7"]["findings"] == findings
    assert rows["helper"]["findings"] == []
    assert result.exit_code == code


def test_an_agent_that_was_never_seen_is_no_fault(tmp_path: Path) -> None:
    """`silent` alone is exit 0."""
    path = registry(tmp_path, {"id": "agent-7"}, {"id": "helper"}, {"id": "sleeper-*"})
    result = run("agents", "--registry", path)
    assert found(result)["agents"][-1]["findings"] == ["silent"]
    assert result.exit_code == 0


def test_a_decision_without_a_caller_is_unauthenticated(tmp_path: Path) -> None:
    """Who let the agent in is not known."""
    other = recorded(tmp_path / "other", [payment()], caller=None)
    path = registry(tmp_path, {"id": "agent-7"})
    result = run("agents", "--registry", path, "--audit", str(other.folder / "audit"))
    assert found(result)["agents"][0]["findings"] == ["unauthenticated"]
    assert result.exit_code == 1


def test_a_changed_log_is_refused_with_a_key(tmp_path: Path) -> None:
    """With a key nothing is listed out of an unsound log."""
    other = recorded(tmp_path, [payment(agent={"id": "agent-1"})])
    changed(newest(tmp_path / "audit"))
    result = run("agents", "--audit", str(tmp_path / "audit"), "--key", str(other.folder / "key.pem"))
    assert (result.exit_code, result.stdout) == (1, "")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "must be a mapping with the one member `agents`, a list"),
        ({"agents": [1]}, "`agents[0]` must be a mapping"),
        ({"agents": [{"id": "a"}]}, "`agents[0].owner` must be a non-blank string"),
        (
            {"agents": [{"id": "a", "owner": "b", "caller": []}]},
            "`agents[0]` has the unknown member `caller`, did you mean `callers`?",
        ),
        (
            {"agents": [{"id": "a", "owner": "b", "callers": []}]},
            "`agents[0].callers` must be a list of non-empty strings",
        ),
        (
            {"agents": [{"id": "a", "owner": "b", "expires": "soon"}]},
            "`agents[0].expires` is not a date or time in ISO 8601",
        ),
        ({"agents": [{"id": "a", "owner": "b"}] * 2}, "`agents` has the id `a` twice"),
    ],
)
def test_a_registry_is_read_strictly(value: Any, message: str) -> None:
    """What is wrong is named by its member."""
    with pytest.raises(RegistryError) as raised:
        parse_registry(value)
    assert str(raised.value) == message
