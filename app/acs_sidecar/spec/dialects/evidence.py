"""Evidence of a 0.4 policy: two members, and cut where it is too long (section 6.4)."""

from hashlib import sha256

from rfc8785 import dumps

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import APPROVERS, Verdict, VerdictWarning, invalid_output

__all__ = [
    "ARTEFACT",
    "EVIDENCE_TRUNCATED",
    "MAX_EVIDENCE_BYTES",
    "POINTERS",
    "is_truncated",
    "read_evidence",
]

MAX_EVIDENCE_BYTES = 10_240
EVIDENCE_TRUNCATED = "evidence_truncated"
"""The reason of the warning that says so; no policy can give it."""

ARTEFACT, POINTERS = "artefact", "verification_pointers"


def read_evidence(evidence: Json) -> tuple[JsonObject | None, VerdictWarning | None]:
    """Read the evidence of an output, and the warning that it was cut. Raises `EvaluationError`."""
    if evidence is None:
        return None, None
    if not isinstance(evidence, dict):
        raise invalid_output("`evidence` is not an object")
    if unknown := evidence.keys() - {ARTEFACT, POINTERS}:
        hint = f"; name `{APPROVERS}` in `approval`" if APPROVERS in unknown else ""
        raise invalid_output(
            f"`evidence` has {len(unknown)} members besides `{ARTEFACT}` and `{POINTERS}`{hint}"
        )
    artefact = evidence.get(ARTEFACT)
    if artefact is not None and not isinstance(artefact, str):
        raise invalid_output("`evidence.artefact` is not a string")
    pointers = evidence.get(POINTERS)
    if pointers is None:
        pointers = {}
    if not isinstance(pointers, dict):
        raise invalid_output("`evidence.verification_pointers` does not map names to strings")
    texts = {name: text for name, text in pointers.items() if isinstance(text, str)}
    if len(texts) < len(pointers):
        raise invalid_output("`evidence.verification_pointers` does not map names to strings")
    whole = _evidence(artefact, texts)
    # Of strings alone both canonical forms have one length: only the order of members differs.
    if len(canonical(whole)) <= MAX_EVIDENCE_BYTES:
        return whole, None
    return _cut(artefact, texts)


def is_truncated(verdict: Verdict) -> bool:
    """True if the evidence of a verdict was cut."""
    warnings = verdict.warnings
    return bool(warnings) and any(warning.reason == EVIDENCE_TRUNCATED for warning in warnings)


def _cut(artefact: str | None, pointers: dict[str, str]) -> tuple[JsonObject, VerdictWarning]:
    """Cut evidence: the artefact stays if it fits alone, then pointers in order as long as they fit."""
    whole = dumps(_evidence(artefact, pointers))
    kept = artefact if len(canonical(_evidence(artefact, {}))) <= MAX_EVIDENCE_BYTES else None
    size = len(canonical({**_evidence(kept, {}), POINTERS: {}}))
    fitting: dict[str, str] = {}
    # The order of RFC 8785 is that of UTF-16 code units.
    for name in sorted(pointers, key=lambda name: name.encode("utf_16_be")):
        # Without the braces around it, and with the comma before it.
        size += len(canonical({name: pointers[name]})) - 2 + bool(fitting)
        if size > MAX_EVIDENCE_BYTES:
            break
        fitting[name] = pointers[name]
    message = (
        f"evidence degraded: {len(whole)} canonical bytes exceeded the {MAX_EVIDENCE_BYTES} byte cap; "
        f"{_fate(artefact, kept)}; verification_pointers kept {len(fitting)} of {len(pointers)}; "
        f"full evidence sha256:{sha256(whole).hexdigest()}"
    )
    return _evidence(kept, fitting), VerdictWarning(EVIDENCE_TRUNCATED, message)


def _fate(artefact: str | None, kept: str | None) -> str:
    if artefact is None:
        return "no artefact"
    return "artefact dropped" if kept is None else "artefact kept"


def _evidence(artefact: str | None, pointers: dict[str, str]) -> dict[str, Json]:
    members: dict[str, Json] = {}
    if artefact is not None:
        members[ARTEFACT] = artefact
    if pointers:
        members[POINTERS] = dict(pointers)
    return members
