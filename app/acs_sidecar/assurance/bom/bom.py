"""The fields of a Decision BOM, from a record and from what was proven beside it (section 8.2)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from acs_sidecar.assurance.bom.proof import ProvenSnapshot, Replay, ReplayOutcome
from acs_sidecar.assurance.bom.selection import SelectedRecord
from acs_sidecar.audit.format.receipt import Receipt
from acs_sidecar.spec.canonical import canonical, digest
from acs_sidecar.spec.values import Json, JsonObject

if TYPE_CHECKING:
    from acs_sidecar.access.callers import Callers

__all__ = ["BOM_SCHEMA", "BomContext", "decision_bom", "statement_of"]

BOM_SCHEMA: Final = "acs-sidecar/decision-bom/v1"

_REQUIRED = (
    "agent_identity",
    "trust_score_at_decision",
    "policy_rules_evaluated",
    "action_type",
    "decision_outcome",
)
_IN_DOUBT, _LIKELY, _CERTAIN = 0.5, 0.8, 1.0


@dataclass(frozen=True, slots=True)
class _BomField:
    """One field as the toolkit has it; it is there at all only where it is known."""

    name: str
    category: str
    value: Json
    source: str
    confidence: float = _CERTAIN
    inferred: bool = False
    signed: bool = True
    """Whether the log's signature covers it: it stands in a record, or in what hashes to what one states."""

    def as_json(self) -> dict[str, Json]:
        return {
            "name": self.name,
            "category": self.category,
            "value": self.value,
            "source": self.source,
            "confidence": self.confidence,
            "inferred": self.inferred,
        }


@dataclass(frozen=True, slots=True)
class BomContext:
    """What is known beside the record itself.

    `reconstructed_at` is the time of the last record under the checkpoint of `receipt`; `similar` are the
    decisions before, newest first. `callers` is the operator's file, `values` whether the target is shown.
    """

    receipt: Receipt
    reconstructed_at: str
    similar: Sequence[Json]
    proven: ProvenSnapshot | None = None
    callers: "Callers | None" = None
    values: bool = False


def decision_bom(record: SelectedRecord, context: BomContext) -> dict[str, Json]:
    """Return the BOM of one decision. No clock: the same log and files give the same BOM."""
    fields = [*_record_fields(record, context), *_snapshot_fields(context), *_similar(context)]
    names = {one.name for one in fields}
    missing = [name for name in _REQUIRED if name not in names]
    replay = context.proven.replay if context.proven else None
    replay = replay or Replay(ReplayOutcome.NOT_POSSIBLE, "no snapshot was given")
    point, tool = record.text("intervention_point") or "unknown", record.text("tool")
    return {
        "schema": BOM_SCHEMA,
        "decision_id": record.text("record_id"),
        "timestamp": record.text("time"),
        "agent_id": record.text("agent_id"),
        "action_requested": point if tool is None else f"{point}:{tool}",
        "outcome": record.text("decision"),
        "reconstructed_at": context.reconstructed_at,
        "sources_queried": [*_sources(context)],
        "completeness_score": (len(_REQUIRED) - len(missing)) / len(_REQUIRED),
        "proven": sum(one.signed for one in fields) / len(fields),
        "missing": [*missing],
        "fields": [one.as_json() for one in fields],
        "replay": replay.as_json(),
        "receipt": context.receipt.as_json(),
    }


def _sources(context: BomContext) -> Iterator[str]:
    yield "log"
    if context.proven:
        yield "snapshot"
        if context.proven.replay.rules:
            yield "manifest"
    if context.callers:
        yield "callers"


def _record_fields(record: SelectedRecord, context: BomContext) -> Iterator[_BomField]:
    if identity := _identity(record, context.callers):
        yield identity
    evaluated = {name: record.value.get(name) for name in ("policy_id", "policy_type", "policy_digest")}
    if evaluated["policy_id"] is not None:
        rules = context.proven.replay.rules if context.proven else ()
        value = {**evaluated, "reason": record.value.get("reason"), **({"rules": [*rules]} if rules else {})}
        source = "record and replay" if rules else "record"
        yield _BomField("policy_rules_evaluated", "policy", value, source)
    if (point := record.text("intervention_point")) not in (None, "unknown"):
        action: dict[str, Json] = {"intervention_point": point, "tool": record.text("tool")}
        yield _BomField("action_type", "action", action, "record")
    members = ("decision", "reason", "error_class", "transform_applied", "result_labels", "approval")
    outcome = {name: record.value[name] for name in members if record.value.get(name) not in (None, [])}
    yield _BomField("decision_outcome", "outcome", outcome, "record")
    duration = record.value.get("duration_us")
    if isinstance(duration, int):
        yield _BomField("latency_ms", "outcome", duration / 1000, "record")
    if trace := record.text("trace_id"):
        yield _BomField("otel_trace_id", "context", trace, "record")
    if session := record.text("session_id"):
        context_value: dict[str, Json] = {"session_id": session, "tenant_id": record.text("tenant_id")}
        yield _BomField("session_context", "context", context_value, "record")


def _identity(record: SelectedRecord, callers: "Callers | None") -> _BomField | None:
    agent, caller = record.text("agent_id"), record.text("caller")
    if agent is None:
        return None
    value: dict[str, Json] = {"agent_id": agent, "caller": caller}
    if caller is None:
        return _BomField("agent_identity", "identity", value, "record", _IN_DOUBT)
    if callers is not None and _admits(callers, caller, agent):
        return _BomField("agent_identity", "identity", value, "record and callers", _CERTAIN)
    return _BomField("agent_identity", "identity", value, "record", _LIKELY)


def _admits(callers: "Callers", name: str, agent: str) -> bool:
    """True if the operator's file binds the caller to agents, and this is one of them."""
    known = [*(caller for _, caller in callers.by_token.values()), *callers.by_peer.values()]
    return any(one.name == name and one.agents is not None and one.agents.match(agent) for one in known)


def _snapshot_fields(context: BomContext) -> Iterator[_BomField]:
    if context.proven is None:
        return
    policy_input = context.proven.policy_input
    snapshot, target = _object(policy_input.get("snapshot")), _object(policy_input.get("policy_target"))
    envelope = _object(snapshot.get("envelope"))
    agent = _object(envelope.get("agent") if envelope.get("agent") is not None else snapshot.get("agent"))
    for name, member, category in (
        ("trust_score_at_decision", "trust_score", "trust"),
        ("delegation_chain", "delegation_chain", "lineage"),
    ):
        if agent.get(member) is not None:
            yield _BomField(name, category, agent[member], "snapshot")
    value: dict[str, Json] = {"path": target.get("path"), "sha256": digest(target.get("value"))}
    if context.values:
        value["value"] = target.get("value")
    yield _BomField("resource_target", "action", value, "snapshot")
    intent = _object(envelope.get("intent")).get("id")
    if intent is not None:
        yield _BomField("parent_intent_id", "lineage", intent, "snapshot", _IN_DOUBT)


def _similar(context: BomContext) -> Iterator[_BomField]:
    if context.similar:
        yield _BomField("similar_past_decisions", "context", [*context.similar], "log", inferred=True)


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def statement_of(record: SelectedRecord, bom: JsonObject) -> bytes:
    """Return an in-toto Statement about the line of a record, as canonical bytes."""
    return canonical(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [
                {
                    "name": f"{record.log}/{record.index}",
                    "digest": {"sha256": sha256(record.line).hexdigest()},
                }
            ],
            "predicateType": "urn:acs-sidecar:decision-bom:v1",
            "predicate": dict(bom),
        }
    )
