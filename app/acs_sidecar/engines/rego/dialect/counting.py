"""`count` of a text, whose characters this engine counts in units of UTF-16: an emoji twice.

Where its argument may be a text, and more is asked than whether it is empty, a function of the module
takes its place that counts characters. Likewise `uuid.parse`, of which this engine tells more than OPA.
"""

from collections.abc import Callable, Iterator

from acs_sidecar.engines.rego.analysis.syntax import REFERENCES, as_list, called_name, variant
from acs_sidecar.engines.rego.dialect.bodies.reader import BodyReader
from acs_sidecar.engines.rego.dialect.rewriting import Rewriter
from acs_sidecar.engines.rego.dialect.scopes import CLOSURES, VariableScope
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["COUNTING", "count_characters", "describe_identifiers"]

_COUNT = ("count",)
_COUNTS = "count([0, 0, 0]) == 3; count([]) == 0"
COUNTING = frozenset({_COUNT, ("is_string",), ("split",)})
"""The functions by which characters are counted."""
_IDENTIFIED = ("uuid", "parse")
_COLLECTIONS = CLOSURES | {"Array", "BinExpr", "Object", "Set"}
_COLLECTING = frozenset(
    {
        *("array.concat", "array.reverse", "array.slice", "indexof_n", "intersection", "json.filter"),
        *("json.remove", "net.cidr_expand", "net.cidr_merge", "numbers.range", "numbers.range_step"),
        *("object.filter", "object.keys", "object.remove", "object.union", "object.union_n"),
        *("regex.find_all_string_submatch_n", "regex.find_n", "regex.split", "sort", "split", "union"),
    }
)
IsCollection = Callable[[Json], bool]
"""Whether a reference names a rule that is a set or an object."""


def count_characters(
    reader: BodyReader,
    is_collection: IsCollection,
    rewriter: Rewriter,
    *,
    is_replaced: bool,
    keywords: bool,
) -> None:
    """Replace the calls of `count` whose argument may be a text; `keywords` tells that bodies need `if`.

    Where a `with` may replace `count` itself or what the function is made of (`is_replaced`), it asks first
    whether `count` counts, and corrects its answer, by nothing that a `with` can name.
    """
    functions = [call["fcn"] for call in _Counted(reader, is_collection).calls()]
    if functions:
        name = rewriter.fresh_name()
        for function in functions:
            rewriter.replace(rewriter.span(function), [name])
        assigned, opening = (":=", "if {") if keywords else ("=", "{")
        counted, test = 'count(split(x, ""))', "is_string(x)"
        if is_replaced:
            counted, test = "acs_sidecar.counted(x, count(x))", f'x >= ""; x < []; {_COUNTS}'
        rewriter.append(f"{name}(x) {assigned} {counted} {opening} {test} }} else {assigned} count(x)")


def describe_identifiers(reader: BodyReader, rewriter: Rewriter, *, keywords: bool) -> None:
    """Replace the calls of `uuid.parse`; it stays undefined for texts that are no identifiers."""
    functions = [call["fcn"] for call, _ in reader.calls if called_name(call["fcn"]) == _IDENTIFIED]
    if functions:
        name = rewriter.fresh_name()
        for function in functions:
            rewriter.replace(rewriter.span(function), [name])
        rewriter.append(f"{name}(x) {':=' if keywords else '='} acs_sidecar.uuid(uuid.parse(x))")


class _Counted:
    """The calls of `count` in one module."""

    def __init__(self, reader: BodyReader, is_collection: IsCollection) -> None:
        self._reader = reader
        self._is_collection = is_collection
        self._collections = {
            variable.key for variable, value, _ in reader.assignments if _is_written_collection(value)
        }

    def calls(self) -> Iterator[JsonObject]:
        """Yield those whose argument may be a text, emptiness tests aside."""
        counts = [found for found in self._reader.calls if called_name(found[0]["fcn"]) == _COUNT]
        emptiness = set(self._emptiness_tests()) if counts else ()
        for call, scope in counts:
            if id(call) not in emptiness and self._may_be_text(as_list(call["params"])[0], scope):
                yield call

    def _emptiness_tests(self) -> Iterator[int]:
        for comparison, _ in self._reader.comparisons:
            sides = [variant(comparison[side]) for side in ("lhs", "rhs")]
            if any(kind == "Number" and value["value"] == 0 for kind, value in sides):
                yield from (id(value) for kind, value in sides if kind == "Call")

    def _may_be_text(self, term: Json, scope: VariableScope) -> bool:
        kind, value = variant(term)
        if kind == "Var" and (variable := scope.variable(value)):
            return variable.key not in self._collections
        if kind in REFERENCES:
            return not self._is_collection(term)
        return not _is_written_collection(term)


def _is_written_collection(term: Json) -> bool:
    """Whether a term is a collection by its form, or the value of a function that makes one."""
    kind, value = variant(term)
    if kind == "Call":
        return ".".join(called_name(value["fcn"]) or ()) in _COLLECTING
    return kind in _COLLECTIONS
