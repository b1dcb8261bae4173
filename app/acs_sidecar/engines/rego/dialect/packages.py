"""Packages of several modules, referred to as a whole: `data.lib` of `a.rego` and `b.rego`.

This engine takes a package for evaluated once it has evaluated one of its modules, and finds no rule by
its name in the others from then on, nor in those of packages below. So the first module of a package
has a rule that never holds, and that evaluates all rules of these others by their paths.
"""

from collections.abc import Iterator, Sequence

from acs_sidecar.engines.rego.analysis.facts import ModuleFacts
from acs_sidecar.engines.rego.dialect.imports import referred
from acs_sidecar.engines.rego.dialect.rewriting import Rewriter
from acs_sidecar.engines.rego.documents import Segments

__all__ = ["evaluate_other_modules"]


def evaluate_other_modules(
    modules: Sequence[ModuleFacts], position: int, rewriter: Rewriter, *, keywords: bool
) -> None:
    """Append the rule to the module at a position; `keywords` tells that bodies need `if`."""
    own = modules[position]
    if any(module.package == own.package for module in modules[:position]):
        return
    paths = dict.fromkeys(_below(own.package, modules[position + 1 :]))
    if paths:
        values = ",\n".join(f"[x | x := {referred(('data', *path))}]" for path in paths)
        name, body = rewriter.fresh_name(), f"{{ [{values}] == 0 }}"
        rewriter.append(f"{name} := 1 if {body}" if keywords else f"{name} = 1 {body}")


def _below(package: Segments, modules: Sequence[ModuleFacts]) -> Iterator[Segments]:
    """Yield the rules of other modules of a package, and the packages below it."""
    for module in modules:
        if module.package == package:
            yield from (rule.path for rule in module.rules if not rule.function)
        elif module.package[: len(package)] == package:
            yield module.package
