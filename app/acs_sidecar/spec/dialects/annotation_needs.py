"""Annotations that read one another: what each needs, and the order of evaluation (section 6.3)."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.path import Path, Root
from acs_sidecar.spec.values import JsonObject

__all__ = ["NEEDS_HINT", "NeedsFault", "evaluation_order", "may_read", "needs_faults", "needs_of"]

NEEDS_HINT = ", but for `$pi.annotations.<name>` of one that it lists in `needs`"

Needs = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class NeedsFault:
    """What is wrong with `needs`: where below the annotations of the point, the code and the message."""

    place: Members
    code: str
    message: str


def needs_of(bindings: Mapping[str, JsonObject]) -> Needs:
    """Return the names that each annotation of a point lists in `needs`; what is no name is left out."""
    return {name: tuple(_listed(binding)) for name, binding in bindings.items()}


def needs_faults(bindings: Mapping[str, JsonObject]) -> Iterator[NeedsFault]:
    """Yield what is wrong with the `needs` of the annotations of a point."""
    for name, binding in bindings.items():
        place = (name, "needs")
        if not isinstance(listed := binding.get("needs", []), list):
            yield NeedsFault(place, "wrong-type", "must be a list of names of annotations at this point")
            continue
        for at, need in enumerate(listed):
            if not isinstance(need, str):
                yield NeedsFault((*place, at), "wrong-type", "must be the name of an annotation")
            elif need == name:
                yield NeedsFault((*place, at), "annotation-cycle", "an annotation cannot need itself")
            elif need not in bindings:
                message = f"`{need}` is not annotated at this point: add it to `annotations`"
                yield NeedsFault((*place, at), "name-unknown", message)
            elif need in listed[:at]:
                yield NeedsFault((*place, at), "value-not-allowed", f"`{need}` is there twice: remove one")
    if cycle := _cycle(needs_of(bindings)):
        listing = " needs ".join(f"`{name}`" for name in cycle)
        yield NeedsFault((cycle[0], "needs"), "annotation-cycle", f"{listing}: none of them can come first")


def evaluation_order(needs: Needs) -> tuple[str, ...]:
    """Return the names one after the other: of those whose needs are done, the smallest is next.

    Those on a cycle, and those that need one, are left out.
    """
    missing = {name: set(needed) for name, needed in needs.items()}
    ready = [name for name, needed in missing.items() if not needed]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        done = heapq.heappop(ready)
        order.append(done)
        for name, needed in missing.items():
            if done in needed:
                needed.remove(done)
                if not needed:
                    heapq.heappush(ready, name)
    return tuple(order)


def may_read(source: Path, needs: tuple[str, ...]) -> bool:
    """True unless a path reads annotations that are not among `needs`."""
    if source.root is not Root.POLICY_INPUT or source.segments[:1] != ("annotations",):
        return True
    return len(source.segments) > 1 and source.segments[1] in needs


def _listed(binding: JsonObject) -> Iterator[str]:
    listed = binding.get("needs")
    for need in listed if isinstance(listed, list) else ():
        if isinstance(need, str):
            yield need


def _cycle(needs: Needs) -> list[str]:
    """Return a cycle of more than one name, closed by its first, which is its smallest; or nothing."""
    others = {
        name: [need for need in needed if need in needs and need != name] for name, needed in needs.items()
    }
    ordered = set(evaluation_order({name: tuple(needed) for name, needed in others.items()}))
    stuck = sorted(others.keys() - ordered)
    if not stuck:
        return []
    walked: list[str] = []
    name = stuck[0]
    while name not in walked:
        walked.append(name)
        name = min(need for need in others[name] if need not in ordered)
    cycle = walked[walked.index(name) :]
    first = cycle.index(min(cycle))
    return [*cycle[first:], *cycle[:first], cycle[first]]
