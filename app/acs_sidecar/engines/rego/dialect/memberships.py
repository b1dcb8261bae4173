"""`in` where its value is used: `known := input.user in data.users`.

This engine has `false` where an operand is undefined, and OPA nothing. A function of the module takes
the place of the operator, which is not called for an undefined argument. Where `in` is all of a
statement, the two are the same.
"""

from acs_sidecar.engines.rego.analysis.syntax import operands
from acs_sidecar.engines.rego.dialect.bodies.reader import BodyReader
from acs_sidecar.engines.rego.dialect.rewriting import Part, Rewriter

__all__ = ["evaluate_operands"]

_KEYED = 3


def evaluate_operands(reader: BodyReader, rewriter: Rewriter, *, keywords: bool) -> None:
    """Replace the operators whose values are used; `keywords` tells that heads are written with `:=`."""
    names: dict[int, str] = {}
    for membership in reader.memberships:
        arguments = operands("Membership", membership)
        name = names.setdefault(len(arguments), names.get(len(arguments)) or rewriter.fresh_name())
        parts: list[Part] = [f"{name}("]
        for argument in arguments:
            parts += [rewriter.span(argument), ", "]
        rewriter.replace(rewriter.span({"Membership": dict(membership)}), [*parts[:-1], ")"])
    for count, name in names.items():
        key = "z, " if count == _KEYED else ""
        rewriter.append(f"{name}({key}x, y) {':=' if keywords else '='} {key}x in y")
