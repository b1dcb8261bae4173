"""Which policies of a set decided a request, and which of their conditions held (section 2.7).

The engine tells which policies determine its decision, and nothing of the others: the conditions of those
whose scope holds are put to it as permits of their own, all in one request.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.slicing.scopes import ScopedPolicy
from acs_sidecar.engines.cedar.uids import EngineUid
from acs_sidecar.spec.explanation import MAX_LISTED, listed, shortened
from acs_sidecar.spec.values import Json

__all__ = ["CedarRequest", "policies_explained"]

_MAX_POLICY_TEXT = 2_000
_ERROR = re.compile(r"error while evaluating policy `(?P<part>[0-9.]+)`: (?P<error>.*)", re.DOTALL)
_WRITTEN = ("permit(principal, action, resource) when { ", " };")


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
    request: CedarRequest, policies: Sequence[ScopedPolicy], determining: frozenset[str]
) -> dict[str, Json]:
    """Return the request and the `policies` whose scope it meets, those that decided (`determining`) first.

    Of the others some condition did not hold, or a stronger policy decided.
    """
    parts = ("principal", "action", "resource")
    met = sorted(range(len(policies)), key=lambda number: policies[number].policy.name not in determining)
    shown = {
        number: _ExplainedPolicy(policies[number], engine.parse_policy(policies[number].text))
        for number in met[:MAX_LISTED]
    }
    results = _Results.of(request, shown)

    def told(number: int) -> Json:
        return shown[number].told(results, number, policies[number].policy.name in determining)

    return {
        "kind": "cedar",
        **{part: _uid_text(getattr(request, part)) for part in parts},
        **listed("policies", met, told),
    }


@dataclass(frozen=True, slots=True)
class _Results:
    """Which parts of conditions hold, and the errors in which others end, by their ids."""

    held: frozenset[str]
    failed: Mapping[str, str]

    @classmethod
    def of(cls, request: CedarRequest, policies: Mapping[int, "_ExplainedPolicy"]) -> "_Results":
        parts = {
            part_id: {"conditions": [{"kind": "when", "body": body}]}
            for number, policy in policies.items()
            for _, part_id, body in policy.parts(number)
        }
        diagnostics = request.put_to(engine.parse_permits(parts))["diagnostics"]
        failed = [found for error in diagnostics["errors"] if (found := _ERROR.fullmatch(error))]
        return cls(frozenset(diagnostics["reason"]), {found["part"]: found["error"] for found in failed})

    def holds(self, part_id: str) -> str:
        """Return `true`, `false` or `error`."""
        if part_id in self.held:
            return "true"
        return "error" if part_id in self.failed else "false"


@dataclass(frozen=True, slots=True)
class _ExplainedPolicy:
    scoped: ScopedPolicy
    policy: Mapping[str, Any]

    def parts(self, number: int) -> Iterator[tuple[int, str, Any]]:
        """Yield the parts of each condition that must hold (`when`), or of which none may (`unless`)."""
        for place, condition in enumerate(self.policy["conditions"]):
            operator = "&&" if condition["kind"] == "when" else "||"
            for index, body in enumerate(_operands(condition["body"], operator)):
                yield place, f"{number}.{place}.{index}", body

    def told(self, results: _Results, number: int, determining: bool) -> dict[str, Json]:
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
            "conditions": [*self._conditions(results, number)],
        }

    def _conditions(self, results: _Results, number: int) -> Iterator[Json]:
        for place, condition in enumerate(self.policy["conditions"]):
            wanted = "true" if condition["kind"] == "when" else "false"
            stopping = next(
                (
                    (found, part_id, body)
                    for of, part_id, body in self.parts(number)
                    if of == place and (found := results.holds(part_id)) != wanted
                ),
                None,
            )
            told: dict[str, Json] = {
                "kind": condition["kind"],
                "text": shortened(_text(condition["body"])),
                "met": stopping is None,
            }
            if stopping:
                result, part_id, body = stopping
                told |= {"stopped_by": shortened(_text(body)), "stopped_by_result": result}
                if error := results.failed.get(part_id):
                    told["error"] = shortened(error)
            yield told


def _operands(body: Mapping[str, Any], operator: str) -> Iterator[Mapping[str, Any]]:
    """Yield the operands of a chain of one operator, in the order in which they are evaluated."""
    pending = [body]
    while pending:
        one = pending.pop()
        if operator in one:
            pending += (one[operator]["right"], one[operator]["left"])
        else:
            yield one


def _text(body: Mapping[str, Any]) -> str:
    anything = {part: {"op": "All"} for part in ("principal", "action", "resource")}
    policy = {"effect": "permit", **anything, "conditions": [{"kind": "when", "body": body}]}
    return engine.policy_text(policy).strip().removeprefix(_WRITTEN[0]).removesuffix(_WRITTEN[1])


def _uid_text(uid: EngineUid) -> str:
    return shortened(f'{uid["type"]}::"{uid["id"]}"')
