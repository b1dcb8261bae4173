"""`else` of a function behind a value that may be undefined.

OPA goes on to the `else`, and this engine gives up. The value is bound in the body:
`f(x) := x.a if x.b else := 1` becomes `f(x) := v if { x.b; v := (x.a) } else := 1`.
"""

from collections.abc import Set
from itertools import pairwise

from acs_sidecar.engines.rego.analysis.syntax import (
    CALLS,
    REFERENCES,
    as_list,
    as_object,
    composite_items,
    constant_names,
    first_link,
    operands,
    variables,
    variant,
)
from acs_sidecar.engines.rego.dialect.arity import ARITY
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["values_before_else"]


def values_before_else(rule: JsonObject, documents: Set[str]) -> dict[int, Json]:
    """Return the values of a function, by the number of the body, that may be undefined before an `else`."""
    shape, head = variant(rule["head"])
    if shape != "Func":
        return {}
    others = documents - set(variables(head["args"]))
    values: dict[int, Json] = {}
    for number, (body, following) in enumerate(pairwise(as_object(body) for body in as_list(rule["bodies"]))):
        assigned = body["assign"] or head.get("assign")
        if following["is_else"] and assigned and _may_be_undefined(as_object(assigned)["value"], others):
            values[number] = as_object(assigned)["value"]
    return values


def _may_be_undefined(term: Json, documents: Set[str]) -> bool:
    kind, value = variant(term)
    if kind == "Var":
        return value["value"] in documents
    if kind in REFERENCES or (kind == "Call" and not _is_builtin(value["fcn"])):
        return True
    parts = operands(kind, value) if kind in CALLS else composite_items(kind, value)
    return any(_may_be_undefined(part, documents) for part in parts)


def _is_builtin(function: Json) -> bool:
    first = as_object(first_link(function))
    names, whole = constant_names(function)
    return "Var" in first and whole and ".".join((str(as_object(first["Var"])["value"]), *names)) in ARITY
