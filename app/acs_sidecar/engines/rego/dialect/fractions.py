"""Arithmetic with fractions, which OPA does in more digits than this engine: `0.1 + 0.2 > 0.3` fails there.

Where a fraction is written in a computation, or compared with one, functions that compute in decimal
digits take the place of its operators, and of `sum` and `product`.
"""

from collections.abc import Iterable, Iterator

from acs_sidecar.engines.rego.analysis.syntax import called_name, variant
from acs_sidecar.engines.rego.dialect.bodies import BodyReader
from acs_sidecar.engines.rego.dialect.rewriting import Rewriter, Span
from acs_sidecar.spec.values import Json

__all__ = ["compute_in_digits"]

_OPERATORS = {
    "Add": "acs_sidecar.plus",
    "Sub": "acs_sidecar.minus",
    "Mul": "acs_sidecar.times",
    "Div": "acs_sidecar.over",
}
_AGGREGATES = (("product",), ("sum",))


def compute_in_digits(reader: BodyReader, rewriter: Rewriter) -> None:
    """Replace the operators of each computation that a fraction stands in or beside."""
    done: set[Span] = set()
    for term in _computations(reader):
        for node in _nodes(term):
            kind, value = variant(node)
            if (span := rewriter.span(node)) in done:
                continue
            done.add(span)
            if kind == "ArithExpr" and value["op"] in _OPERATORS:
                left, right = rewriter.span(value["lhs"]), rewriter.span(value["rhs"])
                name = _OPERATORS[str(value["op"])]
                rewriter.replace(span, [f"{name}(", left, ", ", right, ")"])
            elif kind == "Call" and called_name(value["fcn"]) in _AGGREGATES:
                function = rewriter.span(value["fcn"])
                rewriter.replace(function, ["acs_sidecar.", function])


def _computations(reader: BodyReader) -> Iterator[Json]:
    """Yield the computations with a fraction, and both sides of a comparison of which one has one."""
    for comparison, _ in reader.comparisons:
        sides = [comparison["lhs"], comparison["rhs"]]
        if _has_fraction(node for side in sides for node in _nodes(side)):
            yield from sides
    for computation in reader.computations:
        term: Json = {"ArithExpr": dict(computation)}
        if _has_fraction(_nodes(term)):
            yield term


def _nodes(term: Json) -> Iterator[Json]:
    """Yield a term, and the operands of the computations that it is."""
    pending = [term]
    while pending:
        node = pending.pop()
        yield node
        kind, value = variant(node)
        if kind == "ArithExpr":
            pending += [value["lhs"], value["rhs"]]


def _has_fraction(nodes: Iterable[Json]) -> bool:
    numbers = (value["value"] for kind, value in map(variant, nodes) if kind == "Number")
    return any(isinstance(number, float) and not number.is_integer() for number in numbers)
