"""Indexes that get their values elsewhere, in bodies that are not written in order.

In `lower(v) == input.o[v]; v = pair[1]` the engine may look for `v` in `input.o`, and for its value in
the first side before that. Where another statement binds the variable of an index, this one is seen to
need it: it becomes an expression (`evaluate_indexes`), for which the engine waits.
"""

from acs_sidecar.engines.rego.dialect.bodies.model import Body
from acs_sidecar.engines.rego.dialect.inference import Unit, infer

__all__ = ["settle_indexes"]

_MAX_INDEXES = 32
"""How many indexes of a body are looked at, so that the time stays linear."""


def settle_indexes(body: Body, known: set[str]) -> None:
    """Release indexes from binding what other expressions bind; `known` have values from the start."""
    if all(unit.early <= unit.first for unit in body.units):
        return
    places = [(unit, place) for unit in body.units for place in unit.indexes][:_MAX_INDEXES]
    for unit, place in places:
        premises, bound = unit.clauses[place]
        unit.clauses[place] = (premises, frozenset())
        if not bound <= infer([_again(other) for other in body.units], known):
            unit.clauses[place] = (premises, bound)
    for unit in body.units:
        unit.early.clear()
        unit.first.clear()
    infer(body.units, known)


def _again(unit: Unit) -> Unit:
    return Unit(unit.needs, unit.clauses, unit.captured, unit.within, unit.results)
