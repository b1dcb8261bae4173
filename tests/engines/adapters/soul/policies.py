"""Policies of governance files and their inputs, for tests."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from acs_sidecar.engines.adapters.soul.adapter import adapter
from acs_sidecar.engines.compilation import CompiledPolicies
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import ManifestFacts, PolicyInput
from acs_sidecar.spec.values import Json
from tests.engines.adapters.compiling import compiled_alone
from tests.engines.adapters.soul.vectors import text_of

__all__ = ["STANDARD", "STARTUP", "TOOL_CALL", "compiled", "decide", "digest_of", "start"]

STARTUP = InterventionPoint.AGENT_STARTUP
TOOL_CALL = InterventionPoint.PRE_TOOL_CALL
STANDARD = text_of("standard.md")
"""A file at the level `standard` of its tier."""


def digest_of(text: str) -> str:
    """The digest of a text's bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def compiled(
    document: str | None = STANDARD,
    points: Sequence[InterventionPoint] = (STARTUP,),
    files: Mapping[str, bytes] | None = None,
    **members: Any,
) -> CompiledPolicies:
    """Compile a policy `soul` over a text, or over the file that `members` name. Raises `ManifestError`."""
    given: dict[str, Json] = {} if document is None else {"document": document}
    definition = {"type": "custom", "adapter": "soul", "tier": "tool-using", **given, **members}
    definition = {name: value for name, value in definition.items() if value is not ...}
    facts = ManifestFacts(version="0.3.1-beta")
    return compiled_alone("soul", adapter, definition, points, files or {}, facts)


def decide(policies: CompiledPolicies, snapshot: Json, point: InterventionPoint = TOOL_CALL) -> str:
    """The verdict as `decision:reason`, or as `decision`."""
    value: dict[str, Json] = {
        "intervention_point": point.value,
        "policy_target": {"kind": None, "path": "$snap", "value": snapshot},
        "snapshot": snapshot,
        "annotations": {},
        "tool": None,
    }
    output = policies.evaluators[point].evaluate(PolicyInput(value, canonical(value))).value
    assert isinstance(output, dict)
    return ":".join(str(output[name]) for name in ("decision", "reason") if name in output)


def start(**governance: Json) -> Json:
    """The snapshot of a start, with what the host says about the governance file."""
    return {"agent_init": {"governance": governance}}
