"""Imports: a name for a document, put in full where it is used.

This engine evaluates all below an import at each use, which makes a package that imports the one above
it depend on itself, and it takes a rule for an import of the same name where OPA takes the import.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Set

from acs_sidecar.engines.rego.analysis.syntax import (
    as_list,
    as_object,
    as_offsets,
    as_position,
    constant_names,
    first_link,
    spanned,
    variant,
)
from acs_sidecar.engines.rego.dialect.problems import Problem
from acs_sidecar.engines.rego.dialect.rewriting import Rewriter
from acs_sidecar.engines.rego.dialect.scopes import Variable
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.values import JsonObject

__all__ = ["referred", "shadowed", "tell_apart"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def referred(path: Segments) -> str:
    """Return the reference to a path as Rego text."""
    root, *names = path
    return root + "".join(
        f".{name}" if _PLAIN.fullmatch(name) else f"[{json.dumps(name, ensure_ascii=False)}]"
        for name in names
    )


def shadowed(ast: JsonObject, imports: Collection[str]) -> Iterator[Problem]:
    """Find rules that have the name of an import."""
    for node in as_list(ast["rules"]):
        kind, rule = variant(node)
        reference = rule["refr"] if kind == "Default" else variant(rule["head"])[1]["refr"]
        root = as_object(as_object(first_link(reference))["Var"])
        if root["value"] in imports:
            message = f"`{root['value']}` is an import and a rule: rename one of them, OPA means the import"
            yield Problem("rego-import-shadowed", message, *as_position(root["span"]))


def tell_apart(
    ast: JsonObject,
    imports: Mapping[str, Segments],
    own: Set[str],
    shadows: Iterable[Variable],
    rewriter: Rewriter,
) -> Iterator[Problem]:
    """Rename the imports whose names variables have: what an import names is put in full where it is used.

    Finds the variables that have the name of one of the module's `own` rules.
    """
    renamed = set()
    for shadow in shadows:
        if shadow.name not in own and imports.get(shadow.name, ("",))[0] in ("data", "input"):
            renamed.add(shadow.name)
            continue
        message = (
            f"`{shadow.name}` is a rule or an import too, for which the engine takes it here: "
            "give the variable another name"
        )
        yield Problem("rego-name-shadowed", message, shadow.line, shadow.column)
    for given in as_list(ast["imports"]) if renamed else ():
        node = as_object(given)
        alias = node.get("as")
        path, _ = constant_names(node["refr"])
        if (spanned(alias, rewriter.text) if alias else path[-1]) in renamed:
            end = rewriter.offsets(node)[1]
            span = as_offsets(alias) if alias else (end, end)
            rewriter.replace(span, ["" if alias else " as ", rewriter.fresh_name()])
