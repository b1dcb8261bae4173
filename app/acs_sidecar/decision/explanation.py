"""Why a decision is as it is: what the policy, the annotators and a failure have to say (section 2.7)."""

from collections.abc import Iterator

from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.explanation import MAX_LISTED, shortened
from acs_sidecar.spec.manifest.model import AnnotatorUse
from acs_sidecar.spec.path import PathSyntaxError, parse_path
from acs_sidecar.spec.ports import PolicyInput
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.remedies import REMEDIES
from acs_sidecar.spec.values import Json

__all__ = ["explanation"]

_FOUND_CHARACTERS = 100


async def explanation(decision: PolicyDecision) -> dict[str, Json]:
    """Return the explanation of a decision that was made; it changes nothing about it."""
    point, trace = decision.point, decision.trace
    policy = None
    if point and trace.policy and trace.policy_input:
        policy = await point.policy.explain(trace.policy_input)
    return {
        "policy": policy,
        "annotators": [*_annotators(decision)],
        "remedy": REMEDIES[decision.error.reason] if decision.error else None,
    }


def _annotators(decision: PolicyDecision) -> Iterator[Json]:
    """Yield each annotator that was called, with what it found in which text."""
    point, trace = decision.point, decision.trace
    for use in point.config.annotators if point else ():
        if run := trace.annotators.get(use.name):
            yield {
                "annotator": use.name,
                "type": use.type,
                "from": use.source.text,
                "outcome": run.outcome,
                "findings": [*_findings(use, trace.policy_input)] if trace.policy_input else [],
            }


def _findings(use: AnnotatorUse, policy_input: PolicyInput) -> Iterator[Json]:
    """Yield the placed findings of an annotation, each with the text that it marks."""
    annotations = policy_input.value["annotations"]
    annotation = annotations.get(use.name) if isinstance(annotations, dict) else None
    findings = annotation.get("findings") if isinstance(annotation, dict) else None
    for finding in findings[:MAX_LISTED] if isinstance(findings, list) else ():
        if isinstance(finding, dict):
            text = _marked(use.source.resolve(policy_input.value), finding)
            yield {**finding, "text": None if text is None else shortened(text, _FOUND_CHARACTERS)}


def _marked(value: Json, finding: dict[str, Json]) -> str | None:
    """Return the text between `start` and `end` at the finding's path below the annotated value."""
    path, start, end = finding.get("path", ""), finding.get("start"), finding.get("end")
    if not isinstance(path, str) or not isinstance(start, int) or not isinstance(end, int) or start < 0:
        return None
    try:
        place = parse_path(f"$policy_target{path}")
        found = place.segments[-1] if finding.get("of_name") and place.segments else place.walk(value)
    except (PathSyntaxError, EvaluationError):
        return None
    return found[start:end] if isinstance(found, str) else None
