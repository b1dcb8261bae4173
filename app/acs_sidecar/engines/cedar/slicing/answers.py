"""What an answer of the engine means: the verdict, and the policies that determine it (section 1.7.1)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.advice import Advice, winning
from acs_sidecar.engines.cedar.slicing.failures import failed_policy_id, failure_of
from acs_sidecar.spec.ports import PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

__all__ = ["NO_MATCHING_POLICY", "NamedPolicy", "PolicySlice"]

NO_MATCHING_POLICY = "no_matching_policy"

_MAX_TOLD = 3
"""Policies that the detail of a failure names."""


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """A policy as its decisions need it.

    `name` is its `@id`, or the engine's id; of a linked policy, the id of its link. `reason` is the `@id`,
    which a linked policy has from its template, or the name. `position` is that in the source, and behind
    it that of the link. One that `only_advises` permits nothing that no other policy permits.
    """

    name: str
    reason: str
    position: tuple[int, ...]
    advice: Advice | EvaluationError | None
    only_advises: bool = False


@dataclass(frozen=True, slots=True)
class PolicySlice:
    """Policies that are put to the engine together, and the policy of each id in its answer."""

    handle: engine.PolicySet
    by_id: Mapping[str, NamedPolicy]

    @classmethod
    def of(cls, text: str, policies: Sequence[NamedPolicy]) -> "PolicySlice":
        """Parse the text of some policies, given in its order."""
        by_id = {engine.numbered_id(position): policy for position, policy in enumerate(policies)}
        return cls(engine.parse_policies(text), by_id)

    def output(self, answer: Mapping[str, Any], given: Mapping[str, Json]) -> PolicyOutput:
        """Interpret a response of the engine to the policy input `given`.

        Raises `EvaluationError`: with `policy_invocation_failed` for a request that was not decided and
        for any policy that ended in an error, and as advice demands.
        """
        diagnostics = answer["diagnostics"]
        if diagnostics["errors"]:
            raise self._failed(diagnostics["errors"])
        determining = self._in_order(diagnostics["reason"])
        trace: dict[str, Json] = {"determining": [policy.name for policy in determining]}
        match answer["decision"]:
            case "Allow":
                return PolicyOutput(_allowed(determining, given), trace)
            case "Deny":
                reason = determining[0].reason if determining else NO_MATCHING_POLICY
                return PolicyOutput({"decision": "deny", "reason": reason}, trace)
            case _:
                raise self._failed([])

    def _in_order(self, ids: Sequence[str]) -> list[NamedPolicy]:
        policies = [self.by_id[policy_id] for policy_id in ids]
        if len(policies) > 1:
            policies.sort(key=lambda policy: policy.position)
        return policies

    def _failed(self, errors: Iterable[str]) -> EvaluationError:
        """Name the policies that failed, in their order, and why."""
        why = {failed_policy_id(error): failure_of(error) for error in errors}
        ids = sorted(why.keys() & self.by_id.keys(), key=lambda one: self.by_id[one].position)
        told = [f"policy `{self.by_id[one].name}` failed: {why[one]}" for one in ids[:_MAX_TOLD]]
        if len(ids) > _MAX_TOLD:
            told.append(f"{len(ids) - _MAX_TOLD} more failed")
        detail = "; ".join(told) or "the engine could not decide the request"
        return EvaluationError(Reason.POLICY_INVOCATION_FAILED, detail)


def _allowed(determining: Sequence[NamedPolicy], policy_input: Mapping[str, Json]) -> dict[str, Json]:
    if all(policy.only_advises for policy in determining):
        return {"decision": "deny", "reason": NO_MATCHING_POLICY}
    given: list[Advice] = []
    for policy in determining:
        match policy.advice:
            case EvaluationError(reason=reason, detail=detail):
                raise EvaluationError(reason, f"policy `{policy.name}`: {detail}")
            case Advice() as advice:
                given.append(advice)
    winner = winning(given) if given else None
    return winner.answered(policy_input) if winner else {"decision": "allow"}
