"""Which variable a name means: OPA's scopes, of rules, bodies, comprehensions and `every`."""

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import NamedTuple

from acs_sidecar.engines.rego.analysis.syntax import (
    as_list,
    as_object,
    as_position,
    spanned,
    variables,
    variant,
)
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["CLOSURES", "Variable", "VariableScope", "closure_spans", "declared"]

CLOSURES = frozenset({"ArrayCompr", "SetCompr", "ObjectCompr"})


class Variable(NamedTuple):
    """A variable where it is used: `key` is one and the same for one variable of a rule."""

    key: str
    name: str
    line: int
    column: int


class VariableScope(NamedTuple):
    """The variables that a body declares, by the key of each, inside of another scope.

    `documents` are the names that mean a rule, an import, `input` or `data` where nothing hides them.
    """

    documents: Set[str]
    own: Mapping[str, str]
    outer: "VariableScope | None" = None
    quantified: bool = False
    """Whether these are the variables of an `every`."""

    def inside(self, names: Iterable[str], label: int) -> "VariableScope":
        """Return the scope of a body in this one that declares `names`; no other has its `label`."""
        return VariableScope(self.documents, {name: f"{name}@{label}" for name in names}, self)

    def declares(self, name: str) -> bool:
        """Whether this scope or one around it declares a name."""
        scope: VariableScope | None = self
        while scope and name not in scope.own:
            scope = scope.outer
        return scope is not None

    def is_in_every(self) -> bool:
        """Whether this is the scope of an `every`, or inside of one."""
        scope: VariableScope | None = self
        while scope and not scope.quantified:
            scope = scope.outer
        return scope is not None

    def is_quantified(self, var: JsonObject) -> bool:
        """Whether a `Var` node is a variable of an `every`."""
        scope: VariableScope | None = self
        while scope:
            if var["value"] in scope.own:
                return scope.quantified
            scope = scope.outer
        return False

    def variable(self, var: JsonObject) -> Variable | None:
        """Return the variable that a `Var` node is, or nothing where it means a document."""
        name = str(var["value"])
        scope: VariableScope | None = self
        while scope and name not in scope.own:
            scope = scope.outer
        if not scope and name != "_" and name in self.documents:
            return None
        line, column = as_position(var["span"])
        if name == "_":
            return Variable(f"_@{line}:{column}", name, line, column)
        return Variable(scope.own[name] if scope else name, name, line, column)


def declared(statement: Json, text: bytes) -> Iterator[str]:
    """Yield the names that a statement declares for what follows it, by `some` or `:=`."""
    kind, literal = variant(as_object(statement)["literal"])
    if kind == "SomeVars":
        yield from (spanned(span, text) for span in as_list(literal["vars"]))
    elif kind == "SomeIn":
        yield from variables([literal["key"], literal["value"]])
    elif kind == "Expr":
        kind, expression = variant(literal["expr"])
        if kind == "AssignExpr" and expression["op"] == "ColEq":
            yield from variables(expression["lhs"])


def closure_spans(term: Json) -> list[Json]:
    """Return the spans of the comprehensions in a term, those in others aside."""
    if isinstance(term, list):
        return [span for item in term for span in closure_spans(item)]
    if not isinstance(term, dict):
        return []
    return [
        span
        for kind, value in term.items()
        for span in ([as_object(value)["span"]] if kind in CLOSURES else closure_spans(value))
    ]
