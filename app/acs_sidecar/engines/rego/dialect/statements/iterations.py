"""`some x in value` where the value is no array, object or set: OPA finds no element, and this engine fails.

A function of the module stands around such a value, which is undefined for all else.
"""

from acs_sidecar.engines.rego.analysis.syntax import variant
from acs_sidecar.engines.rego.dialect.bodies.reader import BodyReader
from acs_sidecar.engines.rego.dialect.counting import IsCollection
from acs_sidecar.engines.rego.dialect.rewriting import Rewriter
from acs_sidecar.engines.rego.dialect.scopes import CLOSURES

__all__ = ["iterate_collections"]

_COLLECTIONS = CLOSURES | {"Array", "Object", "Set"}
_TEST = "x >= []"
"""Behind the least array stand all others, sets and objects; no `with` replaces that, as it may functions."""


def iterate_collections(
    reader: BodyReader, is_collection: IsCollection, rewriter: Rewriter, *, keywords: bool
) -> None:
    """Put the function around values that may be anything; `keywords` tells that bodies need `if`."""
    name = None
    for value in reader.iterated:
        if variant(value)[0] not in _COLLECTIONS and not is_collection(value):
            name = name or rewriter.fresh_name()
            rewriter.replace(span := rewriter.span(value), [f"{name}(", span, ")"])
    if name:
        rewriter.append(f"{name}(x) := x if {_TEST}" if keywords else f"{name}(x) = x {{ {_TEST} }}")
