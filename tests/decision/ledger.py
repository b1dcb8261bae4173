"""A decision service in this process with everything that it records and tells in lists."""

from typing import Any

from acs_sidecar.approval.resolution import Approvals, Resolution
from acs_sidecar.audit.format.ports import AuditPosition, AuditUnavailableError
from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent
from acs_sidecar.decision.admission import Admission
from acs_sidecar.decision.caller import Caller, Scope
from acs_sidecar.decision.ports import Receipts
from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.decision.service import DecisionService
from acs_sidecar.decision.settlement import Settlement
from acs_sidecar.manifests.catalog import Catalog, InlineManifests, OperatorManifests
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.manifest.compiled import InlineMode
from acs_sidecar.spec.manifest.model import document_of
from acs_sidecar.spec.ports import NoSources
from acs_sidecar.spec.trace_context import Span
from acs_sidecar.telemetry.metrics import Metrics
from tests.approval.desk import NOW, Keys

MANIFEST: dict[str, Any] = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
    "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
}


def caller(**members: Any) -> Caller:
    """A caller that may do everything that `members` do not forbid."""
    return Caller(**({"name": "host", "scopes": frozenset({Scope.EVALUATE})} | members))


class Ledger:
    """An audit log and a sink in memory. `broken` is a log that cannot be written."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.appended: list[AuditEntry | ServiceEvent] = []
        self.entries: list[AuditEntry] = []
        self.observed: list[str] = []
        self.faults: list[Exception] = []

    async def append(self, entry: AuditEntry | ServiceEvent) -> AuditPosition:
        """Append an entry."""
        if self.broken:
            raise AuditUnavailableError
        self.appended.append(entry)
        if isinstance(entry, AuditEntry):
            self.entries.append(entry)
        return AuditPosition("ledger", len(self.appended) - 1, "id")

    def decided(
        self, decision: PolicyDecision, position: AuditPosition | None
    ) -> None:  # the port's signature
        """Note a decision."""
        self.observed.append("decided")

    def resolved(
        self, resolution: Resolution, position: AuditPosition | None
    ) -> None:  # the port's signature
        """Note a resolution."""
        self.observed.append("resolved")

    def settled(self, settlement: Settlement, position: AuditPosition | None) -> None:
        """Note a stream that ended."""
        self.observed.append(f"settled: {settlement.ending.kind}")

    def refused(self, refusal: RefusalError, span: Span | None) -> None:  # the port's signature
        """Note a refusal."""
        self.observed.append(f"refused: {refusal.cause}")

    def fault(self, error: Exception) -> None:
        """Note an unexpected error."""
        self.faults.append(error)


def ledger_service(
    ledger: Ledger, mode: InlineMode = InlineMode.TRUSTED, receipts: Receipts | None = None
) -> DecisionService:
    """A service with one manifest of the operator's, `m`, whose decisions `ledger` holds."""
    compiler = build_compiler(load_settings({}).settings, HttpClient(), None)
    loaded = {"m": compiler.compile_operator("m", document_of(MANIFEST), NoSources())}
    inline = InlineManifests(mode, compiler, 4, Metrics())
    catalog = Catalog(OperatorManifests(loaded, None, 0), inline)
    admission = Admission(catalog, frozenset({"trace", "receipt"}))
    keys = Keys()
    approvals = Approvals("acs", keys.key, keys.approvers, lambda: NOW)
    return DecisionService(admission, ledger, ledger, lambda: 0, approvals=approvals, receipts=receipts)
