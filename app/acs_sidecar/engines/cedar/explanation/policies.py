"""Which policies of a set decided a request, and which of their conditions held (section 2.7).

The engine tells which policies determine its decision, and nothing of the others: the conditions of those
whose scope holds are put to it as permits of their own, all in one request.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.explanation.conditions import Condition, conditions_of
from acs_sidecar.engines.cedar.slicing.failures import failed_policy_id, failure_of
from acs_sidecar.engines.cedar.slicing.scopes import ScopedPolicy
from acs_sidecar.engines.cedar.uids import EngineUid
from acs_sidecar.spec.explanation import MAX_LISTED, listed, shortened
from acs_sidecar.spec.values import Json

__all__ = ["CedarRequest", "policies_explained"]

_MAX_POLICY_TEXT = 2_000


@dataclass(frozen=True, slots=True)
class CedarRequest:
    """One request as the engine is given it."""

    entities: engine.Entities
    principal: EngineUid
    action: EngineUid
    resource: EngineUid
    context: Json

    def put_to(self, policies: engine.PolicySet) -> dict[str, Any]:
        """Return the engine's answer."""
        return engine.authorize(
            policies,
            self.entities,
            principal=self.principal,
            action=self.action,
            resource=self.resource,
            context=self.context,
        )


def policies_explained(
    request: CedarRequest, policies: Sequence[ScopedPolicy], determining: frozenset[tuple[int, ...]]
) -> dict[str, Json]:
    """Return the request and the `policies` whose scope it meets, those that decided first.

    `determining` are the positions of these.

    Of the others some condition did not hold, or a stronger policy decided.
    """
    parts = ("principal", "action", "resource")
    met = sorted(policies, key=lambda one: one.policy.position not in determining)
    shown = {one.policy.position: _ExplainedPolicy.of(one) for one in met[:MAX_LISTED]}
    results = _Results.of(request, shown.values())

    def told(one: ScopedPolicy) -> Json:
        place = one.policy.position
        return shown[place].told(results, place in determining)

    return {
        "kind": "cedar",
        **{part: _uid_text(getattr(request, part)) for part in parts},
        **listed("policies", met, told),
    }


@dataclass(frozen=True, slots=True)
class _Results:
    """Which parts of conditions hold, and the errors in which others end, by their texts."""

    held: frozenset[str]
    failed: Mapping[str, str]

    @classmethod
    def of(cls, request: CedarRequest, policies: Iterable["_ExplainedPolicy"]) -> "_Results":
        parts = list(
            dict.fromkeys(
                part for one in policies for condition in one.conditions for part in condition.parts
            )
        )
        by_id = {engine.numbered_id(position): part for position, part in enumerate(parts)}
        permits = "\n".join(f"permit (principal, action, resource) when {{ {part} }};" for part in parts)
        diagnostics = request.put_to(engine.parse_policies(permits))["diagnostics"]
        return cls(
            frozenset(by_id[one] for one in diagnostics["reason"]),
            {by_id[failed_policy_id(error)]: failure_of(error) for error in diagnostics["errors"]},
        )

    def holds(self, part: str) -> str:
        """Return `true`, `false` or `error`."""
        if part in self.held:
            return "true"
        return "error" if part in self.failed else "false"


@dataclass(frozen=True, slots=True)
class _ExplainedPolicy:
    scoped: ScopedPolicy
    policy: Mapping[str, Any]
    conditions: tuple[Condition, ...]

    @classmethod
    def of(cls, scoped: ScopedPolicy) -> "_ExplainedPolicy":
        return cls(scoped, engine.parse_policy(scoped.text), tuple(conditions_of(scoped.text)))

    def told(self, results: _Results, determining: bool) -> dict[str, Json]:
        """Return the policy, and what of each of its conditions stood in its way."""
        at = self.scoped.at
        return {
            "policy": self.scoped.policy.name,
            "at": at.path if at.line is None else f"{at.source}:{at.line}",
            "effect": self.policy["effect"],
            "annotations": {
                name: None if value is None else shortened(value)
                for name, value in self.policy.get("annotations", {}).items()
            },
            "text": shortened(self.scoped.text, _MAX_POLICY_TEXT),
            "determining": determining,
            "conditions": [_condition_told(one, results) for one in self.conditions],
        }


def _condition_told(condition: Condition, results: _Results) -> dict[str, Json]:
    wanted = "true" if condition.kind == "when" else "false"
    stopping = next((part for part in condition.parts if results.holds(part) != wanted), None)
    told: dict[str, Json] = {
        "kind": condition.kind,
        "text": shortened(condition.text),
        "met": stopping is None,
    }
    if stopping:
        told |= {"stopped_by": shortened(stopping), "stopped_by_result": results.holds(stopping)}
        if error := results.failed.get(stopping):
            told["error"] = error
    return told


def _uid_text(uid: EngineUid) -> str:
    return shortened(f'{uid["type"]}::"{uid["id"]}"')
