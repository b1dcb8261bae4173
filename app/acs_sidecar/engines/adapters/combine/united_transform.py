"""The transforms of several policies as one (section 17.2)."""

from collections.abc import Mapping, Sequence

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.path import POLICY_TARGET_PATHS, TARGET_PATHS, Path, Root
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Transform

__all__ = ["united_transform"]

Segments = tuple[str | int, ...]

_POLICY_TARGET, _TARGET = (
    Path(grammar.target_root, Root.POLICY_TARGET, ()) for grammar in (POLICY_TARGET_PATHS, TARGET_PATHS)
)


def united_transform(transforms: Sequence[Transform], target: Json) -> Transform:
    """Return one transform for several that each resolve in `target`.

    Equal ones are one; of different places none may contain another. Raises `EvaluationError` where they
    change one place differently.
    """
    places: dict[Segments, Transform] = {}
    for one in transforms:
        other = places.setdefault(one.path.segments, one)
        if other is not one and canonical(other.value) != canonical(one.value):
            raise _conflict()
    first = transforms[0]
    if len(places) == 1:
        return first
    whole = _TARGET if first.path.text.startswith(_TARGET.text) else _POLICY_TARGET
    return Transform(whole, _replaced(target, places))


def _replaced(target: Json, places: Mapping[Segments, Transform]) -> Json:
    """Return a copy of `target` with all places replaced. What lies on their paths is copied once."""
    if () in places:
        raise _conflict()
    copies: dict[Segments, dict[str, Json] | list[Json]] = {(): _copy(target)}
    for segments, transform in places.items():
        container = copies[()]
        for length in range(1, len(segments)):
            outer, segment = segments[:length], segments[length - 1]
            if outer in places:
                raise _conflict()
            if outer not in copies:
                copies[outer] = container[segment] = _copy(container[segment])  # type: ignore[index]  # it resolves
            container = copies[outer]
        container[segments[-1]] = transform.value  # type: ignore[index]  # it resolves
    return copies[()]


def _copy(value: Json) -> dict[str, Json] | list[Json]:
    return value.copy() if isinstance(value, dict | list) else {}


def _conflict() -> EvaluationError:
    message = "combined policies transform the same place differently"
    return EvaluationError(Reason.POLICY_OUTPUT_INVALID, message)
