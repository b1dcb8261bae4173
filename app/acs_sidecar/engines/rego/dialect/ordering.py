"""`<`, `<=`, `>` and `>=` between what may be a set and what may be an object.

OPA orders objects before sets, this engine after them. Values are followed from where they are written
through variables, rules, functions and their arguments: in time linear in the policy.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.engines.rego.analysis.syntax import (
    REFERENCES,
    as_list,
    as_position,
    called_name,
    first_link,
    variant,
)
from acs_sidecar.engines.rego.dialect.bodies import BodyReader
from acs_sidecar.engines.rego.dialect.problems import Problem
from acs_sidecar.engines.rego.dialect.scopes import VariableScope
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["SetFlow"]

_MESSAGE = (
    "OPA orders sets behind objects, and this engine before them: compare `count(…)` of both, or test for "
    "elements with `in`"
)
_ORDERING = frozenset({"Lt", "Le", "Gt", "Ge"})
_SETS = frozenset({"Set", "SetCompr", "BinExpr"})
_SCALARS = frozenset(
    {
        *("Number", "String", "RawString", "Bool", "Null", "Array", "ArrayCompr"),
        *("BoolExpr", "Membership", "UnaryExpr"),
    }
)
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

_Node = tuple[object, ...]
_A_SET: _Node = ("a set",)
_AN_OBJECT: _Node = ("an object",)
_INPUT: _Node = ("input",)

RuleNames = Callable[[Json], Segments | None]
"""The path of the rule or function that a reference names, where it names one."""


@dataclass(slots=True)
class SetFlow:
    """Where the values of a policy come from; modules are added one by one, and then asked about."""

    _followed_by: dict[_Node, list[_Node]] = field(default_factory=dict)
    _sourced: set[_Node] = field(default_factory=set)
    _modules: list["_ModuleFlows"] = field(default_factory=list)

    def add_set_rule(self, path: Segments) -> None:
        """Note a rule that adds elements to a set."""
        self._flow([_A_SET], ("rule", path))

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
        sets, objects = self._reached([_A_SET]), self._reached([*unknown, _INPUT])

        def may_be_set(side: list[_Node]) -> bool:
            return not sets.isdisjoint(side)

        def may_be_object(side: list[_Node]) -> bool:
            return any(node in objects or (node not in self._sourced and node != _A_SET) for node in side)

        for module in self._modules:
            for comparison, scope in module.reader.comparisons:
                if comparison["op"] not in _ORDERING:
                    continue
                left, right = (module.origins(comparison[side], scope) for side in ("lhs", "rhs"))
                if (may_be_set(left) and may_be_object(right)) or (may_be_set(right) and may_be_object(left)):
                    problem = Problem("rego-set-order", _MESSAGE, *as_position(comparison["span"]))
                    yield module.at, problem

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


@dataclass(frozen=True, slots=True)
class _ModuleFlows:
    """The origins of the terms of one module."""

    reader: BodyReader
    rule: RuleNames
    at: SourceLocation

    def variable(self, key: str) -> _Node:
        return ("variable", id(self.reader), key)

    def origins(self, term: Json, scope: VariableScope) -> list[_Node]:
        """Return where the value of a term may come from: nothing for what is neither set nor object."""
        kind, value = variant(term)
        if kind in _SETS:
            return [_A_SET]
        if kind in _SCALARS:
            return []
        if kind == "Var" and (variable := scope.variable(value)):
            return [self.variable(variable.key)]
        if kind == "ArithExpr":
            return self.origins(value["lhs"], scope) if value["op"] == "Sub" else []
        if kind in REFERENCES:
            return self._referred(term, scope)
        if kind == "Call":
            return self._returned(value)
        return [_AN_OBJECT]

    def _referred(self, term: Json, scope: VariableScope) -> list[_Node]:
        first, value = variant(first_link(term))
        path = self.rule(term) if first == "Var" and scope.variable(value) is None else None
        return [("rule", path)] if path else [_AN_OBJECT, _INPUT]

    def _returned(self, call: JsonObject) -> list[_Node]:
        if path := self.rule(call["fcn"]):
            return [("rule", path)]
        name = ".".join(called_name(call["fcn"]) or ())
        if name in _SET_FUNCTIONS:
            return [_A_SET]
        return [_AN_OBJECT] if name in _OBJECT_FUNCTIONS else []
