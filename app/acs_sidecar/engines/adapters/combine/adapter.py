"""Asks several policies of the manifest on one policy input and gives the strictest verdict (section 17)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from acs_sidecar.engines.adapters.combine.evaluator import CombinedEvaluator
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.suggestions import did_you_mean
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.combination import COMBINE, MAX_COMBINED
from acs_sidecar.spec.manifest.declaration import Member
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.policy_statement import PolicyStatement
from acs_sidecar.spec.ports import (
    CompileRequest,
    Evaluator,
    MemberPolicy,
    PointBinding,
    is_idle,
)
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import Normalise

__all__ = ["adapter"]

MEMBERS: Mapping[str, Member] = {
    "policies": Member(
        "The policies of this manifest that are asked, in order: 1 to 16 names, none of a combination.",
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_COMBINED},
    ),
    "members": Member("Name of a combined policy → the members with which it is bound.", {"type": "object"}),
}


@dataclass(frozen=True, slots=True)
class _Combination:
    policies: Mapping[str, MemberPolicy]
    overlays: Mapping[str, JsonObject]
    limits: Limits
    normalised: Normalise
    warnings: list[Diagnostic] = field(default_factory=list)

    @property
    def statement(self) -> PolicyStatement:
        """The points at which no member has anything to say."""
        return PolicyStatement(tuple(self.warnings))

    def bind(self, binding: PointBinding) -> Evaluator:
        """Bind every member to the point, with its own overlay."""
        bound = []
        for name, policy in self.policies.items():
            path = f"{binding.path}.{member_path(('members', name))}"
            bound.append(policy.bind(replace(binding, members=self.overlays.get(name, {}), path=path)))
        if all(map(is_idle, bound)):
            self.warnings.append(_idle(binding.path))
        return CombinedEvaluator(tuple(self.policies), tuple(bound), self.limits, self.normalised)


def _idle(path: str) -> Diagnostic:
    message = "no combined policy has anything to say at this point: remove the binding, or add one that has"
    return Diagnostic("combine-idle", message, path, "warning")


def _wrong_overlays(
    policy: str, overlays: Json, policies: Mapping[str, MemberPolicy]
) -> Iterator[Diagnostic]:
    if not isinstance(overlays, dict):
        message = "must map names of combined policies to members"
        yield Diagnostic("wrong-type", message, f"{policy}.members")
        return
    for name, overlay in overlays.items():
        path = f"{policy}.{member_path(('members', name))}"
        if name not in policies:
            hint = did_you_mean(name, policies)
            yield Diagnostic("name-unknown", f"is not one of the combined policies{hint}", path)
        elif not isinstance(overlay, dict):
            yield Diagnostic("wrong-type", "must be an object", path)
        else:
            readable = policies[name].bind_members
            listed = ", ".join(f"`{member}`" for member in sorted(readable)) or "nothing"
            message = f"of this policy a combination overlays {listed}: declare another policy"
            for member in (member for member in overlay if member not in readable):
                place = f"{policy}.{member_path(('members', name, member))}"
                yield Diagnostic("member-not-allowed", message, place)


def _objects(overlays: Json) -> dict[str, JsonObject]:
    entries = overlays.items() if isinstance(overlays, dict) else ()
    return {name: overlay for name, overlay in entries if isinstance(overlay, dict)}


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
        policies = {str(name): request.policies[str(name)] for name in names}
        overlays = request.definition.get("members", {})
        if wrong := [*_wrong_overlays(request.path, overlays, policies)]:
            raise ManifestError(wrong)
        return _Combination(
            policies, _objects(overlays), request.manifest.limits, request.manifest.dialect.normalise
        )


adapter = _CombineAdapter()
