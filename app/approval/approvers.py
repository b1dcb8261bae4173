"""Who may approve what: the approvers that the operator trusts."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from app.approval.challenge import Challenge
from app.core.values import Json

__all__ = ["Approver", "Approvers"]

Globs = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Approver:
    """A key (32 bytes) that may approve, under the name that goes into records.

    An empty list of globs does not restrict. A restricted approver approves nothing of an agent, or of a
    manifest, without a name. `until` is in the form of a record's `time`.
    """

    name: str
    public: bytes
    resolvers: Globs = ()
    agents: Globs = ()
    manifests: Globs = ()
    until: str | None = None

    def fault(self, challenge: Challenge, now: str) -> str | None:
        """Say why this approver may not approve that now; `None` when it may."""
        if self.until is not None and now >= self.until:
            return "the approver's key is past its end"
        restrictions = (
            ("resolver", self.resolvers, challenge.resolver),
            ("agent", self.agents, challenge.action.get("agent_id")),
            ("manifest", self.manifests, challenge.action.get("manifest_name")),
        )
        for what, globs, name in restrictions:
            if globs and not _matches(globs, name):
                return f"the approver may not approve for this {what}"
        return None


@dataclass(frozen=True, slots=True)
class Approvers:
    """All of them; `fault` says why there are none where they could not be read."""

    entries: tuple[Approver, ...] = ()
    fault: str | None = None


def _matches(globs: Globs, name: Json) -> bool:
    return isinstance(name, str) and any(fnmatchcase(name, glob) for glob in globs)
