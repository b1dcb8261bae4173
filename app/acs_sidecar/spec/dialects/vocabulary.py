"""One verdict in two vocabularies: five decisions, or the three of Agent Hooks (section 6.6)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import assert_never

from acs_sidecar.spec.dialects.dialect import Vocabulary
from acs_sidecar.spec.dialects.evidence import ARTEFACT, EVIDENCE_TRUNCATED, POINTERS
from acs_sidecar.spec.dialects.transform_path import TARGET, transform_path
from acs_sidecar.spec.path import Path, Root
from acs_sidecar.spec.reasons import HOST_ERROR_PREFIX, RUNTIME_ERROR_PREFIX, Reason
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import Decision, Transform, Verdict, VerdictWarning

__all__ = ["told_failure", "verdict_json"]

_THREE: Mapping[Decision, str] = {
    Decision.ALLOW: "allow",
    Decision.WARN: "allow",
    Decision.DENY: "deny",
    Decision.ESCALATE: "deny",
    Decision.TRANSFORM: "transform",
}
_EVIDENCE = (ARTEFACT, POINTERS)


def verdict_json(
    verdict: Verdict, vocabulary: Vocabulary, transformed: Callable[[], Json]
) -> dict[str, Json]:
    """Return a verdict as a response tells it.

    `transformed` gives the whole transformed target, for a transform whose path the vocabulary cannot say.
    """
    match vocabulary:
        case Vocabulary.FIVE_DECISIONS:
            return _five_decisions(verdict)
        case Vocabulary.AGENT_HOOKS:
            return _three_decisions(verdict, transformed)
        case _:
            assert_never(vocabulary)


def told_failure(reason: Reason, vocabulary: Vocabulary) -> str:
    """Return the reason of a stream that failed: with Agent Hooks it is the host that failed."""
    match vocabulary:
        case Vocabulary.FIVE_DECISIONS:
            return reason
        case Vocabulary.AGENT_HOOKS:
            return HOST_ERROR_PREFIX + reason.removeprefix(RUNTIME_ERROR_PREFIX)
        case _:
            assert_never(vocabulary)


def _five_decisions(verdict: Verdict) -> dict[str, Json]:
    transform, warnings = verdict.transform, verdict.warnings
    if transform is not None and transform.path.text.startswith(TARGET):
        verdict = replace(verdict, transform=Transform(_older(transform.path), transform.value))
    if warnings and verdict.decision is Decision.ALLOW:
        verdict = replace(verdict, decision=Decision.WARN)
        if verdict.reason is None and verdict.message is None:
            verdict = replace(verdict, reason=warnings[-1].reason, message=warnings[-1].message)
    if warnings or verdict.approval is not None:
        verdict = replace(verdict, warnings=(), approval=None)
    return verdict.as_json()


def _older(path: Path) -> Path:
    """Return a path from `$target` as one from `$policy_target`, whose indexes have no zeros in front."""
    rest = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path.segments)
    return Path(Root.POLICY_TARGET + rest, Root.POLICY_TARGET, path.segments)


def _three_decisions(verdict: Verdict, transformed: Callable[[], Json]) -> dict[str, Json]:
    members: dict[str, Json] = {"decision": _THREE[verdict.decision]}
    reason = _told(verdict.reason)
    if reason is not None:
        members["reason"] = reason
    if verdict.message is not None:
        members["message"] = verdict.message
    if verdict.warnings or verdict.decision is Decision.WARN:
        members["warnings"] = [warning.as_json() for warning in _warnings(verdict, reason)]
    if verdict.decision is Decision.ESCALATE:
        members["approval"] = dict(verdict.approval or {})
    if verdict.transform is not None:
        members["transform"] = _transform(verdict.transform, transformed)
    if verdict.evidence is not None:
        members["evidence"] = _evidence(verdict.evidence)
    if verdict.result_labels:
        members["result_labels"] = [*verdict.result_labels]
    return members


def _told(reason: str | None) -> str | None:
    """Return a reason that the service may say: those of hosts are not its own."""
    return None if reason is None or reason.startswith(HOST_ERROR_PREFIX) else reason


def _warnings(verdict: Verdict, reason: str | None) -> Iterator[VerdictWarning]:
    """Yield the warnings of the policy, what it warns of by its decision, and what the service adds."""
    own: list[VerdictWarning] = []
    for warning in verdict.warnings:
        if warning.reason == EVIDENCE_TRUNCATED:
            own.append(warning)
        else:
            yield warning
    if verdict.decision is Decision.WARN:
        yield VerdictWarning(None if reason == EVIDENCE_TRUNCATED else reason, verdict.message)
    yield from own


def _transform(transform: Transform, transformed: Callable[[], Json]) -> dict[str, Json]:
    path, value = transform.path, transform.value
    if path.text.startswith(TARGET):
        return {"path": path.text, "value": value}
    newer = transform_path(path.segments)
    return {"path": TARGET, "value": transformed()} if newer is None else {"path": newer.text, "value": value}


def _evidence(evidence: JsonObject) -> dict[str, Json]:
    return {name: evidence[name] for name in _EVIDENCE if evidence.get(name) is not None}
