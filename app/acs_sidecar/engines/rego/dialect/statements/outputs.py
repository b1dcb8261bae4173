"""The output of a built-in function as its last argument: `split(x, ",", parts)` is `parts = split(x, ",")`.

This engine finds no output in calls of the functions that the service adds, and takes it for unbound.
"""

from acs_sidecar.engines.rego.analysis.syntax import as_list, called_name, variant
from acs_sidecar.engines.rego.dialect.arity import ARITY
from acs_sidecar.engines.rego.dialect.statements.draft import Draft

__all__ = ["assign_output"]

_WALK = ("walk",)


def assign_output(draft: Draft) -> None:
    """Write a statement that calls a built-in function with its output as an equality."""
    kind, literal = variant(draft.statement.node["literal"])
    if kind not in ("Expr", "NotExpr"):
        return
    kind, call = variant(literal["expr"])
    name = called_name(call["fcn"]) if kind == "Call" else None
    if name is None or name == _WALK or ARITY.get(".".join(name)) != len(as_list(call["params"])) - 1:
        return
    rewriter = draft.rewriter
    *inputs, output = (rewriter.span(argument) for argument in as_list(call["params"]))
    start, end = rewriter.offsets(call)
    kept = inputs[-1][1] if inputs else rewriter.text.index(b"(", rewriter.span(call["fcn"])[1]) + 1
    lines = rewriter.text.count(b"\n", kept, output[0]) + rewriter.text.count(b"\n", output[1], end)
    draft.replace((start, end), [output, " = ", (start, kept), "\n" * lines, ")"])
