"""Values before an `else` that are bound in the body: `f(x) := v if { x.b; v := (x.a) } else := 1`.

Behind a value of a function that may be undefined OPA goes on to the `else`, and this engine gives up. In
a comprehension in the first value (`x := [i | input.a = i] if input.xs[i] else := 1`) it takes the
variables of the body for others.
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
from acs_sidecar.engines.rego.dialect.scopes import closure_spans
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["values_before_else"]


def values_before_else(rule: JsonObject, documents: Set[str]) -> dict[int, Json]:
    """Return the values to bind in the bodies of a rule, by the number of each body."""
    values: dict[int, Json] = {}
    if len(bodies := as_list(rule["bodies"])) < 2:
        return values
    shape, head = variant(rule["head"])
    others = documents - set(variables(head.get("args")))
    for number, (body, following) in enumerate(pairwise(map(as_object, bodies))):
        assigned = body["assign"] or head.get("assign")
        if not following["is_else"] or not assigned:
            continue
        value = as_object(assigned)["value"]
        undefined = shape == "Func" and _may_be_undefined(value, others)
        if undefined or (number == 0 and as_list(as_object(body["query"])["stmts"]) and closure_spans(value)):
            values[number] = value
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
