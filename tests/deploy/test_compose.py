"""The compose file, its example agent and the image's recipe."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from compose_spec.models import ComposeSpecification

from tests.conftest import ROOT, Start

BIN = Path(sys.executable).parent


def compose() -> dict[str, Any]:
    """The compose file as it stands."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def test_the_compose_file_keeps_to_the_specification() -> None:
    """The model of the compose specification accepts it."""
    ComposeSpecification.model_validate(compose())


def test_every_file_that_the_compose_file_mounts_is_there() -> None:
    """A bind mount of a missing file would become an empty directory."""
    mounts = [mount for service in compose()["services"].values() for mount in service["volumes"]]
    sources = [mount.partition(":")[0] for mount in mounts if mount.startswith("./")]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_only_grafana_and_prometheus_can_be_reached_from_outside() -> None:
    """The sidecar's port is published nowhere, and what is published is published on loopback."""
    services = compose()["services"]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:9090:9090", "127.0.0.1:3000:3000"]
    assert services["acs-sidecar"]["network_mode"] == "service:agent"


def test_the_recipe_of_the_image_passes_its_linter() -> None:
    """hadolint has nothing to say about the Dockerfile."""
    done = subprocess.run(
        [BIN / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_example_agent_obeys_its_sidecar(start: Start) -> None:
    """It goes on after an allow, stops at an escalation and a deny, and every step was asked."""
    service = start("--manifests", str(ROOT / "manifests"))
    settings = {"ACS_URL": service.url, "AGENT_ROUNDS": "1", "AGENT_PAUSE_S": "0"}
    agent = [sys.executable, str(ROOT / "deploy/compose/agent.py")]
    done = subprocess.run(agent, env=settings, capture_output=True, text=True, check=True, timeout=60)
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    points = [step["point"] for step in steps]
    decisions = [step["decision"] for step in steps]
    assert points == [
        "agent_startup",
        "input", "pre_tool_call", "output",
        "input", "pre_tool_call", "output",
        "input", "pre_tool_call",
        "input",
    ]  # fmt: skip
    assert [decision for decision in decisions if decision != "warn"] == [
        "allow",
        "allow", "allow", "transform",
        "allow", *(["allow"] if "warn" not in decisions else []), "transform",
        "allow", "escalate",
        "deny",
    ]  # fmt: skip


def test_an_agent_without_its_sidecar_does_nothing() -> None:
    """Nobody who answers is a deny: the agent does not start."""
    settings = {"ACS_URL": "http://127.0.0.1:1", "AGENT_PAUSE_S": "0.1"}
    agent = [sys.executable, "-u", str(ROOT / "deploy/compose/agent.py")]
    with subprocess.Popen(agent, env=settings, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.kill()
    denied = {"point": "agent_startup", "decision": "deny", "reason": "sidecar_unreachable"}
    assert lines == [denied] * 3
