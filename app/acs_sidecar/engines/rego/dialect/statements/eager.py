"""Parts of an expression that OPA evaluates before it, where they may conflict.

In `input.o[i] == f(x)` OPA calls `f` first, and two values of it end the evaluation although there is
no `input.o`; this engine would never call it. Such a part is given to a variable before the statement,
with those that OPA evaluates before it: first the calls inside of the expression, then its references.
In the body of a rule, OPA's index looks at the members of `input` before all of these.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain as joined

from acs_sidecar.engines.rego.analysis.syntax import (
    CALLS,
    REFERENCES,
    as_list,
    as_object,
    chain,
    composite_items,
    constant_names,
    first_link,
    operands,
    variables,
    variant,
)
from acs_sidecar.engines.rego.dialect.bodies.model import Body, Statement
from acs_sidecar.engines.rego.dialect.rewriting import Rewriter
from acs_sidecar.engines.rego.dialect.scopes import CLOSURES, VariableScope
from acs_sidecar.engines.rego.dialect.statements.draft import Draft
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "MayConflict",
    "bind_conflicting",
    "define_values",
    "fits",
    "holds_conflicting",
    "is_indexed",
    "is_looked_up",
    "looked_up_members",
    "may_conflict_in",
    "order_terms",
    "sides",
]

_COMPOSITES = frozenset({"Array", "Object", "Set"})
_SCALARS = frozenset({"Bool", "Null", "Number", "RawString", "String"})

_MAX_COLUMNS = 960
_BINDING = 40
"""How many columns the binding of a part takes besides the part."""

MayConflict = Callable[[Json, VariableScope], bool]
"""Whether the function or document that a reference names may have several values at once."""


def bind_conflicting(draft: Draft, may_conflict: MayConflict, *, indexed: bool) -> None:
    """Bind the parts of a statement up to the last one that may conflict.

    `indexed` tells that the statement stands in the body of a rule that OPA finds by its index.
    """
    statement = draft.statement
    kind, literal = variant(statement.node["literal"])
    member = {"SomeIn": "collection", "Every": "domain"}.get(kind, "expr")
    if member not in literal:
        return
    parts = list(_before(literal[member]))
    if not any(_conflicts(part, statement.scope, may_conflict) for part in parts):
        return
    if indexed and not draft.modifiers:
        equated = _indexed_sides(literal[member], statement.scope) if kind == "Expr" else []
        members = [part for part in [*equated, *parts] if _is_of_input(part, statement.scope)]
        parts = [*members, *(part for part in parts if part not in members)]
    conflicting = [_conflicts(part, statement.scope, may_conflict) for part in parts]
    if draft.modifiers and draft.spans_lines():
        return
    last = len(conflicting) - conflicting[::-1].index(True)
    for part, is_conflicting in zip(parts[:last], conflicting, strict=False):
        if _is_bound_before(part, draft):
            (draft.wait_for if is_conflicting else draft.bind)(part)


def define_values(draft: Draft, values: list[Json], may_conflict: MayConflict | None) -> None:
    """Bind the values of the `with` of a statement, behind the parts of them that OPA evaluates before."""
    if may_conflict is None:
        for value in values:
            draft.define(value)
        return
    parts = [*_called(values), *joined.from_iterable([*_inside(value), value] for value in values)]
    _define(draft, parts, values, may_conflict)


def order_terms(body: Body, rewriter: Rewriter, may_conflict: MayConflict, *, indexed: bool) -> None:
    """Evaluate the parts of a head, or that of a comprehension, in OPA's order where they may conflict.

    `{"b": undefined, "a": f(1)}` becomes `[v | w := (f(1)); v := {"b": undefined, "a": w}][0]`.
    """
    for term, unit in body.terms:
        parts = list(_before(term))
        members = [part for part in parts if indexed and _is_of_input(part, body.scope)]
        rest = [part for part in parts if not indexed or not _is_of_input(part, body.scope)]
        last = _last_conflicting(rest, body.scope, may_conflict)
        written = sorted(rest, key=lambda part: rewriter.span(part)[1])
        start, end = rewriter.span(term)
        if (
            rest[:last] == written[:last]
            or not unit.early.issuperset(unit.needs)
            or not fits([*members, *rest[:last]], start, rewriter)
        ):
            continue
        span: Json = {"start": start, "end": end}
        node: JsonObject = {"literal": {"Expr": {"expr": term}}, "span": span}
        draft = Draft(Statement(node, body.scope, unit, bare=False), rewriter)
        draft.begin_with(members)
        _define(draft, rest, [], may_conflict)
        draft.become_value()
        draft.commit()


def _define(draft: Draft, parts: list[Json], values: list[Json], may_conflict: MayConflict) -> None:
    """Bind values, and the parts among them up to the last one that may conflict, if these fit the line."""
    scope = draft.statement.scope
    start, _ = draft.rewriter.offsets(draft.statement.node)
    last = _last_conflicting(parts, scope, may_conflict)
    if not fits(parts[:last], start, draft.rewriter):
        last = 0
    wholes = set(map(draft.rewriter.span, values))
    for place, part in enumerate(parts):
        if draft.rewriter.span(part) in wholes or (place < last and _is_bound_before(part, draft)):
            draft.define(part)
            if _conflicts(part, scope, may_conflict):
                draft.follow(part)


def _last_conflicting(parts: list[Json], scope: VariableScope, may_conflict: MayConflict) -> int:
    """Return how many parts there are up to the last one that may conflict."""
    conflicting = (place for place, part in enumerate(parts, 1) if _conflicts(part, scope, may_conflict))
    return max(conflicting, default=0)


def fits(parts: list[Json], start: int, rewriter: Rewriter, more: int = 0) -> bool:
    """Whether the engine still reads the line at `start` with some parts bound in it, and `more` columns."""
    end = rewriter.text.find(b"\n", start)
    line = (end if end >= 0 else len(rewriter.text)) - rewriter.text.rfind(b"\n", 0, start)
    spans = map(rewriter.span, parts)
    return 2 * line + more + sum(end - start + _BINDING for start, end in spans) < _MAX_COLUMNS


def is_indexed(statements: Iterable[Statement]) -> bool:
    """Whether OPA's index looks at each member of `input` of a body: not beside `in` several constants."""
    return not any(_is_choice(statement.node["literal"]) for statement in statements)


def may_conflict_in(statement: Statement, may_conflict: MayConflict) -> bool:
    """Whether a statement makes up an object by a comprehension, or names what may conflict."""
    return holds_conflicting(dict(statement.node), statement.scope, may_conflict)


def is_looked_up(statement: Statement) -> bool:
    """Whether a statement begins with a member of `input` that OPA's index looks at before the body."""
    kind, literal = variant(statement.node["literal"])
    if kind not in ("Expr", "NotExpr") or as_list(statement.node.get("with_mods", [])):
        return False
    expression = literal["expr"]
    kind, value = variant(expression)
    terms = _indexed_sides(expression, statement.scope)
    if not sides(expression):
        terms = operands(kind, value)[:1] if kind in CALLS else [expression]
    return any(_is_of_input(term, statement.scope) for term in terms)


def looked_up_members(body: Body, *, negates_all: bool) -> Iterator[Json]:
    """Yield the members of `input` that OPA's index looks at before a body."""
    for statement in body.statements:
        kind, literal = variant(statement.node["literal"])
        modifiers = as_list(statement.node.get("with_mods", []))
        for value in (as_object(modifier)["as"] for modifier in modifiers):
            yield from (part for part in [value, *_before(value)] if _is_of_input(part, statement.scope))
        if modifiers or (kind == "NotExpr" and negates_all):
            continue
        parts = [literal["expr"], *_indexed_sides(literal["expr"], statement.scope)] if kind == "Expr" else []
        member = {"SomeIn": "collection", "Every": "domain"}.get(kind, "expr")
        parts += _before(literal[member]) if member in literal else ()
        yield from (part for part in parts if _is_of_input(part, statement.scope))
    for term, _ in body.terms:
        yield from (part for part in [term, *_before(term)] if _is_of_input(part, body.scope))


def _is_choice(literal: Json) -> bool:
    kind, value = variant(literal)
    if kind != "Expr" or "Membership" not in as_object(value["expr"]):
        return False
    kind, collection = variant(as_object(as_object(value["expr"])["Membership"])["collection"])
    items = as_list(collection["fields"]) if kind == "Object" else composite_items(kind, collection)
    return len(items) > 1


def sides(expression: Json) -> list[Json]:
    """Return the sides of an equality."""
    kind, value = variant(expression)
    if kind != "AssignExpr" and (kind != "BoolExpr" or value["op"] != "Eq"):
        return []
    return [value[side] for side in ("lhs", "rhs")]


def _indexed_sides(expression: Json, scope: VariableScope) -> list[Json]:
    """Return the sides of an equality of which the other one is a value to OPA's index."""
    equated = sides(expression)
    return [side for side, other in zip(equated, equated[::-1], strict=True) if _is_index_value(other, scope)]


def _is_index_value(term: Json, scope: VariableScope) -> bool:
    """Whether a term is a scalar, a variable or a call, or an array of what is one of them or a reference."""
    kind, value = variant(term)
    if kind == "Array":
        return not any(variant(item)[0] in _COMPOSITES for item in composite_items(kind, value))
    if kind == "Var":
        return scope.variable(value) is not None
    return kind not in _COMPOSITES and kind not in CLOSURES and kind not in REFERENCES


def _before(expression: Json) -> Iterator[Json]:
    """Yield the parts of an expression in the order in which OPA evaluates them before it."""
    yield from _called(_parts(expression))
    kind, value = variant(expression)
    if equated := sides(expression):
        yield from joined.from_iterable(map(_inside, equated))
    elif kind in CALLS:
        yield from joined.from_iterable(map(_dynamic, operands(kind, value)))
    else:
        yield from _inside(expression)


def _called(terms: list[Json]) -> Iterator[Json]:
    """Yield the calls in some terms, each behind what OPA evaluates before it."""
    for call in _nested_calls(terms):
        yield from _before(call)
        yield call


def _parts(term: Json) -> list[Json]:
    kind, value = variant(term)
    if kind == "AssignExpr":
        return [value["lhs"], value["rhs"]]
    if kind in CALLS:
        return operands(kind, value)
    if kind in REFERENCES:
        return _reference_parts(term)
    return composite_items(kind, value)


def _reference_parts(reference: Json) -> list[Json]:
    (first, value), *links = chain(reference)
    head: list[Json] = [] if first == "Var" else [{first: dict(value)}]
    return head + [link["index"] for kind, link in links if kind == "RefBrack"]


def _nested_calls(terms: list[Json]) -> Iterator[Json]:
    for term in terms:
        if variant(term)[0] in CALLS:
            yield term
        else:
            yield from _nested_calls(_parts(term))


def _inside(term: Json) -> Iterator[Json]:
    """Yield what is evaluated before a term that is itself a side of `=` or all of an expression."""
    kind, _ = variant(term)
    if kind in REFERENCES:
        yield from joined.from_iterable(map(_dynamic, _reference_parts(term)))
    elif kind not in CLOSURES:
        yield from _dynamic(term)


def _dynamic(term: Json) -> Iterator[Json]:
    """Yield the references and comprehensions in a term; its calls are evaluated already."""
    kind, value = variant(term)
    if kind in CLOSURES:
        yield term
    elif kind in REFERENCES:
        yield from joined.from_iterable(map(_dynamic, _reference_parts(term)))
        if kind != "Var" or value["value"] != "_":
            yield term
    elif kind not in CALLS:
        yield from joined.from_iterable(map(_dynamic, _in_order(kind, value)))


def _in_order(kind: str, value: JsonObject) -> list[Json]:
    """Return the parts of a composite as OPA orders them: references by name, and members too."""
    if kind == "Object":
        members = [as_list(item)[1:] for item in as_list(value["fields"])]
        return [part for member in sorted(members, key=_name) for part in member]
    items = composite_items(kind, value)
    return sorted(items, key=_root) if kind == "Set" else items


def _name(member: list[Json]) -> tuple[bool, str]:
    """Return what orders a member by its name, constants first."""
    kind, value = variant(member[0])
    return kind not in _SCALARS, str(value.get("value"))


def _root(term: Json) -> tuple[str, ...]:
    """Return what orders a reference to `input` behind all other ones, and both before all else."""
    if REFERENCES.isdisjoint(as_object(term)):
        return ("z",)
    names, _ = constant_names(term)
    first = str(variant(first_link(term))[1].get("value"))
    return (first, *names) if first in ("data", "input") else ("data", first, *names)


def _is_of_input(part: Json, scope: VariableScope) -> bool:
    """Whether a part is a member of `input` by constant names and numbers."""
    if not _is_document(part, scope):
        return False
    (_, first), *links = chain(part)
    constant = all(kind == "RefDot" or variant(link["index"])[0] in _SCALARS for kind, link in links)
    return constant and first["value"] == "input"


def _is_document(term: Json, scope: VariableScope) -> bool:
    """Whether a term is a reference that begins with no variable."""
    if REFERENCES.isdisjoint(as_object(term)):
        return False
    kind, first = variant(first_link(term))
    return kind == "Var" and scope.variable(first) is None


def _conflicts(part: Json, scope: VariableScope, may_conflict: MayConflict) -> bool:
    kind, value = variant(part)
    if kind in REFERENCES:
        return may_conflict(part, scope)
    if kind == "Call":
        return may_conflict(value["fcn"], scope)
    return kind in CLOSURES and holds_conflicting(part, scope, may_conflict)


def holds_conflicting(node: Json, scope: VariableScope, may_conflict: MayConflict) -> bool:
    """Whether a node makes up an object by a comprehension, or names what may conflict."""
    pending = [node]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict) and REFERENCES & node.keys():
            if may_conflict(node, scope):
                return True
            pending.extend(_reference_parts(node))
        elif isinstance(node, dict):
            if "ObjectCompr" in node:
                return True
            pending.extend(value for name, value in node.items() if name != "span")
    return False


def _is_bound_before(part: Json, draft: Draft) -> bool:
    """Whether other statements bind all variables of a part, and it is more than one of them."""
    kind, value = variant(part)
    scope, unit = draft.statement.scope, draft.statement.unit
    if kind == "Var" and scope.variable(value) is not None:
        return False
    names = set(variables(part))
    used = joined(unit.needs.values(), unit.captured.values())
    return unit.early.issuperset(found.key for found in used if found.name in names)
