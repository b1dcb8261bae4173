"""What the decision service needs from outside: contracts that every adapter must keep."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from acs_sidecar.approval.resolution import Resolution
from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.decision.settlement import Settlement
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.manifest.compiled import AnyManifest
from acs_sidecar.spec.owner import Owner
from acs_sidecar.spec.trace_context import Span
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["DecisionSink", "ManifestSource", "Receipts"]


class ManifestSource(Protocol):
    """Where the compiled manifest of a request comes from."""

    def named(self, reference: str | None) -> AnyManifest:
        """Return the operator's manifest of that name or digest, the default one for `None`.

        MUST raise `RefusalError` when there is none, or more than one.
        """
        ...

    async def brought(
        self, manifest: str | dict[str, Json], nesting: int, signature: JsonObject | None, owner: Owner
    ) -> AnyManifest:
        """Compile a manifest that came with a request; `nesting` bounds the depth of what came in its body.

        `owner` is whose share of memory and of turns it takes.

        MUST raise `RefusalError` for one that the operator does not accept, before compiling any of it.
        """
        ...


class DecisionSink(Protocol):
    """Receives decisions after they are recorded. MUST NOT raise, block, or change anything."""

    def decided(self, decision: PolicyDecision, position: AuditPosition | None) -> None:
        """Observe a decision; `position` is that of its record."""
        ...

    def resolved(self, resolution: Resolution, position: AuditPosition | None) -> None:
        """Observe a resolved escalation; `position` is that of its record."""
        ...

    def settled(self, settlement: Settlement, position: AuditPosition | None) -> None:
        """Observe a stream that ended; `position` is that of its record."""
        ...

    def refused(self, refusal: RefusalError, span: Span | None) -> None:
        """Observe a refused request."""
        ...

    def fault(self, error: Exception) -> None:
        """Observe an unexpected error, which became a deny."""
        ...


Receipts = Callable[[AuditPosition], Awaitable[Json]]
"""Returns the receipt of a record that is in the log (section 4.5).

MUST raise `RefusalError` when the log does not yield one.
"""
