"""`<`, `<=`, `>` and `>=` between what may be a set and what may be an object.

OPA orders objects before sets, this engine after them. Values are followed from where they are written
through variables, rules, functions and their arguments: in time linear in the policy.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import InitVar, dataclass, field
from typing import NamedTuple

from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.engines.rego.analysis.syntax import (
    REFERENCES,
    as_list,
    as_position,
    called_name,
    composite_items,
    first_link,
    variant,
)
from acs_sidecar.engines.rego.dialect.bodies import BodyReader
from acs_sidecar.engines.rego.dialect.problems import Problem
from acs_sidecar.engines.rego.dialect.scopes import CLOSURES, VariableScope
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["SetFlow"]

_MESSAGE = (
    "OPA orders sets behind objects, and this engine before them: compare `count(…)` of both, or test for "
    "elements with `in`"
)
_ORDERING = frozenset({"Lt", "Le", "Gt", "Ge"})
_SETS = frozenset({"Set", "SetCompr", "BinExpr"})
_COMPOSITES = frozenset({"Array", "Object", "Set"})
_ARRAYS = frozenset({"Array", "ArrayCompr"})
_SCALARS = frozenset({"Number", "String", "RawString", "Bool", "Null", "BoolExpr", "Membership", "UnaryExpr"})
_CHOOSING = frozenset({("max",), ("min",), ("sort",)})
_SET_FUNCTIONS = frozenset(
    {
        *("graph.reachable", "intersection", "net.cidr_expand", "net.cidr_merge", "object.keys"),
        *("set_diff", "union"),
    }
)
_OBJECT_FUNCTIONS = frozenset(
    {
        *("json.filter", "json.patch", "json.remove", "json.unmarshal", "max", "min", "object.filter"),
        *("object.get", "object.remove", "object.union", "object.union_n", "urlquery.decode_object"),
    }
)
_ARRAY_FUNCTIONS = frozenset({"array.concat", "array.flatten", "array.reverse", "array.slice", "sort"})

_Node = tuple[object, ...]
_A_SET: _Node = ("a set",)
_AN_OBJECT: _Node = ("an object",)
_INPUT: _Node = ("input",)
_KINDS = frozenset({_A_SET, _AN_OBJECT})

RuleNames = Callable[[Json], Segments | None]
"""The path of the rule, function or document of rules that a reference names, where it names one."""


@dataclass(slots=True)
class SetFlow:
    """Where the values of a policy come from; modules are added one by one, and then asked about."""

    set_rules: InitVar[Iterable[Segments]] = ()
    documents: InitVar[Iterable[Segments]] = ()
    _followed_by: dict[_Node, list[_Node]] = field(default_factory=dict)
    _sourced: set[_Node] = field(default_factory=set)
    _modules: list["_ModuleFlows"] = field(default_factory=list)

    def __post_init__(self, set_rules: Iterable[Segments], documents: Iterable[Segments]) -> None:
        """Note the rules that add elements to a set, and the documents that hold other ones."""
        for path in set_rules:
            self._flow([_A_SET], ("rule", path))
        for path in documents:
            if path:
                self._flow([("rule", path), _AN_OBJECT], ("rule", path[:-1]))

    def add(self, reader: BodyReader, rule: RuleNames, at: SourceLocation) -> None:
        """Note what a module's rules assign, pass and return."""
        module = _ModuleFlows(reader, rule, at)
        self._modules.append(module)
        for variable, term, scope in reader.assignments:
            self._flow(module.origins(term, scope), module.variable(variable.key))
        for name, term, scope in reader.values:
            self._flow(module.origins(term, scope), ("rule", rule(name)))
        for call, scope in reader.calls:
            if path := rule(call["fcn"]):
                for place, argument in enumerate(as_list(call["params"])):
                    self._flow(module.origins(argument, scope), ("argument", path, place))
        for name, place, key in reader.parameters:
            self._flow([("argument", rule(name), place)], module.variable(key))
        for value, scope in reader.replacements:
            self._flow(module.origins(value, scope), _INPUT)

    def problems(self) -> Iterator[tuple[SourceLocation, Problem]]:
        """Find the comparisons, each with the place of its module, that the two may order differently."""
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
                    yield module.at, Problem("rego-set-order", _MESSAGE, *as_position(ordered.span))

    def _flow(self, origins: list[_Node], target: _Node) -> None:
        self._sourced.add(target)
        for origin in origins:
            self._followed_by.setdefault(origin, []).append(target)

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


@dataclass(frozen=True, slots=True)
class _ModuleFlows:
    """The origins of the terms of one module."""

    reader: BodyReader
    rule: RuleNames
    at: SourceLocation

    def variable(self, key: str) -> _Node:
        return ("variable", id(self.reader), key)

    def ordered(self) -> Iterator[_Ordered]:
        """Yield the comparisons by order, and the elements that a function chooses from or sorts."""
        for comparison, scope in self.reader.comparisons:
            if comparison["op"] in _ORDERING:
                yield from self._compared([comparison["lhs"], comparison["rhs"]], scope, comparison["span"])
        for call, scope in self.reader.calls:
            if called_name(call["fcn"]) in _CHOOSING and (params := as_list(call["params"])):
                kind, value = variant(params[0])
                if kind in ("Array", "Set"):
                    yield from self._compared(composite_items(kind, value), scope, call["span"])

    def _compared(self, terms: Iterable[Json], scope: VariableScope, span: Json) -> Iterator[_Ordered]:
        """Yield what is compared of some terms at each depth: what stands there, and in values further up."""
        sides = [list(self._levels(term, scope, 0)) for term in terms]
        for depth in range(1 + max((level for side in sides for level, _ in side), default=-1)):
            yield _Ordered(
                [
                    [node for level, node in side if level == depth or (level < depth and node not in _KINDS)]
                    for side in sides
                ],
                span,
            )

    def _levels(self, term: Json, scope: VariableScope, depth: int) -> Iterator[tuple[int, _Node]]:
        """Yield where a term and those in it may come from, each with its depth."""
        kind, value = variant(term)
        if kind not in _COMPOSITES and kind not in CLOSURES:
            yield from ((depth, node) for node in self.origins(term, scope))
            return
        if kind not in _ARRAYS:
            yield depth, _A_SET if kind in _SETS else _AN_OBJECT
        for part, inner in self._inside(kind, value, scope):
            yield from self._levels(part, inner, depth + 1)

    def origins(self, term: Json, scope: VariableScope) -> list[_Node]:
        """Return where the value of a term, or one in it, may come from, if that is a set or an object."""
        kind, value = variant(term)
        if kind in _SETS:
            return [_A_SET]
        if kind in _COMPOSITES or kind in CLOSURES:
            return [node for _, node in self._levels(term, scope, 0)]
        if kind in _SCALARS:
            return []
        if kind == "Var" and (variable := scope.variable(value)):
            return [self.variable(variable.key)]
        if kind == "ArithExpr":
            return self.origins(value["lhs"], scope) if value["op"] == "Sub" else []
        if kind in REFERENCES:
            return self._referred(term, scope)
        if kind == "Call":
            return self._returned(value, scope)
        return [_AN_OBJECT]

    def _inside(
        self, kind: str, value: JsonObject, scope: VariableScope
    ) -> Iterator[tuple[Json, VariableScope]]:
        """Yield the elements of a composite or comprehension, each with its scope."""
        if kind in CLOSURES:
            scope = self.reader.closures.get(id(value), scope)
            parts = [value[name] for name in ("term", "key", "value") if name in value]
        else:
            parts = composite_items(kind, value)
        yield from ((part, scope) for part in parts)

    def _referred(self, term: Json, scope: VariableScope) -> list[_Node]:
        first, value = variant(first_link(term))
        path = self.rule(term) if first == "Var" and scope.variable(value) is None else None
        return [("rule", path)] if path else [_AN_OBJECT, _INPUT]

    def _returned(self, call: JsonObject, scope: VariableScope) -> list[_Node]:
        if path := self.rule(call["fcn"]):
            return [("rule", path)]
        name = ".".join(called_name(call["fcn"]) or ())
        if name in _SET_FUNCTIONS:
            return [_A_SET]
        if name not in _OBJECT_FUNCTIONS and name not in _ARRAY_FUNCTIONS:
            return []
        parts = [node for argument in as_list(call["params"]) for node in self.origins(argument, scope)]
        return [*([_AN_OBJECT] if name in _OBJECT_FUNCTIONS else []), *parts]
