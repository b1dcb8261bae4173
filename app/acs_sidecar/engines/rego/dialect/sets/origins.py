"""Where the values of a module's terms come from, if they are sets or objects."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.engines.rego.analysis.syntax import (
    REFERENCES,
    as_list,
    called_name,
    chain,
    composite_items,
    first_link,
    names_of,
    variant,
)
from acs_sidecar.engines.rego.dialect.bodies.model import PatternPart
from acs_sidecar.engines.rego.dialect.bodies.reader import BodyReader
from acs_sidecar.engines.rego.dialect.scopes import CLOSURES, VariableScope
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "AN_OBJECT",
    "AN_UNSORTED_SET",
    "A_SET",
    "INPUT",
    "SCALAR",
    "ModuleOrigins",
    "Ordered",
    "Origin",
    "Origins",
    "RuleNames",
    "origins_at",
]

_MESSAGE = (
    "OPA orders sets behind objects, and this engine before them: compare `count(…)` of both, or test for "
    "elements with `in`"
)
_LISTED = (
    "OPA iterates over sets behind objects, and this engine before them: make a set of what is found, "
    "`{… | …}`, or iterate over each kind by itself"
)
_ORDERING = frozenset({"Lt", "Le", "Gt", "Ge"})
_SETS = frozenset({"Set", "SetCompr"})
_COMPOSITES = frozenset({"Array", "Object", "Set"})
_ARRAYS = frozenset({"Array", "ArrayCompr"})
_CONSTANTS = frozenset({"Number", "String", "RawString", "Bool", "Null"})
_SCALARS = _CONSTANTS | {"BoolExpr", "Membership", "UnaryExpr"}
_CHOOSING = frozenset({("max",), ("min",), ("sort",)})
_SET_FUNCTIONS = frozenset(
    {
        *("graph.reachable", "graph.reachable_paths", "intersection", "net.cidr_contains_matches"),
        *("net.cidr_expand", "net.cidr_merge", "object.keys", "set_diff", "union"),
    }
)
_OBJECT_FUNCTIONS = frozenset(
    {
        *("json.filter", "json.remove", "json.unmarshal", "object.filter", "object.remove"),
        *("object.union", "object.union_n", "urlquery.decode_object", "uuid.parse", "yaml.unmarshal"),
    }
)
_MEMBER_FUNCTIONS = frozenset({"json.patch", "max", "min", "object.get"})
"""Those that may return a member of an argument."""
_FLATTENING = frozenset({"intersection", "union"})
_ARRAY_FUNCTIONS = frozenset({"array.concat", "array.flatten", "array.reverse", "array.slice", "sort"})
_COMPOSING = _SET_FUNCTIONS | _OBJECT_FUNCTIONS | _ARRAY_FUNCTIONS | _MEMBER_FUNCTIONS | {"walk"}
_OBJECTS_IN_ARRAYS = frozenset(
    {
        *("crypto.x509.parse_and_verify_certificates", "crypto.x509.parse_certificates"),
        *("io.jwt.decode", "io.jwt.decode_verify", "json.match_schema", "json.verify_schema"),
    }
)

Origin = tuple[object, ...]
A_SET: Origin = ("a set",)
AN_UNSORTED_SET: Origin = ("a set as it is written",)
"""One of several values that are not all constants: OPA goes through these one by one, equal ones too."""
AN_OBJECT: Origin = ("an object",)
INPUT: Origin = ("input",)
RuleNames = Callable[[Segments | None], Segments | None]
"""The path of the rule, function or document of rules that a name means, where it means one."""


class Origins(NamedTuple):
    """Where a value may come from if it is a set or an object, and the values and keys in it, at any depth.

    The elements of a set are both. `elements` are those of sets, and the keys of objects, alone: not what is
    in them.
    """

    own: Sequence[Origin] = ()
    inner: Sequence[Origin] = ()
    keys: Sequence[Origin] = ()
    elements: Sequence[Origin] = ()

    def part(self, part: PatternPart) -> "Origins":
        """Return the origins of a part of the value."""
        if part is PatternPart.WHOLE:
            return self
        if part is PatternPart.KEY:
            return Origins(self.keys, self.keys, self.keys, self.elements)
        return Origins(self.inner, self.inner, self.keys, self.elements)

    def all(self) -> list[Origin]:
        """Return the origins of the value and of all in it."""
        return [*self.own, *self.inner, *self.keys]


SCALAR = Origins()


def origins_at(node: Origin) -> Origins:
    """Return the origins of what a node stands for."""
    return Origins([node], [("inside", node)], [("keys", node)], [("elements", node)])


class Ordered(NamedTuple):
    """Values that are compared by their order, by the origins of each."""

    sides: list[list[Origin]]
    span: Json
    message: str = _MESSAGE


@dataclass(frozen=True, slots=True)
class ModuleOrigins:
    """The origins of the terms of one module."""

    reader: BodyReader
    rule: RuleNames
    at: SourceLocation
    rules: Set[Segments]
    fields: dict[tuple[Segments, str], None]
    """The members of rules, by name, that are asked for."""

    def variable(self, key: str) -> Origin:
        return ("variable", id(self.reader), key)

    def named(self, reference: Json) -> tuple[Segments | None, int]:
        """Return the rule that the longest beginning of a reference names, and how many links follow.

        What holds rules is meant where it ends the reference, or where an index follows that varies.
        """
        links = chain(reference)
        kind, first = links[0]
        names, _ = names_of(links)
        name = (str(first["value"]), *names) if kind == "Var" else ()
        for length in range(len(name), 0, -1):
            path = self.rule(name[:length])
            if path is not None:
                is_meant = length == len(name) or path in self.rules
                return (path if is_meant else None), len(links) - length
        return None, len(links) - 1

    def ordered(self) -> Iterator[Ordered]:
        """Yield the comparisons by order, and the elements that a function chooses from or sorts.

        And those whose order becomes that of an array.
        """
        for comparison, scope in self.reader.comparisons:
            if comparison["op"] in _ORDERING:
                yield from self._compared([comparison["lhs"], comparison["rhs"]], scope, comparison["span"])
        for call, scope in self.reader.calls:
            if called_name(call["fcn"]) in _CHOOSING and (params := as_list(call["params"])):
                kind, value = variant(params[0])
                if kind in ("Array", "Set"):
                    yield from self._compared(composite_items(kind, value), scope, call["span"])
                else:
                    yield Ordered([[*self.origins(params[0], scope).inner]] * 2, call["span"])
        for collection, scope, span in self.reader.listed:
            yield Ordered([[*self.origins(collection, scope).elements]] * 2, span, _LISTED)

    def listed(self) -> Iterator[tuple[Sequence[Origin], Json]]:
        """Yield where what becomes the elements of an array comes from, each with its place."""
        for collection, scope, span in self.reader.listed:
            yield self.origins(collection, scope).own, span

    def _compared(self, terms: Iterable[Json], scope: VariableScope, span: Json) -> Iterator[Ordered]:
        """Yield what is compared of some terms at each depth: what stands there, and in values further up."""
        given = list(terms)
        if sum(variant(term)[0] not in _SCALARS for term in given) <= 1:
            return
        sides = [list(self._levels(term, scope, 0)) for term in given]
        deepest = max((level for side in sides for level, _ in side), default=-1)
        for depth in range(2 + deepest):
            yield Ordered(
                [
                    [
                        node
                        for level, found in side
                        if level <= depth
                        for node in (found.own if level == depth else found.inner)
                    ]
                    for side in sides
                ],
                span,
            )

    def _levels(self, term: Json, scope: VariableScope, depth: int) -> Iterator[tuple[int, Origins]]:
        """Yield where a term and those written in it may come from, each with its depth."""
        kind, value = variant(term)
        if kind not in _COMPOSITES and kind not in CLOSURES:
            yield depth, self.origins(term, scope)
            return
        if kind not in _ARRAYS:
            yield depth, Origins([A_SET if kind in _SETS else AN_OBJECT])
        for part, inner in self._parts(kind, value, scope):
            yield from self._levels(part, inner, depth + 1)

    def origins(self, term: Json, scope: VariableScope) -> Origins:
        """Return where the value of a term, and those in it, may come from."""
        kind, value = variant(term)
        if kind in _COMPOSITES or kind in CLOSURES:
            return self._written(kind, value, scope)
        if kind in _SCALARS:
            return SCALAR
        if kind == "Var" and (variable := scope.variable(value)):
            return origins_at(self.variable(variable.key))
        if kind == "BinExpr" or (kind == "ArithExpr" and value["op"] == "Sub"):
            one, other = self.origins(value["lhs"], scope), self.origins(value["rhs"], scope)
            own = [A_SET] if kind == "BinExpr" or A_SET in one.own else one.own
            elements = [*one.elements, *other.elements]
            return Origins(own, [*one.inner, *other.inner], [*one.keys, *other.keys], elements)
        if kind == "ArithExpr":
            return SCALAR
        if kind in REFERENCES:
            return self._referred(term, scope)
        if kind == "Call":
            return self._returned(value, scope)
        return Origins([AN_OBJECT], [AN_OBJECT])

    def _written(self, kind: str, value: JsonObject, scope: VariableScope) -> Origins:
        """Return the origins of a composite or comprehension."""
        parts = [self.origins(part, inner) for part, inner in self._parts(kind, value, scope)]
        everything = [node for part in parts for node in part.all()]
        elements = [node for part in parts for node in part.elements]
        if kind in _ARRAYS:
            return Origins([], everything, [], elements)
        own = [node for part in (parts if kind in _SETS else parts[::2]) for node in part.own]
        if kind in _SETS:
            return Origins([A_SET, *_unsorted(kind, value)], everything, everything, [*own, *elements])
        keys = [node for part in parts[::2] for node in part.all()]
        inner = [node for part in parts[1::2] for node in part.all()]
        return Origins([AN_OBJECT], inner, keys, [*own, *elements])

    def _parts(
        self, kind: str, value: JsonObject, scope: VariableScope
    ) -> Iterator[tuple[Json, VariableScope]]:
        """Yield the elements of a composite or comprehension, each with its scope."""
        if kind in CLOSURES:
            scope = self.reader.closures.get(id(value), scope)
            parts = [value[name] for name in ("term", "key", "value") if name in value]
        else:
            parts = composite_items(kind, value)
        yield from ((part, scope) for part in parts)

    def _referred(self, term: Json, scope: VariableScope) -> Origins:
        base = first_link(term)
        first, value = variant(base)
        if first != "Var" or scope.variable(value) is not None:
            return self.origins(base, scope).part(PatternPart.VALUE)
        path, beyond = self.named(term)
        if path is None:
            return Origins([AN_OBJECT, INPUT], [AN_OBJECT, INPUT], [INPUT], [("elements", INPUT)])
        if beyond == 1 and (names := called_name(term)):
            self.fields[path, names[-1]] = None
            return origins_at(("field", path, names[-1]))
        return origins_at(("rule", path)).part(PatternPart.VALUE if beyond else PatternPart.WHOLE)

    def _returned(self, call: JsonObject, scope: VariableScope) -> Origins:
        called = called_name(call["fcn"])
        if path := self.rule(called):
            return origins_at(("rule", path))
        name = ".".join(called or ())
        if name in _OBJECTS_IN_ARRAYS:
            return Origins([], [AN_OBJECT])
        if name not in _COMPOSING:
            return SCALAR
        given = [self.origins(argument, scope) for argument in as_list(call["params"])]
        inner = [node for found in given for node in (*found.inner, *found.keys)]
        elements = [node for found in given for node in found.elements]
        if name in _MEMBER_FUNCTIONS:
            inner += given[2].all() if name == "object.get" and len(given) > 2 else []
            return Origins(inner, inner, inner, elements)
        if name == "walk":
            return Origins([], [*inner, *given[0].own], inner, elements)
        if name in _ARRAY_FUNCTIONS:
            return Origins([], inner, inner, elements)
        if name in _FLATTENING:
            elements = self._in_elements(call, scope) or elements
        return Origins([A_SET if name in _SET_FUNCTIONS else AN_OBJECT], inner, inner, elements)

    def _in_elements(self, call: JsonObject, scope: VariableScope) -> list[Origin]:
        """Return the elements of the sets that are written in the argument of a call."""
        kind, value = variant(as_list(call["params"])[0])
        parts = self._parts(kind, value, scope) if kind in _SETS else ()
        return [node for part, inner in parts for node in self.origins(part, inner).elements]


def _unsorted(kind: str, value: JsonObject) -> Iterator[Origin]:
    items = composite_items(kind, value)
    if len(items) > 1 and not all(map(_is_constant, items)):
        yield AN_UNSORTED_SET


def _is_constant(term: Json) -> bool:
    kind, value = variant(term)
    return kind in _CONSTANTS or (
        kind in _COMPOSITES and all(map(_is_constant, composite_items(kind, value)))
    )
