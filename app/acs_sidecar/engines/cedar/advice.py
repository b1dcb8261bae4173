"""`@advice` on a permit: an allow that becomes a warning, an escalation or a transform (section 1.7.1)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.dialects.versions import DIALECT_03
from acs_sidecar.spec.document.bounds import DocumentError
from acs_sidecar.spec.document.json_text import parse_json
from acs_sidecar.spec.path import Path, PathSyntaxError, Root, parse_path
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Decision

__all__ = ["Advice", "read_advice", "winning"]

_COMPUTED = "value_from"
_ANNOTATIONS = "annotations"
_MEMBERS = frozenset({"verdict", "reason", "message", "transform"})
_LIBRARY_MEMBERS = _MEMBERS | {"evidence"}
_TRANSFORM_MEMBERS = frozenset({"path", "value", _COMPUTED})
_RANKED = (Decision.ESCALATE, Decision.TRANSFORM, Decision.WARN)
_VERDICTS = tuple(decision.value for decision in _RANKED)


@dataclass(frozen=True, slots=True)
class Advice:
    """Advice as the policy output that it asks for.

    `first_wins` is whether, of several that ask for the same, the first counts although others differ.
    `computed` is the path of the value that a transform has from an annotation.
    """

    decision: Decision
    output: dict[str, Json]
    first_wins: bool = False
    computed: Path | None = None

    def answered(self, given: Mapping[str, Json]) -> dict[str, Json]:
        """Return the output for a policy input. Raises `EvaluationError` where the value is not there."""
        transform = self.output.get("transform")
        if self.computed is None or not isinstance(transform, dict):
            return dict(self.output)
        try:
            value = self.computed.resolve(given)
        except EvaluationError as error:
            raise EvaluationError(
                Reason.TRANSFORM_INVALID, f"`@advice` has no value: {error.detail}"
            ) from None
        return {**self.output, "transform": _with_value(transform, value)}


def read_advice(text: str, dialect: Dialect = DIALECT_03, *, of_library: bool = False) -> Advice:
    """Read and check the text of an annotation in a manifest of `dialect`; a library may give evidence.

    Raises `EvaluationError` with `policy_output_invalid`, `transform_invalid` or
    `transform_target_forbidden`: what it raises is the outcome when the permit determines the decision.
    """
    try:
        read = parse_json(text)
    except DocumentError as error:
        raise _invalid(f"is not JSON: {error.message}") from None
    if read is None:
        raise _invalid("is not JSON, or has a member twice")
    advice = read.value
    if not isinstance(advice, dict):
        raise _invalid("is not a JSON object")
    if unknown := advice.keys() - (_LIBRARY_MEMBERS if of_library else _MEMBERS):
        raise _invalid(f"has unknown members: {_listed(sorted(unknown))}")
    verdict = advice.pop("verdict", None)
    if verdict not in _VERDICTS:
        raise _invalid(f"has a `verdict` that is not one of {_listed(_VERDICTS)}")
    _check_transform(verdict, advice, dialect)
    computed = _computed(advice.get("transform"))
    output = {"decision": verdict, **advice}
    known = output if computed is None else {**output, "transform": _with_value(advice["transform"], None)}
    decision = dialect.normalise(known).decision
    return Advice(decision, output, first_wins=dialect.agent_contexts, computed=computed)


def winning(advice: Iterable[Advice]) -> Advice | None:
    """Pick from the advice of all determining permits, given in source order.

    Raises `EvaluationError` with `policy_output_invalid` where two transforms win that differ.
    """
    given = list(advice)
    for decision in _RANKED:
        equals = [one for one in given if one.decision is decision]
        if not equals:
            continue
        if equals[0].first_wins or decision is not Decision.TRANSFORM:
            return equals[0]
        if len({canonical(one.output["transform"]) for one in equals}) > 1:
            raise EvaluationError(
                Reason.POLICY_OUTPUT_INVALID, "two permitting policies have different transforms"
            )
        return equals[0]
    return None


def _check_transform(verdict: str, advice: dict[str, Json], dialect: Dialect) -> None:
    if verdict != Decision.TRANSFORM:
        if "transform" in advice:
            raise _invalid("has `transform` without the `transform` verdict")
        return
    body = advice.get("transform")
    if body is None and not dialect.agent_contexts:
        raise EvaluationError(
            Reason.TRANSFORM_INVALID, "`@advice` has the verdict `transform` without a `transform`"
        )
    if isinstance(body, dict) and (unknown := body.keys() - _TRANSFORM_MEMBERS):
        raise _invalid(f"has unknown members in `transform`: {_listed(sorted(unknown))}")


def _computed(transform: Json) -> Path | None:
    """Read the path of a value that is not a constant: it lies below the annotations."""
    if not isinstance(transform, dict) or _COMPUTED not in transform:
        return None
    if "value" in transform:
        raise _invalid(f"has both `value` and `{_COMPUTED}` in `transform`")
    text = transform[_COMPUTED]
    try:
        path = parse_path(text if isinstance(text, str) else "")
    except PathSyntaxError:
        path = None
    if path is None or path.root is not Root.POLICY_INPUT or path.segments[:1] != (_ANNOTATIONS,):
        raise _invalid(f"has a `{_COMPUTED}` that is not a path such as `$pi.annotations.pii.redacted`")
    return path


def _with_value(transform: Json, value: Json) -> Json:
    members = transform if isinstance(transform, dict) else {}
    return {**{name: inner for name, inner in members.items() if name != _COMPUTED}, "value": value}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _invalid(what: str) -> EvaluationError:
    return EvaluationError(Reason.POLICY_OUTPUT_INVALID, f"`@advice` {what}")
