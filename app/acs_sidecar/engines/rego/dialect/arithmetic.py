"""Arithmetic, which OPA does in more digits than this engine: `0.1 + 0.2 > 0.3` fails there.

Functions that compute in decimal digits take the place of the operators, and of `sum` and `product`; of
`-`, which sets have too, one that looks at its operands where these are not seen to be numbers. What is
made of counts and small whole numbers alone is the same in this engine, and stays.
"""

from collections.abc import Iterator, Set

from acs_sidecar.engines.rego.analysis.syntax import as_object, called_name, variant
from acs_sidecar.engines.rego.dialect.bodies.reader import BodyReader
from acs_sidecar.engines.rego.dialect.rewriting import Rewriter, Span
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.values import Json

__all__ = ["compute_in_digits"]

_OPERATORS = {
    "Add": "acs_sidecar.plus",
    "Sub": "acs_sidecar.minus",
    "Mul": "acs_sidecar.times",
    "Div": "acs_sidecar.over",
}
_COMPUTED = frozenset({"ArithExpr", "Call"})
_AGGREGATES = frozenset({("product",), ("sum",)})
_COUNT = ("count",)
_SMALL = 2**31
_WHOLE = frozenset({"Add", "Sub"})
_NUMERIC = frozenset({("abs",), ("ceil",), ("count",), ("floor",), ("round",), ("to_number",), *_AGGREGATES})


def compute_in_digits(
    reader: BodyReader, rewriter: Rewriter, replaced: Set[Segments], *, keywords: bool
) -> None:
    """Replace the operators of the computations of a module, and the functions that no `with` replaces.

    `keywords` tells that bodies need `if`.
    """
    done: set[Span] = set()
    aggregates = _AGGREGATES - replaced
    counts = _COUNT not in replaced
    difference = ""
    for term, is_numeric in _computations(reader):
        for node in _nodes(term) if is_numeric else [term]:
            kind, value = variant(node)
            if kind not in _COMPUTED or _is_small(node, counts=counts):
                continue
            if (span := rewriter.span(node)) in done:
                continue
            done.add(span)
            if kind == "ArithExpr" and value["op"] in _OPERATORS:
                left, right = rewriter.span(value["lhs"]), rewriter.span(value["rhs"])
                name = _OPERATORS[str(value["op"])]
                if not is_numeric:
                    name = difference = difference or rewriter.fresh_name()
                rewriter.replace(span, [f"{name}(", left, ", ", right, ")"])
            elif kind == "Call" and called_name(value["fcn"]) in aggregates:
                function = rewriter.span(value["fcn"])
                rewriter.replace(function, ["acs_sidecar.", function])
    if difference:
        assigned, test = (":=", "if x - x == 0") if keywords else ("=", "{ x - x == 0 }")
        rewriter.append(f"{difference}(x, y) {assigned} acs_sidecar.minus(x, y) {test} else {assigned} x - y")


def _computations(reader: BodyReader) -> Iterator[tuple[Json, bool]]:
    """Yield computations, sides of comparisons with numbers, and calls; and whether all are of numbers."""
    for comparison, _ in reader.comparisons:
        one, other = comparison["lhs"], comparison["rhs"]
        if "Number" in as_object(one) or "Number" in as_object(other):
            yield from ((one, True), (other, True))
    for computation in reader.computations:
        term: Json = {"ArithExpr": dict(computation)}
        yield (
            term,
            computation["op"] != "Sub" or any(_is_numeric(side) for side in _nodes(term) if side is not term),
        )
    for call, _ in reader.calls:
        if called_name(call["fcn"]) in _AGGREGATES:
            yield {"Call": dict(call)}, True


def _nodes(term: Json) -> Iterator[Json]:
    """Yield a term, and the operands of the computations that it is."""
    pending = [term]
    while pending:
        node = pending.pop()
        yield node
        kind, value = variant(node)
        if kind == "ArithExpr":
            pending += [value["lhs"], value["rhs"]]


def _is_small(term: Json, *, counts: bool) -> bool:
    """True if a term is made of counts and small whole numbers alone, by `+` and `-`."""
    pending = [term]
    while pending:
        kind, value = variant(pending.pop())
        if kind == "ArithExpr" and value["op"] in _WHOLE:
            pending += [value["lhs"], value["rhs"]]
        elif kind == "Number":
            number = value["value"]
            if not isinstance(number, int) or abs(number) > _SMALL:
                return False
        elif kind != "Call" or called_name(value["fcn"]) != _COUNT or not counts:
            return False
    return True


def _is_numeric(term: Json) -> bool:
    """True if the value of a term can only be a number."""
    kind, value = variant(term)
    if kind == "ArithExpr":
        return bool(value["op"] != "Sub")
    return kind == "Number" or (kind == "Call" and called_name(value["fcn"]) in _NUMERIC)
