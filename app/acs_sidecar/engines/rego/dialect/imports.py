"""Imports: a name for a document, put in full where it is used.

This engine evaluates all below an import at each use, which makes a package that imports the one above
it depend on itself, and it takes a rule for an import of the same name where OPA takes the import.
"""

import json
import re
from collections.abc import Collection, Iterator

from acs_sidecar.engines.rego.analysis.syntax import as_list, as_object, as_position, first_link, variant
from acs_sidecar.engines.rego.dialect.problems import Problem
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.values import JsonObject

__all__ = ["referred", "shadowed"]

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
