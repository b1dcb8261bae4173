"""The vectors of section 7.11, each as a policy, a snapshot and what must come out."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from acs_sidecar.engines.adapters.agt_rules.documents.members import STAGES
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import Json
from tests.conftest import ROOT
from tests.engines.adapters.agt_rules.policies import PRE_TOOL, written
from tests.engines.adapters.agt_rules.roots import context_of

__all__ = ["CONDITIONS", "DECIDED", "REFUSED", "Vector"]

_GIVEN: dict[str, list[list[Any]]] = json.loads((ROOT / "tests" / "vectors" / "agt-rules.json").read_text())


@dataclass(frozen=True)
class Vector:
    """Rule documents with the other members of their policy, asked at a point about a snapshot.

    `outcome` is `decision`, `decision:reason`, or the code of the finding that refuses the documents;
    `toolkit` is `=` where the toolkit's package decides the same.
    """

    name: str
    documents: tuple[Json, ...]
    members: dict[str, Any]
    outcome: str
    toolkit: str
    point: InterventionPoint = PRE_TOOL
    snapshot: Json = None

    @property
    def manifest(self) -> dict[str, Json]:
        """A manifest that binds the policy at the point."""
        policy = {"type": "custom", "adapter": "agt_rules", "documents": [*self.documents], **self.members}
        return {
            "agent_control_specification_version": "0.3.1-beta",
            "policies": {"agt": policy},
            "intervention_points": {self.point.value: {"policy_target": "$snap.x", "policy": {"id": "agt"}}},
        }

    @property
    def expected(self) -> dict[str, Json]:
        """The decision, and the reason or its absence."""
        decision, _, reason = self.outcome.partition(":")
        return {"decision": decision, "reason": reason or None}


def _conditions() -> Iterator[Vector]:
    for condition, action, default, x, outcome, toolkit in _GIVEN["conditions"]:
        yield Vector(
            json.dumps([condition, action, default, x]),
            (_one_rule(condition, action, default),),
            {"context": context_of(condition, x)},
            outcome,
            toolkit,
            snapshot={"x": x},
        )


def _strategies() -> Iterator[Vector]:
    for strategy, documents, extra, outcome, toolkit in _GIVEN["strategies"]:
        counts = extra.get("counts", {})
        yield Vector(
            json.dumps([strategy, documents, extra]),
            tuple(document for given in documents for document in _documents(given)),
            {"conflict_strategy": strategy, "context": {"on": "$snap.x.on"}},
            outcome.removeprefix("error:"),
            toolkit,
            STAGES[extra.get("stage", "pre_tool")],
            {"x": {"on": True}, "envelope": {"agent": {"id": "a"}, "counters": {"agt": counts}}},
        )


def _refusals() -> Iterator[Vector]:
    for condition, outcome, toolkit in _GIVEN["refused"]:
        document = _one_rule(condition, "deny", "allow")
        yield Vector(
            condition or "empty", (document,), {"arguments": "named"}, outcome.removeprefix("error:"), toolkit
        )


def _one_rule(condition: Json, action: str, default: str) -> dict[str, Json]:
    rule: dict[str, Json] = {"name": "r", "condition": condition, "action": action}
    if isinstance(condition, dict):
        return {"name": "d", "defaults": {"action": default}, "rules": [rule]}
    return written("d", [rule], default_action=default)


def _documents(given: dict[str, Any]) -> list[Json]:
    """The document of a row, behind the parents that stand in its `extends`."""
    parents = given.get("extends", [])
    rules = [
        {"name": name, "condition": "on", "action": action, "priority": priority, **dict(*more)}
        for name, action, priority, *more in given["rules"]
    ]
    document = written(
        given["name"],
        rules,
        default_action=given["default"],
        **{name: given[name] for name in ("scope", "agents") if name in given},
        **({"extends": [parent["name"] for parent in parents]} if parents else {}),
    )
    return [document, *(found for parent in parents for found in _documents(parent))]


CONDITIONS = tuple(_conditions())
_ALL = (*CONDITIONS, *_strategies(), *_refusals())
REFUSED = tuple(vector for vector in _ALL if vector.outcome.startswith("agt-"))
DECIDED = tuple(vector for vector in _ALL if vector not in REFUSED)
