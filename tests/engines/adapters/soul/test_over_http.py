"""Governance files and tool calls of the vectors as inline manifests, over HTTP (section 11.7)."""

from collections.abc import Iterator
from typing import Any

import pytest

from acs_sidecar.engines.adapters.soul.controls import Tier
from acs_sidecar.engines.adapters.soul.score import GovernanceLevel
from tests.conftest import Service
from tests.engines.adapters.serving import inline_service
from tests.engines.adapters.soul.policies import STANDARD, digest_of
from tests.engines.adapters.soul.test_guard import VECTORS
from tests.engines.adapters.soul.vectors import EXPECTED, text_of

pytestmark = pytest.mark.server


@pytest.fixture(scope="module", params=["trusted", "sandboxed"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose inline manifests may use the adapter."""
    yield from inline_service(tmp_path_factory.mktemp("soul"), request.param, "soul")


def manifest(document: str, tier: str) -> dict[str, Any]:
    """A manifest that binds a governance file where the agent starts and calls tools."""
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {
            "soul": {
                "type": "custom",
                "adapter": "soul",
                "document": document,
                "tier": tier,
                "minimum_level": "none",
                "recommended_level": "hardened",
            }
        },
        "intervention_points": {
            "agent_startup": {"policy_target": "$snap.agent_init", "policy": {"id": "soul"}},
            "pre_tool_call": {"policy_target": "$snap.tool_call.args", "policy": {"id": "soul"}},
        },
    }


def verdict_of(service: Service, document: str, tier: str, point: str, snapshot: Any) -> dict[str, Any]:
    """The verdict on one request."""
    body = {"manifest": manifest(document, tier), "intervention_point": point, "snapshot": snapshot}
    status, response = service.post("/v1/evaluate", body)
    assert status == 200, response
    verdict: dict[str, Any] = response["verdict"]
    return verdict


def test_files_over_http(service: Service) -> None:
    """The evidence of a start has level and score of each file."""
    for vector in EXPECTED["files"]:
        text = text_of(vector["file"])
        snapshot = {"agent_init": {"governance": {"content": text}}}
        verdict = verdict_of(service, text, vector["tier"], "agent_startup", snapshot)
        level = GovernanceLevel(vector["level"])
        expected = (
            ("deny", "soul_level_below_minimum")
            if not vector["measured"]
            else ("allow", None)
            if level is GovernanceLevel.HARDENED
            else ("warn", "soul_level_below_recommended")
        )
        assert (verdict["decision"], verdict.get("reason")) == expected
        assert verdict["evidence"]["artefact"] == f"soul:{level}:{vector['score']}:{digest_of(text)[:16]}"


def test_calls_over_http(service: Service) -> None:
    """Every call of the vectors is decided as in this process."""
    for vector in VECTORS:
        snapshot = {"tool_call": {"name": "write_file", "args": vector["args"]}}
        verdict = verdict_of(service, STANDARD, Tier.BASIC.value, "pre_tool_call", snapshot)
        assert verdict["decision"] == vector["decision"], vector
        reason = "soul_governance_write" if vector["decision"] == "deny" else "not_applicable"
        assert verdict["reason"] == reason
