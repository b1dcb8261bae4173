"""Indexes into rules that are named from `data` on: `data.lib.members[input.id]`.

This engine makes the index a part of the rule's path, as text, so that the number `1` finds `"1"`. The
rule is put into an array of its own, and the index taken of its value: `[data.lib.members][0][input.id]`.
"""

from collections.abc import Callable

from acs_sidecar.engines.rego.analysis.syntax import chain, names_of, varying_in
from acs_sidecar.engines.rego.dialect.bodies.reader import BodyReader
from acs_sidecar.engines.rego.dialect.rewriting import Rewriter
from acs_sidecar.engines.rego.documents import Segments

__all__ = ["look_up_values"]

IsRule = Callable[[Segments], bool | None]
"""Whether a name is that of a rule, or is made up by rules, from `data` on; nothing for a package's name."""


def look_up_values(reader: BodyReader, is_rule: IsRule, rewriter: Rewriter) -> None:
    """Rewrite a module's indexes into rules to indexes of their values."""
    for reference in reader.lookups:
        links = chain(reference)
        names, whole = names_of(links)
        if whole:
            continue
        found = is_rule((str(links[0][1]["value"]), *names))
        varying = [link for link in links[1:] if varying_in([link])]
        if found is None:
            del varying[0]  # the name of a rule in the package
        if found is not False and varying:
            span = rewriter.span(varying[0][1]["refr"])
            rewriter.replace(span, ["[", span, "][0]"])
