"""The root names of a condition, bound to the members of `snapshot.x`."""

from acs_sidecar.engines.adapters.agt_rules.condition.object_form import read_object
from acs_sidecar.engines.adapters.agt_rules.condition.parser import parse_condition
from acs_sidecar.engines.adapters.agt_rules.condition.tree import Constant, Name, Test, tests_of
from acs_sidecar.spec.values import Json

__all__ = ["context_of"]


def context_of(condition: Json, present: dict[str, Json]) -> dict[str, Json]:
    """A `context` in which each root name of the condition, or of `present`, is a member of `snapshot.x`."""
    tree = read_object(condition) if isinstance(condition, dict) else parse_condition(str(condition))
    names = set(present)
    for test in tests_of(tree):
        if isinstance(test, Constant):
            continue
        names.add(str(test.name.segments[0]))
        if isinstance(test, Test) and isinstance(test.operand, Name):
            names.add(str(test.operand.segments[0]))
    return {name: f"$snap.x.{name}" for name in sorted(names)}
