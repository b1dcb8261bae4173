"""Objects that rules with several names in their heads make up: `d.a := 1 if …` makes `d` an object.

In OPA `d` is an empty object where none of its rules holds; in this engine it is undefined, so that
`not d` holds. A rule that adds no member is put beside them. `d[x] := 1 if …` alone needs none.
"""

import json
from collections.abc import Iterator

from acs_sidecar.engines.rego.analysis.syntax import as_list, chain, names_of, variant
from acs_sidecar.engines.rego.dialect.rewriting import Rewriter
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.values import JsonObject

__all__ = ["define_folders"]


def define_folders(ast: JsonObject, rewriter: Rewriter) -> None:
    """Append a rule without members for each object that heads of a module make up."""
    folders = {folder for node in as_list(ast["rules"]) for folder in _folders(*variant(node))}
    for root, *names in sorted(folders):
        key, value = rewriter.fresh_name(), rewriter.fresh_name()
        reference = root + "".join(f"[{name}]" for name in names)
        body = f"{{ {value} := {{}}[{key}] }}"
        rewriter.append(
            f"{reference}[{key}] := {value} if {body}"
            if ast["rego_v1"]
            else f"{reference}[{key}] = {value} {body}"
        )


def _folders(kind: str, rule: JsonObject) -> Iterator[Segments]:
    shape, head = ("", rule) if kind == "Default" else variant(rule["head"])
    reference = head["refr"]
    links = chain(reference)
    constants, whole = names_of(links)
    is_map = shape != "Set" and len(links) == len(constants) + 2 and not constants
    if as_list(head.get("args") or []) or is_map:
        return
    root = str(links[0][1]["value"])
    quoted = [root, *(_quoted(kind, link) for kind, link in links[1 : len(constants) + 1])]
    for length in range(1, len(quoted) + (not whole)):
        yield tuple(quoted[:length])


def _quoted(kind: str, link: JsonObject) -> str:
    """Return a constant name as it stands in the text, in quotes."""
    if kind == "RefDot":
        return f'"{as_list(link["field"])[1]}"'
    return json.dumps(variant(link["index"])[1]["value"], ensure_ascii=False)
