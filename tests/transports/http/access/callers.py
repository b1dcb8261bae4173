"""Callers with tokens, and what they ask for."""

import json
from hashlib import sha256
from typing import Any

from tests.conftest import Service

__all__ = ["MANIFEST", "SUPPORT", "bearer", "entry", "evaluate"]

MANIFEST: dict[str, Any] = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
    "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
}
SUPPORT = {"envelope": {"agent": {"id": "support-1"}}}


def entry(token: str, *scopes: str, **members: Any) -> dict[str, Any]:
    return {"token_sha256": sha256(token.encode()).hexdigest(), "scopes": list(scopes), **members}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def evaluate(service: Service, token: str, **members: Any) -> tuple[int, Any]:
    request = {"snapshot": SUPPORT, **members}
    status, _, body = service.request("POST", "/v1/evaluate/input", request, bearer(token))
    return status, json.loads(body)
