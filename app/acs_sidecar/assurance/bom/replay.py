"""Evaluates a snapshot once more, and compares it with what a record states (section 8.2)."""

from collections.abc import Iterator, Mapping

from acs_sidecar.assurance.bom.proof import (
    GivenSnapshot,
    ProvenSnapshot,
    Replay,
    ReplayOutcome,
    UnprovenError,
)
from acs_sidecar.assurance.bom.selection import SelectedRecord
from acs_sidecar.audit.format.entry import decision_entry
from acs_sidecar.audit.format.record import parse_record, record_line
from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.decision.request import EvaluateRequest
from acs_sidecar.spec.canonical import canonical, digest_bytes
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.points import Mode
from acs_sidecar.spec.values import Json, JsonObject, nesting_bound
from acs_sidecar.trials.decide import decide
from acs_sidecar.trials.injection import InjectionError, with_local_classifiers

__all__ = ["proven_snapshot"]

_COMPARED = ("decision", "reason", "enforced_identity", "transform_applied", "result_labels", "warnings")
_RULE_MEMBERS = ("rule", "policy", "name", "id")


async def proven_snapshot(
    record: SelectedRecord, given: GivenSnapshot, manifest: CompiledManifest | None
) -> ProvenSnapshot:
    """Rebuild the policy input of a record, and evaluate it again where `manifest` is that of the record.

    Raises `UnprovenError`.
    """
    identity = record.text("input_identity")
    if identity is None:
        raise UnprovenError("the record has no `input_identity`: no snapshot can be proven", refuted=True)
    if manifest is None:
        if given.policy_input is None:
            wanted = record.text("manifest_digest")
            raise UnprovenError(
                f"the manifest {wanted} is needed to rebuild the policy input: set --manifests", refuted=False
            )
        _compare(digest_bytes(_canonical(given.policy_input)), identity)
        return ProvenSnapshot(given.policy_input, _impossible("no manifest of the record's digest was given"))
    point = record.text("intervention_point") or ""
    try:
        prepared = with_local_classifiers(manifest, point, given.annotations)
        request = EvaluateRequest(
            point=point,
            snapshot=given.snapshot,
            nesting=nesting_bound(_canonical(given.snapshot)),
            mode=Mode(record.text("mode") or Mode.ENFORCE),
            include=frozenset({"explain"}),
        )
        decision = await decide(prepared, request)
    except InjectionError as error:
        raise UnprovenError(str(error), refuted=False) from None
    except RefusalError as error:
        raise UnprovenError(error.detail, refuted=False) from None
    rebuilt = decision.trace.policy_input
    if rebuilt is None:
        why = decision.error.detail if decision.error else "it has no policy input"
        raise UnprovenError(f"it is not the snapshot of this record: {why}", refuted=True)
    _compare(rebuilt.identity, identity)
    if record.value.get("event") == "approval":
        return ProvenSnapshot(rebuilt.value, _impossible("people decided: it is the record of an approval"))
    compiled = manifest.points[point]
    if compiled.policy_digest != record.value.get("policy_digest"):
        return ProvenSnapshot(rebuilt.value, _impossible("the files of the policy are others than then"))
    line = record_line(decision_entry(decision), record.log, record.index, "", "")
    again = parse_record(line) or {}
    changed = [name for name in _COMPARED if again.get(name) != record.value.get(name)]
    rules = tuple(_rules(decision.trace.explanation))
    if changed:
        listed = ", ".join(f"`{name}`" for name in changed)
        return ProvenSnapshot(rebuilt.value, Replay(ReplayOutcome.DIFFERENT, f"{listed} differ", rules))
    return ProvenSnapshot(rebuilt.value, Replay(ReplayOutcome.SAME, None, rules))


def _canonical(value: JsonObject) -> bytes:
    try:
        return canonical(value)
    except TypeError:
        raise UnprovenError("it is not JSON that a policy can be given", refuted=True) from None


def _compare(rebuilt: str, identity: str) -> None:
    if rebuilt != identity:
        raise UnprovenError(
            f"it is not the snapshot of this record: its policy input hashes to {rebuilt}, not to {identity}",
            refuted=True,
        )


def _impossible(why: str) -> Replay:
    return Replay(ReplayOutcome.NOT_POSSIBLE, why)


def _rules(explanation: Mapping[str, Json] | None) -> Iterator[Json]:
    """Yield the rules that an explanation names as reached or determining; never a value of the input."""
    policy = explanation.get("policy") if explanation else None
    members = policy if isinstance(policy, dict) else {}
    for entry in (entry for name in ("rules", "policies") for entry in _objects(members.get(name))):
        name = next((entry[name] for name in _RULE_MEMBERS if isinstance(entry.get(name), str)), None)
        bodies = _objects(entry.get("bodies"))
        if name is None or entry.get("determining") is False or (bodies and not _reached(bodies)):
            continue
        yield {
            "rule": name,
            "at": entry.get("at") or [body.get("at") for body in bodies if body.get("reached")],
        }


def _objects(value: Json) -> list[dict[str, Json]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _reached(bodies: list[dict[str, Json]]) -> bool:
    return any(body.get("reached") for body in bodies)
