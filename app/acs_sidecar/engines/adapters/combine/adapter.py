"""Asks several policies of the manifest on one policy input and gives the strictest verdict (section 17)."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from acs_sidecar.engines.adapters.combine.strictest import strictest
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.explanation import MAX_EXPLANATION_BYTES, fitting
from acs_sidecar.spec.manifest.combination import COMBINE, MAX_COMBINED
from acs_sidecar.spec.manifest.declaration import Member
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.policy_statement import PolicyStatement
from acs_sidecar.spec.ports import (
    CompiledPolicy,
    CompileRequest,
    Evaluator,
    ExplainingEvaluator,
    PointBinding,
    PolicyInput,
    PolicyOutput,
)
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Verdict, apply_transform, normalise

__all__ = ["adapter"]

MEMBERS: Mapping[str, Member] = {
    "policies": Member(
        "The policies of this manifest that are asked, in order: 1 to 16 names, none of a combination.",
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_COMBINED},
    ),
    "members": Member(
        "Name of a combined policy → the members that this binding overlays.", {"type": "object"}
    ),
}
_OVERLAID = frozenset({"query"})
_ROOM_BYTES = 8_192
"""What an explanation takes besides those of the members."""


@dataclass(frozen=True, slots=True)
class _Combination:
    policies: Mapping[str, CompiledPolicy]
    statement: PolicyStatement = field(default_factory=PolicyStatement)

    def bind(self, binding: PointBinding) -> Evaluator:
        """Bind every member to the point, with its own overlay."""
        overlays = binding.members.get("members", {})
        if findings := [*_wrong_overlays(f"{binding.path}.members", overlays, self.policies)]:
            raise ManifestError(findings)
        bound = []
        for name, policy in self.policies.items():
            overlay = overlays.get(name) if isinstance(overlays, dict) else None
            members = overlay if isinstance(overlay, dict) else {}
            one = replace(binding, members=members, path=f"{binding.path}.members.{name}")
            bound.append((name, policy.bind(one)))
        return _CombinedEvaluator(tuple(bound))


@dataclass(frozen=True, slots=True)
class _CombinedEvaluator:
    members: tuple[tuple[str, Evaluator], ...]

    def explain(self, policy_input: PolicyInput) -> dict[str, Json]:
        """Return what each member says, with its own explanation; all have an equal share of the room."""
        output, outcomes = self._ask(policy_input)
        share = (MAX_EXPLANATION_BYTES - _ROOM_BYTES) // len(self.members)
        policies: list[Json] = []
        for (_, evaluator), outcome in zip(self.members, outcomes, strict=True):
            told = evaluator.explain(policy_input) if isinstance(evaluator, ExplainingEvaluator) else {}
            policies.append({**outcome, "explain": fitting(told, share) or None})
        decided_by = output.notes.get("decided_by") if output.notes else None
        return {"kind": COMBINE, "decided_by": decided_by, "policies": policies}

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Ask every member; the failure of any is the outcome."""
        output, _ = self._ask(policy_input)
        return output

    def _ask(self, policy_input: PolicyInput) -> tuple[PolicyOutput, list[dict[str, Json]]]:
        """Return the output, and the outcome of each member."""
        target = _target(policy_input)
        verdicts: list[Verdict] = []
        shown: list[dict[str, Json]] = []
        failure: tuple[str, EvaluationError] | None = None
        for name, evaluator in self.members:
            started = time.perf_counter_ns()
            try:
                verdict = _verdict(evaluator.evaluate(policy_input), target)
                verdicts.append(verdict)
                outcome: dict[str, Json] = {"decision": verdict.decision.value}
            except EvaluationError as error:
                failure = failure or (name, error)
                outcome = {"error": error.reason.value}
            duration = (time.perf_counter_ns() - started) / 1000
            shown.append({"policy": name, **outcome, "duration_us": duration})
        trace: dict[str, Json] = {"policies": [*shown]}
        if failure:
            return PolicyOutput(None, trace, {"decided_by": failure[0]}, failure[1]), shown
        try:
            combined = strictest(verdicts, target)
        except EvaluationError as error:
            return PolicyOutput(None, trace, {"decided_by": None}, error), shown
        decided_by = None if combined.decided_by is None else self.members[combined.decided_by][0]
        return PolicyOutput(combined.verdict.as_json(), trace, {"decided_by": decided_by}), shown


def _target(policy_input: PolicyInput) -> Json:
    target = policy_input.value["policy_target"]
    return target["value"] if isinstance(target, dict) else None


def _verdict(output: PolicyOutput, target: Json) -> Verdict:
    """Normalise what one member says, as if it stood alone. Raises `EvaluationError`."""
    if output.failure is not None:
        raise output.failure
    try:
        canonical(output.value)
    except TypeError:
        raise EvaluationError(Reason.POLICY_OUTPUT_INVALID, "the policy output is not JSON") from None
    verdict = normalise(output.value)
    if verdict.transform is not None:
        apply_transform(verdict.transform, target)
    return verdict


def _wrong_overlays(path: str, overlays: Json, policies: Mapping[str, CompiledPolicy]) -> list[Diagnostic]:
    if not isinstance(overlays, dict):
        return [Diagnostic("wrong-type", "must map names of combined policies to members", path)]
    findings = []
    for name, overlay in overlays.items():
        if name not in policies:
            findings.append(
                Diagnostic("name-unknown", "is not one of the combined policies", f"{path}.{name}")
            )
        elif not isinstance(overlay, dict):
            findings.append(Diagnostic("wrong-type", "must be an object", f"{path}.{name}"))
        else:
            findings.extend(
                Diagnostic(
                    "member-not-allowed",
                    "a combination overlays `query` alone: declare another policy",
                    f"{path}.{name}.{member}",
                )
                for member in overlay
                if member not in _OVERLAID
            )
    return findings


class _CombineAdapter:
    name = COMBINE
    inline_safe = True
    members = MEMBERS

    def compile(self, request: CompileRequest) -> _Combination:
        """Check the names; the policies themselves come compiled."""
        path, names = f"{request.path}.policies", request.definition.get("policies")
        if not isinstance(names, list) or not 1 <= len(names) <= MAX_COMBINED:
            message = f"must be a list of 1 to {MAX_COMBINED} names of policies"
            raise ManifestError([Diagnostic("member-missing", message, path)])
        findings = []
        for place, name in enumerate(names):
            if name in names[:place]:
                message = "is named twice: remove one"
                findings.append(Diagnostic("value-not-allowed", message, f"{path}[{place}]"))
            elif not isinstance(name, str) or name not in request.policies:
                message = "must be the name of a policy of this manifest that combines no others"
                findings.append(Diagnostic("name-unknown", message, f"{path}[{place}]"))
        if findings:
            raise ManifestError(findings)
        return _Combination({str(name): request.policies[str(name)] for name in names})


adapter = _CombineAdapter()
