"""The vectors of section 9.7: as requests of the harness, and as manifests with what must come out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from acs_sidecar.cli.policies.oags.vectors import Vector, load_vectors
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import Json
from tests.engines.adapters.oags.policies import ID, STARTUP, TOOL_CALL

__all__ = ["AS_MANIFESTS", "VECTORS", "ManifestVector"]

VECTORS = load_vectors()
_SUBJECTS = {
    "network_access": ("domain", "protocol"),
    "filesystem_access": ("path", "operation", "resolved"),
    "api_call": ("service",),
}


@dataclass(frozen=True)
class ManifestVector:
    """A policy, the point at which it is asked, a snapshot, and the outcome: `decision:reason` or `invalid`."""

    name: str
    document: Json
    members: dict[str, Any]
    point: InterventionPoint
    snapshot: dict[str, Json]
    outcome: str

    @property
    def manifest(self) -> dict[str, Json]:
        """A manifest that binds the policy at the point."""
        policy: dict[str, Json] = {
            "type": "custom",
            "adapter": "oags",
            "document": self.document,
            **self.members,
        }
        point: dict[str, Json] = {"policy_target": "$snap.target", "policy": {"id": "oags"}}
        return {
            "agent_control_specification_version": "0.3.1-beta",
            "policies": {"oags": policy},
            "intervention_points": {self.point.value: point},
            "approval": {"default_resolver": "people", "resolvers": {"people": {"type": "token"}}},
        }


def _as_manifests() -> Iterator[ManifestVector]:
    for vector in VECTORS:
        params = vector.request["params"]
        assert isinstance(params, dict)
        match vector.request["operation"]:
            case "calculate_sekuire_id":
                yield _startup(
                    vector,
                    {
                        "model": params["model"],
                        "system_prompt": params["systemPrompt"],
                        "tools": params["tools"],
                    },
                    {"expected_id": vector.expect["result"]},
                    "allow",
                )
            case "sign" if params["message"] == ID:
                public = str(params["secretKey"])[64:]
                signed = {"sekuire_id": ID, "signature": vector.expect["result"]}
                yield _startup(vector, signed, {"expected_id": ID, "signers": {"ci": public}}, "allow")
            case "verify":
                claim = params["message"] or ID
                signed = {"sekuire_id": claim, "signature": params["signature"]}
                members = {"expected_id": claim, "signers": {"ci": params["publicKey"]}}
                valid = vector.expect["result"] is True
                yield _startup(
                    vector, signed, members, "allow" if valid else "deny:identity.signature_invalid"
                )
            case "enforce_policy":
                yield _enforced(vector, params)


def _startup(
    vector: Vector, identity: dict[str, Json], members: dict[str, Any], outcome: str
) -> ManifestVector:
    snapshot: dict[str, Json] = {"target": {}, "agent_init": {"identity": identity}}
    return ManifestVector(vector.id, {}, members, STARTUP, snapshot, outcome)


def _enforced(vector: Vector, params: dict[str, Json]) -> ManifestVector:
    document, action = params["policy"], params["action"]
    assert isinstance(document, dict)
    assert isinstance(action, dict)
    outcome = _outcome(vector)
    members: dict[str, Any] = {"root": "/workspace"}
    kind = str(action["type"])
    if kind == "model_usage":
        model: dict[str, Json] = {"name": action["model"], "vendor": action["provider"]}
        point = InterventionPoint.PRE_MODEL_CALL
        return ManifestVector(vector.id, document, members, point, {"target": {}, "model": model}, outcome)
    if kind == "tool_execution":
        call: dict[str, Json] = {"name": action["tool"]}
        members["actions"] = {str(action["tool"]): []}
    else:
        call = {"name": "act", "args": action}
        names = {"resolved": "resolved_path"}
        template = {
            name: f"$snap.tool_call.args.{names.get(name, name)}"
            for name in _SUBJECTS.get(kind, ())
            if names.get(name, name) in action
        }
        members["actions"] = {"act": [{"type": kind, **template}]}
        document = {**document, "permissions": _with_tool(document.get("permissions", {}))}
    return ManifestVector(vector.id, document, members, TOOL_CALL, {"target": {}, "tool_call": call}, outcome)


def _with_tool(permissions: Json) -> Json:
    assert isinstance(permissions, dict)
    return {**permissions, "tools": {"allowed_tools": ["act"]}}


def _outcome(vector: Vector) -> str:
    if vector.expect.get("error"):
        return "invalid"
    if vector.expect["result"] == "allow":
        return "allow"
    rule = vector.expect["rule"]
    return f"escalate:{rule}" if rule == "tool.confirmation_required" else f"deny:{rule}"


AS_MANIFESTS = tuple(_as_manifests())
"""The vectors that have a manifest; hashes, signatures over other texts and unknown operations have none."""
