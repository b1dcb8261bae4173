"""The approvers that the operator trusts, and what each may approve (section 19)."""

from dataclasses import dataclass

from acs_sidecar.approval.challenge import Challenge
from acs_sidecar.spec.globs import Globs

__all__ = ["Approver", "Approvers"]


@dataclass(frozen=True, slots=True)
class Approver:
    """A key (32 bytes) that may approve, under the name that goes into records.

    Where a policy names approvers, one of those is this name or one of the `groups`.
    `resolvers`, `agents` and `manifests` are `None` where any will do. A restricted approver approves
    nothing of an agent, or of a manifest, without a name. `until` is in the form of a record's `time`.
    """

    name: str
    public: bytes
    resolvers: Globs | None = None
    agents: Globs | None = None
    manifests: Globs | None = None
    until: str | None = None
    groups: frozenset[str] = frozenset()

    def fault(self, challenge: Challenge, now: str) -> str | None:
        """Return why this approver may not approve the action now, or `None` if it may."""
        if self.until is not None and now >= self.until:
            return "the approver's key has expired"
        restrictions = (
            ("resolver", self.resolvers, challenge.resolver),
            ("agent", self.agents, challenge.action.get("agent_id")),
            ("manifest", self.manifests, challenge.action.get("manifest_name")),
        )
        for what, globs, name in restrictions:
            if globs is not None and not globs.match(name):
                return f"the approver is not allowed to approve for this {what}"
        named = challenge.named_approvers
        if named is not None and self.groups.union((self.name,)).isdisjoint(named):
            return "the approver is not among those that the policy names (`approvers`)"
        return None


@dataclass(frozen=True, slots=True)
class Approvers:
    """The set of approvers; one key may have several names."""

    entries: tuple[Approver, ...] = ()
