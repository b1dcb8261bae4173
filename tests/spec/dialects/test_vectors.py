"""Section 6: what the published reference gave for each input, and where this service deliberately differs."""

import asyncio
import json
from typing import Any

import pytest

from acs_sidecar.decision.answer import recorded_json
from acs_sidecar.decision.caller import Sender
from acs_sidecar.decision.refusal import Refused
from acs_sidecar.decision.request import read_evaluate
from tests.conftest import ROOT
from tests.decision.decider import decision_service

VECTORS = json.loads((ROOT / "tests" / "vectors" / "dialects.json").read_text())
SERVICE = decision_service()


def _deny(reason: str) -> dict[str, str]:
    return {"decision": "deny", "reason": f"runtime_error:{reason}"}


FORBIDDEN, INVALID = _deny("transform_target_forbidden"), _deny("transform_invalid")
DIFFERENT: dict[str, dict[str, Any]] = {
    # A transform that no host applies is none that a policy may ask for.
    "transform-alias": FORBIDDEN,
    "transform-startup": FORBIDDEN,
    "transform-unresolved": INVALID,
    "transform-wrong-type": INVALID,
    "transform-whole": {"decision": "transform", "reason": "r", "transform": {"path": "$target", "value": None}},
    # `limits` and 0.3 are known here; what a manifest binds is known before a request.
    "manifest-top-unknown": _deny("resource_limit_exceeded"),
    "version-0.3.1-beta": {"decision": "allow"},
    "point-unknown": _deny("intervention_point_unknown"),
    "manifest-rego-bundle-url": _deny("manifest_invalid"),
    # What Cedar cannot take for what the author wrote; nobody is let in as one agent and decided upon as another.
    "cedar-float": _deny("policy_invocation_failed"),
    "cedar-principal-both": _deny("request_invalid"),
    "cedar-float-integral": {"decision": "deny", "reason": "long"},
    "cedar-advice-old-root": FORBIDDEN,
    "cedar-advice-no-body": _deny("policy_output_invalid"),
    "cedar-advice-extra": _deny("policy_output_invalid"),
    "cedar-advice-bad-json": _deny("policy_output_invalid"),
    # Policies that read the world, or nothing, are found when they are compiled; a failing builtin fails closed.
    **dict.fromkeys(
        ("rego-missing-rule", "rego-http-send", "rego-http-send-deny", "rego-time", "rego-expression"),
        _deny("manifest_invalid"),
    ),
    "rego-builtin-error": _deny("policy_invocation_failed"),
    "test-output": {"decision": "allow", "warnings": [{}]},
}  # fmt: skip
ANNOTATED = {vector["id"] for vector in VECTORS["vectors"] if "annotator_outputs" in vector}


def _expanded(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"$repeat"}:
            character, times = value["$repeat"]
            return character * times
        return {name: _expanded(member) for name, member in value.items()}
    return [_expanded(item) for item in value] if isinstance(value, list) else value


def _manifest(vector: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a vector, whose policies of the host are test doubles here."""
    manifest = vector["manifest"]
    manifest = json.loads(json.dumps(VECTORS["manifests"]["base"] if manifest == "base" else manifest))
    for name, policy in manifest["policies"].items():
        if policy.get("adapter") == "vectors":
            failing = (
                {"error": "fails"} if vector.get("policy_fails") else {"output": vector.get("policy_output")}
            )
            manifest["policies"][name] = {"type": "test", **failing}
        policy.update({"modules": vector["modules"][name]} if name in vector.get("modules", {}) else {})
    return manifest  # type: ignore[no-any-return]  # it came out of JSON


def _verdict(vector: dict[str, Any], dialect: str) -> dict[str, Any]:
    vector = _expanded(vector)
    members = {
        "manifest": _manifest(vector),
        "intervention_point": vector["intervention_point"],
        "snapshot": vector["snapshot"],
        "dialect": dialect,
    }
    recorded = asyncio.run(SERVICE.decide(read_evaluate(members, None, 1_000), Sender(None, None)))
    if isinstance(recorded, Refused):
        return {"decision": "deny", "reason": recorded.error.reason.value}
    response = recorded_json(recorded, frozenset())
    assert response["dialect"] == dialect
    verdict = response["verdict"]
    assert isinstance(verdict, dict)
    if str(verdict.get("reason")).startswith("runtime_error:"):
        del verdict["message"]
    return verdict


@pytest.mark.parametrize(
    "vector",
    [vector for vector in VECTORS["vectors"] if vector["id"] not in ANNOTATED],
    ids=lambda vector: vector["id"],
)
def test_a_verdict_is_that_of_the_reference(vector: dict[str, Any]) -> None:
    """A manifest that the reference refuses is refused; every other input gives its verdict."""
    refused = _deny("manifest_invalid") if "activation_error" in vector else None
    expected = DIFFERENT.get(vector["id"]) or refused or vector["verdict"]
    assert _verdict(vector, "0.4") == _expanded(expected)


def test_what_differs_is_in_the_vectors() -> None:
    """An entry for a vector that is not there, or that differs no more, says nothing."""
    verdicts = {vector["id"]: vector.get("verdict") for vector in VECTORS["vectors"]}
    assert [name for name, ours in DIFFERENT.items() if verdicts[name] == ours] == []
