"""Findings of policies that points bind with overlays, and so compile several times (section 1.7)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.manifest.diagnostics import Diagnostic

__all__ = ["CompileFindings", "of_all_compiles"]

_UNBOUND = "-stage-unbound"


@dataclass(frozen=True, slots=True)
class CompileFindings:
    """What one compile of a policy found; `policy` and `binding` are paths, `overlaid` names of members."""

    policy: str
    findings: Sequence[Diagnostic]
    binding: str = ""
    overlaid: Collection[str] = ()

    def placed(self) -> Iterator[Diagnostic]:
        """Yield the findings: those about an overlaid member have the path of the binding."""
        for found in self.findings:
            member = self._overlaid(found.path or "")
            if member is None:
                yield found
            else:
                rest = (found.path or "").removeprefix(f"{self.policy}.")
                yield replace(found, path=f"{self.binding}.{rest}")

    def shares(self, path: str) -> bool:
        """True if a member of the policy is as it is defined in this compile too."""
        return path.startswith(f"{self.policy}.") and self._overlaid(path) is None

    def _overlaid(self, path: str) -> str | None:
        for name in self.overlaid:
            member = f"{self.policy}.{member_path((name,))}"
            if path == member or path.startswith((f"{member}.", f"{member}[")):
                return name
        return None


def of_all_compiles(compiles: Sequence[CompileFindings]) -> tuple[Diagnostic, ...]:
    """Return the findings of all compiles: each once, in order.

    Each compile knows the points that share it: rules of a stage are unbound where all compiles of a
    definition say so.
    """
    placed = [(compiled, frozenset(compiled.placed())) for compiled in compiles]
    return tuple(
        found
        for found in dict.fromkeys(found for compiled in compiles for found in compiled.placed())
        if not found.code.endswith(_UNBOUND)
        or all(found in known for compiled, known in placed if compiled.shares(found.path or ""))
    )
