"""`<`, `<=`, `>` and `>=` between a set and what may be an object.

OPA orders objects before sets, this engine after them. Where one side is a set as far as the source
shows, the other one must be a set too, or a value that is no object.
"""

from collections.abc import Callable, Iterator

from acs_sidecar.engines.rego.analysis.syntax import REFERENCES, as_position, variant
from acs_sidecar.engines.rego.dialect.bodies import BodyReader
from acs_sidecar.engines.rego.dialect.problems import Problem
from acs_sidecar.engines.rego.dialect.scopes import VariableScope
from acs_sidecar.spec.values import Json

__all__ = ["set_comparisons"]

_MESSAGE = (
    "OPA orders sets behind objects, and this engine before them: compare `count(…)` of both, or test for "
    "elements with `in`"
)
_SETS = frozenset({"Set", "SetCompr", "BinExpr"})
_NO_OBJECTS = frozenset({"Number", "String", "RawString", "Bool", "Null", "Array", "ArrayCompr"})


def set_comparisons(reader: BodyReader, is_set_rule: Callable[[Json], bool]) -> Iterator[Problem]:
    """Find comparisons of a set with a value of another or of an unknown type."""
    sets: set[str] = set()

    def is_set(term: Json, scope: VariableScope) -> bool:
        kind, value = variant(term)
        variable = scope.variable(value) if kind == "Var" else None
        if variable:
            return variable.key in sets
        return kind in _SETS or (kind in REFERENCES and is_set_rule(term))

    for variable, term, scope in reader.assignments:
        if is_set(term, scope):
            sets.add(variable.key)
    for comparison, scope in reader.comparisons:
        sides = [comparison["lhs"], comparison["rhs"]]
        others = [side for side in sides if not is_set(side, scope)]
        if len(others) == 1 and variant(others[0])[0] not in _NO_OBJECTS:
            yield Problem("rego-set-order", _MESSAGE, *as_position(comparison["span"]))
