"""The values of `with`, which OPA evaluates before what they apply to.

This engine evaluates them within, where a rule that its own value replaces is undefined. A value that
is evaluated at all is given to a variable before.

What stands behind `some … in` is evaluated under its `with`, too. So what it iterates over is given to a
variable before, and that has the `with` alone.
"""

from collections.abc import Callable, Iterator

from acs_sidecar.engines.rego.analysis.syntax import (
    CALLS,
    REFERENCES,
    as_object,
    composite_items,
    variant,
)
from acs_sidecar.engines.rego.dialect.arity import builtin_arity
from acs_sidecar.engines.rego.dialect.scopes import CLOSURES
from acs_sidecar.engines.rego.dialect.statements.draft import Draft
from acs_sidecar.spec.values import Json

__all__ = ["bind_collection", "evaluated_values"]


def evaluated_values(draft: Draft, is_function: Callable[[Json], bool]) -> Iterator[Json]:
    """Yield the values of the `with` of a statement to bind; a function that replaces another is no value."""
    for modifier in draft.modifiers:
        value = as_object(modifier)["as"]
        if arity := builtin_arity(value, draft.statement.scope):
            _call_builtin(draft, value, arity)
        elif _is_evaluated(value) and not is_function(value):
            yield value


def bind_collection(draft: Draft) -> None:
    """Bind what a `some … in` with a `with` iterates over."""
    kind, literal = variant(draft.statement.node["literal"])
    if kind == "SomeIn" and draft.modifiers:
        draft.bind_without_modifiers(literal["collection"])


def _call_builtin(draft: Draft, value: Json, arity: int) -> None:
    """Put a function that calls a built-in one in its place, which this engine takes for a variable."""
    name = draft.rewriter.fresh_name()
    arguments = ", ".join(f"x{place}" for place in range(arity))
    start, end = span = draft.rewriter.span(value)
    draft.rewriter.append(f"{name}({arguments}) = {draft.rewriter.text[start:end].decode()}({arguments})")
    draft.rewriter.replace(span, [name])


def _is_evaluated(term: Json) -> bool:
    kind, value = variant(term)
    if kind in REFERENCES or kind in CALLS or kind in CLOSURES:
        return True
    return any(_is_evaluated(item) for item in composite_items(kind, value))
