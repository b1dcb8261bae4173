"""`<`, `<=`, `>` and `>=` between what may be a set and what may be an object, and arrays made of both.

OPA orders objects before sets, this engine after them. Values are followed from where they are written
through variables, rules, functions and their arguments: in time linear in the policy.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import InitVar, dataclass, field
from typing import NamedTuple

from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.engines.rego.analysis.syntax import (
    LINKS,
    REFERENCES,
    as_list,
    as_position,
    called_name,
    composite_items,
    first_link,
    text_fields,
    variant,
    varying_indexes,
)
from acs_sidecar.engines.rego.dialect.bodies import BodyReader, PatternPart
from acs_sidecar.engines.rego.dialect.problems import Problem
from acs_sidecar.engines.rego.dialect.scopes import CLOSURES, VariableScope
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["SetFlow"]

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
_SCALARS = frozenset({"Number", "String", "RawString", "Bool", "Null", "BoolExpr", "Membership", "UnaryExpr"})
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

_Node = tuple[object, ...]
_A_SET: _Node = ("a set",)
_AN_OBJECT: _Node = ("an object",)
_INPUT: _Node = ("input",)
RuleNames = Callable[[Json], Segments | None]
"""The path of the rule, function or document of rules that a reference names, where it names one."""


class _Origins(NamedTuple):
    """Where a value may come from if it is a set or an object, and the values and keys in it, at any depth.

    The elements of a set are both. `elements` are those of sets, and the keys of objects, alone: not what is
    in them.
    """

    own: Sequence[_Node] = ()
    inner: Sequence[_Node] = ()
    keys: Sequence[_Node] = ()
    elements: Sequence[_Node] = ()

    def part(self, part: PatternPart) -> "_Origins":
        """Return the origins of a part of the value."""
        if part is PatternPart.WHOLE:
            return self
        if part is PatternPart.KEY:
            return _Origins(self.keys, self.keys, self.keys, self.elements)
        return _Origins(self.inner, self.inner, self.keys, self.elements)

    def all(self) -> list[_Node]:
        """Return the origins of the value and of all in it."""
        return [*self.own, *self.inner, *self.keys]


_SCALAR = _Origins()


def _at(node: _Node) -> _Origins:
    """Return the origins of what a node stands for."""
    return _Origins([node], [("inside", node)], [("keys", node)], [("elements", node)])


@dataclass(slots=True)
class SetFlow:
    """Where the values of a policy come from; modules are added one by one, and then asked about."""

    set_rules: InitVar[Iterable[Segments]] = ()
    documents: InitVar[Iterable[Segments]] = ()
    rules: Set[Segments] = frozenset()
    _followed_by: dict[_Node, list[_Node]] = field(default_factory=dict)
    _sourced: set[_Node] = field(default_factory=set)
    _modules: list["_ModuleFlows"] = field(default_factory=list)
    _fields: dict[tuple[Segments, str], None] = field(default_factory=dict)
    _values: dict[Segments | None, list[tuple["_ModuleFlows", Json, VariableScope] | None]] = field(
        default_factory=dict
    )
    """What each rule is, by its path; None for what is not one term."""

    def __post_init__(self, set_rules: Iterable[Segments], documents: Iterable[Segments]) -> None:
        """Note the rules that add elements to a set, and the documents that hold other ones."""
        for path in set_rules:
            self._flow(_Origins([_A_SET]), ("rule", path))
        for path in documents:
            if path:
                inner = _at(("rule", path))
                self._flow(_Origins([_AN_OBJECT], inner.all(), (), inner.elements), ("rule", path[:-1]))

    def add(self, reader: BodyReader, rule: RuleNames, at: SourceLocation) -> None:
        """Note what a module's rules assign, pass and return."""
        module = _ModuleFlows(reader, rule, at, self.rules, self._fields)
        self._modules.append(module)
        for pattern, term, scope, part in reader.bindings:
            self._bind(module, pattern, scope, module.origins(term, scope).part(part))
        for name, term, scope in reader.values:
            path, _ = module.named(name)
            self._flow(module.origins(term, scope), ("rule", path))
            self._values.setdefault(path, []).append((module, term, scope))
        for name, term, scope, part in reader.members:
            member = module.origins(term, scope)
            found = member.all()
            is_in_a_set = part is PatternPart.KEY and not varying_indexes(name)
            own = [] if is_in_a_set else [_AN_OBJECT]
            inner = found if is_in_a_set or part is PatternPart.VALUE else []
            path, _ = module.named(name)
            is_key = part is PatternPart.KEY
            keys, elements = (found, member.own) if is_key else ([], [])
            self._flow(_Origins(own, inner, keys, [*elements, *member.elements]), ("rule", path))
            self._values.setdefault(path, []).append(None)
        for name in reader.set_members:
            self._flow(_Origins([], [_A_SET]), ("rule", module.named(name)[0]))
        for call, scope in reader.calls:
            if path := rule(call["fcn"]):
                for place, argument in enumerate(as_list(call["params"])):
                    self._flow(module.origins(argument, scope), ("argument", path, place))
        for name, place, pattern, scope in reader.parameters:
            self._bind(module, pattern, scope, _at(("argument", rule(name), place)))
        for value, scope in reader.replacements:
            given = module.origins(value, scope)
            self._flow(_Origins(given.all(), given.all(), (), given.elements), _INPUT)

    def problems(self) -> Iterator[tuple[SourceLocation, Problem]]:
        """Find the comparisons, each with the place of its module, that the two may order differently."""
        for path, name in self._fields:
            self._flow_field(path, name)
        unknown = [node for node in self._followed_by if node not in self._sourced and node != _A_SET]
        holding_sets, holding_objects = self._reached([_A_SET]), self._reached([*unknown, _INPUT])

        def may_be_set(side: list[_Node]) -> bool:
            return not holding_sets.isdisjoint(side)

        def may_be_object(side: list[_Node]) -> bool:
            return any(
                node in holding_objects or (node not in self._sourced and node != _A_SET) for node in side
            )

        for module in self._modules:
            for ordered in module.ordered():
                sets = [at for at, side in enumerate(ordered.sides) if may_be_set(side)]
                objects = [at for at, side in enumerate(ordered.sides) if may_be_object(side)]
                if any(one != other for one in sets for other in objects):
                    yield module.at, Problem("rego-set-order", ordered.message, *as_position(ordered.span))

    def _flow_field(self, path: Segments, name: str) -> None:
        """Note what a member of a rule may be: that of its name where an object is written out."""
        for value in self._values.get(path, [None]):
            found = _at(("rule", path)).part(PatternPart.VALUE)
            if value is not None:
                module, term, scope = value
                fields = text_fields(term)
                if fields is not None:
                    found = module.origins(fields[name], scope) if name in fields else _SCALAR
            self._flow(found, ("field", path, name))

    def _bind(self, module: "_ModuleFlows", pattern: Json, scope: VariableScope, found: _Origins) -> None:
        """Note what the variables of a pattern may be where it is equated with something."""
        kind, value = variant(pattern)
        if kind == "Var" and (variable := scope.variable(value)):
            self._flow(found, module.variable(variable.key))
        for part in composite_items(kind, value):
            self._bind(module, part, scope, found.part(PatternPart.VALUE))

    def _flow(self, found: _Origins, target: _Node) -> None:
        for origins, (node,) in zip(found, _at(target), strict=True):
            self._sourced.add(node)
            for origin in origins:
                self._followed_by.setdefault(origin, []).append(node)

    def _reached(self, pending: list[_Node]) -> set[_Node]:
        reached: set[_Node] = set()
        while pending:
            node = pending.pop()
            if node not in reached:
                reached.add(node)
                pending.extend(self._followed_by.get(node, ()))
        return reached


class _Ordered(NamedTuple):
    """Values that are compared by their order, by the origins of each."""

    sides: list[list[_Node]]
    span: Json
    message: str = _MESSAGE


@dataclass(frozen=True, slots=True)
class _ModuleFlows:
    """The origins of the terms of one module."""

    reader: BodyReader
    rule: RuleNames
    at: SourceLocation
    rules: Set[Segments]
    fields: dict[tuple[Segments, str], None]
    """The members of rules, by name, that are asked for."""

    def variable(self, key: str) -> _Node:
        return ("variable", id(self.reader), key)

    def named(self, reference: Json) -> tuple[Segments | None, int]:
        """Return the rule that the longest beginning of a reference names, and how many links follow.

        What holds rules is meant where it ends the reference, or where an index follows that varies.
        """
        kind, link = variant(reference)
        path, beyond, varies = self.rule(reference), 0, True
        while path is None and kind in LINKS:
            varies = called_name(reference) is None
            reference, beyond = link["refr"], beyond + 1
            kind, link = variant(reference)
            path = self.rule(reference)
        return (path if varies or path in self.rules else None), beyond

    def ordered(self) -> Iterator[_Ordered]:
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
                    yield _Ordered([[*self.origins(params[0], scope).inner]] * 2, call["span"])
        for collection, scope, span in self.reader.listed:
            yield _Ordered([[*self.origins(collection, scope).elements]] * 2, span, _LISTED)

    def _compared(self, terms: Iterable[Json], scope: VariableScope, span: Json) -> Iterator[_Ordered]:
        """Yield what is compared of some terms at each depth: what stands there, and in values further up."""
        sides = [list(self._levels(term, scope, 0)) for term in terms]
        deepest = max((level for side in sides for level, _ in side), default=-1)
        for depth in range(2 + deepest):
            yield _Ordered(
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

    def _levels(self, term: Json, scope: VariableScope, depth: int) -> Iterator[tuple[int, _Origins]]:
        """Yield where a term and those written in it may come from, each with its depth."""
        kind, value = variant(term)
        if kind not in _COMPOSITES and kind not in CLOSURES:
            yield depth, self.origins(term, scope)
            return
        if kind not in _ARRAYS:
            yield depth, _Origins([_A_SET if kind in _SETS else _AN_OBJECT])
        for part, inner in self._parts(kind, value, scope):
            yield from self._levels(part, inner, depth + 1)

    def origins(self, term: Json, scope: VariableScope) -> _Origins:
        """Return where the value of a term, and those in it, may come from."""
        kind, value = variant(term)
        if kind in _COMPOSITES or kind in CLOSURES:
            return self._written(kind, value, scope)
        if kind in _SCALARS:
            return _SCALAR
        if kind == "Var" and (variable := scope.variable(value)):
            return _at(self.variable(variable.key))
        if kind == "BinExpr" or (kind == "ArithExpr" and value["op"] == "Sub"):
            one, other = self.origins(value["lhs"], scope), self.origins(value["rhs"], scope)
            own = [_A_SET] if kind == "BinExpr" else one.own
            elements = [*one.elements, *other.elements]
            return _Origins(own, [*one.inner, *other.inner], [*one.keys, *other.keys], elements)
        if kind == "ArithExpr":
            return _SCALAR
        if kind in REFERENCES:
            return self._referred(term, scope)
        if kind == "Call":
            return self._returned(value, scope)
        return _Origins([_AN_OBJECT], [_AN_OBJECT])

    def _written(self, kind: str, value: JsonObject, scope: VariableScope) -> _Origins:
        """Return the origins of a composite or comprehension."""
        parts = [self.origins(part, inner) for part, inner in self._parts(kind, value, scope)]
        everything = [node for part in parts for node in part.all()]
        elements = [node for part in parts for node in part.elements]
        if kind in _ARRAYS:
            return _Origins([], everything, [], elements)
        own = [node for part in (parts if kind in _SETS else parts[::2]) for node in part.own]
        if kind in _SETS:
            return _Origins([_A_SET], everything, everything, [*own, *elements])
        keys = [node for part in parts[::2] for node in part.all()]
        inner = [node for part in parts[1::2] for node in part.all()]
        return _Origins([_AN_OBJECT], inner, keys, [*own, *elements])

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

    def _referred(self, term: Json, scope: VariableScope) -> _Origins:
        base = first_link(term)
        first, value = variant(base)
        if first != "Var" or scope.variable(value) is not None:
            return self.origins(base, scope).part(PatternPart.VALUE)
        path, beyond = self.named(term)
        if path is None:
            return _Origins([_AN_OBJECT, _INPUT], [_AN_OBJECT, _INPUT], [_INPUT], [("elements", _INPUT)])
        if beyond == 1 and (names := called_name(term)):
            self.fields[path, names[-1]] = None
            return _at(("field", path, names[-1]))
        return _at(("rule", path)).part(PatternPart.VALUE if beyond else PatternPart.WHOLE)

    def _returned(self, call: JsonObject, scope: VariableScope) -> _Origins:
        if path := self.rule(call["fcn"]):
            return _at(("rule", path))
        name = ".".join(called_name(call["fcn"]) or ())
        if name in _OBJECTS_IN_ARRAYS:
            return _Origins([], [_AN_OBJECT])
        if name not in _COMPOSING:
            return _SCALAR
        given = [self.origins(argument, scope) for argument in as_list(call["params"])]
        inner = [node for found in given for node in (*found.inner, *found.keys)]
        elements = [node for found in given for node in found.elements]
        if name in _MEMBER_FUNCTIONS:
            inner += given[2].all() if name == "object.get" and len(given) > 2 else []
            return _Origins(inner, inner, inner, elements)
        if name == "walk":
            return _Origins([], [*inner, *given[0].own], inner, elements)
        if name in _ARRAY_FUNCTIONS:
            return _Origins([], inner, inner, elements)
        if name in _FLATTENING:
            elements = self._in_elements(call, scope) or elements
        return _Origins([_A_SET if name in _SET_FUNCTIONS else _AN_OBJECT], inner, inner, elements)

    def _in_elements(self, call: JsonObject, scope: VariableScope) -> list[_Node]:
        """Return the elements of the sets that are written in the argument of a call."""
        kind, value = variant(as_list(call["params"])[0])
        parts = self._parts(kind, value, scope) if kind in _SETS else ()
        return [node for part, inner in parts for node in self.origins(part, inner).elements]
