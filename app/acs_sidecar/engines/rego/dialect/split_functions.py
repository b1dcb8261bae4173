"""Functions whose definitions stand in several modules of one package.

This engine evaluates none of them. The definitions of each further module get a name of their own, and
the first module one that calls them: `f(x0) = data.p.g(x0)`.
"""

from collections.abc import Iterator, Sequence

from acs_sidecar.engines.rego.analysis.facts import ModuleFacts
from acs_sidecar.engines.rego.analysis.syntax import as_list, called_name, spanned, variant
from acs_sidecar.engines.rego.dialect.imports import referred
from acs_sidecar.engines.rego.dialect.rewriting import Rewriter
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.values import JsonObject

__all__ = ["join_functions"]


def join_functions(modules: Sequence[tuple[JsonObject, ModuleFacts]], rewriters: Sequence[Rewriter]) -> None:
    """Rename the definitions in further modules, and call them in the first one."""
    first: dict[Segments, Rewriter] = {}
    for (ast, facts), rewriter in zip(modules, rewriters, strict=True):
        names: dict[Segments, str] = {}
        for path, head in _definitions(ast, facts):
            if first.setdefault(path, rewriter) is rewriter:
                continue
            name = spanned(variant(head["refr"])[1]["span"], rewriter.text)
            if path not in names:
                names[path] = rewriter.fresh_name()
                arguments = ", ".join(f"x{place}" for place in range(len(as_list(head["args"]))))
                other = referred(("data", *facts.package, names[path]))
                first[path].append(f"{name}({arguments}) = {other}({arguments})")
            rewriter.replace(rewriter.span(head["refr"]), [names[path]])


def _definitions(ast: JsonObject, facts: ModuleFacts) -> Iterator[tuple[Segments, JsonObject]]:
    """Yield the head of each definition of a function, with its path."""
    for node in as_list(ast["rules"]):
        kind, rule = variant(node)
        if kind != "Default":
            shape, head = variant(rule["head"])
            name = called_name(head["refr"]) if shape == "Func" else None
            if name:
                yield (*facts.package, *name), head
