"""Where a payload is put: behind each text of a policy target (section 8.4)."""

from collections.abc import Iterator
from typing import TypeAlias

from acs_sidecar.spec.path import Path
from acs_sidecar.spec.values import Json

__all__ = ["Steps", "holds_run_of", "placements", "text_places"]

Steps: TypeAlias = tuple[str | int, ...]
"""The members and indices that lead from a policy target to a text in it."""

_RUN = 12
"""So many characters of a payload in a row, and a transform has left it there."""


def text_places(target: Json) -> Iterator[Steps]:
    """Yield where the strings of a target are; names of members are none."""
    pending: list[tuple[Steps, Json]] = [((), target)]
    while pending:
        steps, value = pending.pop()
        if isinstance(value, str):
            yield steps
        elif isinstance(value, dict):
            pending.extend(((*steps, name), member) for name, member in reversed(value.items()))
        elif isinstance(value, list):
            pending.extend(((*steps, index), value[index]) for index in reversed(range(len(value))))


def placements(snapshot: dict[str, Json], target: Path, payload: str) -> Iterator[dict[str, Json]]:
    """Yield a copy of the snapshot for each text of its target, with the payload behind that text.

    The path of the target must resolve.
    """
    value = target.walk(snapshot)
    for steps in text_places(value):
        place = Path(target.text, target.root, (*target.segments, *steps))
        text = str(place.walk(snapshot))
        changed = place.replace(snapshot, f"{text} {payload}" if text else payload)
        if isinstance(changed, dict):
            yield changed


def holds_run_of(payload: str, value: Json) -> bool:
    """True if a text or a member name of the value holds twelve characters of the payload in a row.

    Of a shorter payload all of it.
    """
    length = min(_RUN, len(payload))
    runs = {payload[start : start + length] for start in range(len(payload) - length + 1)}
    pending: list[Json] = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            pending.extend(each.keys())
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)
        elif isinstance(each, str) and any(
            each[start : start + length] in runs for start in range(len(each) - length + 1)
        ):
            return True
    return False
