"""What a module defines and uses, read off its AST.

Where names could be read in two ways the wider reading is taken, except for variables: a reference
remembers whether a variable of its rule hides the name that it begins with.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.engines.rego.analysis.builtins import UNBOUNDED
from acs_sidecar.engines.rego.analysis.heads import iterate, undefined_in_head
from acs_sidecar.engines.rego.analysis.syntax import (
    REFERENCES,
    as_list,
    as_object,
    as_position,
    chain,
    constant_names,
    first_link,
    names_of,
    spanned,
    string_literals,
    variables,
    variant,
    varying_in,
    varying_indexes,
)
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.engines.rego.sources import Module
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Call", "ModuleFacts", "Reference", "Rule", "read_module"]

# Bytes of stack that the engine takes for a rule, and in it for each node around what it refers to:
# measured, and rounded up.
_RULE_STACK = 3_750
_FUNCTION_STACK = 1_500
_LOOP_STACK = 1_500
_NODE_STACK = {
    "bodies": 1_000,
    **dict.fromkeys(("ArithExpr", "Call"), 2_100),
    "Every": 2_300,
    **dict.fromkeys(("ArrayCompr", "SetCompr", "ObjectCompr"), 3_200),
    **dict.fromkeys(("Array", "Set", "Object", "UnaryExpr", "BinExpr", "BoolExpr", "AssignExpr"), 700),
    **dict.fromkeys(("Membership", "NotExpr"), 700),
}
_MAX_EXPONENT = 32
_WALK = ("walk",)
_PATCH = ("json", "patch")
_DOCUMENTS = frozenset({"data", "input"})
_COMPOUND = (dict, list)
_CONSTANTS = frozenset({"Number", "String", "RawString", "Bool", "Null"})
_UNREAD = _CONSTANTS | {"span"}
_RECORDED = frozenset({"AssignExpr", "Call", "Every", "SomeIn", "SomeVars", "with_mods"})
"""The members of a node of which more than references is recorded."""
_NOTED = REFERENCES | _RECORDED | _NODE_STACK.keys()


class Reference(NamedTuple):
    """`root` and the constant names behind it, up to the first part that is none.

    `whole` tells that there is no such part; `hidden` that a variable has the root's name.
    """

    root: str
    names: Segments
    whole: bool
    hidden: bool
    at: SourceLocation


class Call(NamedTuple):
    """A call of `name`; `texts` are the string literals among its arguments.

    `costly` are the references that the arguments are made of on which its cost depends without bound,
    counts aside, and `None` stands for anything else. `replacing` tells that it is the value of a `with`
    instead, which can be a function's name.
    """

    name: Segments
    texts: frozenset[str]
    costly: tuple[Reference, ...] | None
    replacing: bool
    at: SourceLocation


class Rule(NamedTuple):
    """One rule as written. `path` is below `data`, up to the first part that is not constant.

    `total` tells that it always has a value; `partial` that it adds elements or members; `unbound`
    are variables that `some` declares and nothing gives a value. What it costs: `stack` in bytes,
    what it depends on aside; `loops`, its iterations; `planning`, a unit for each index that varies,
    doubled with each further one around it or in the same reference. `lossy` is a place in the head
    of a rule that iterates which may be undefined for one value alone. `indexes` are the names that
    stand alone in a `[…]`: an iteration each, unless a rule or an import has that name. `replaced` are
    what each `with` gives another value.
    """

    path: Segments
    references: tuple[Reference, ...]
    calls: tuple[Call, ...]
    unbound: tuple[str, ...]
    stack: int
    loops: int
    planning: int
    at: SourceLocation
    function: bool = False
    partial: bool = False
    total: bool = False
    lossy: SourceLocation | None = None
    indexes: tuple[str, ...] = ()
    replaced: tuple[Reference, ...] = ()

    @property
    def iterates(self) -> bool:
        """True if the body may hold for several values."""
        return self.iterates_beside(frozenset())

    def iterates_beside(self, documents: Set[str]) -> bool:
        """True if the body may hold for several values, where `documents` are names of single values."""
        single = sum(name in documents for name in self.indexes)
        return self.loops > single or any(call.name == _WALK for call in self.calls)


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """A module: its package below `data`, its imports by the name that they bring, its rules."""

    package: Segments
    imports: Mapping[str, Segments]
    rules: tuple[Rule, ...]
    at: SourceLocation

    def paths(self, name: Segments) -> list[Segments]:
        """Return the paths below `data` that a name in the module may stand for."""
        root, *names = name
        imported = ("data",) if root == "data" else self.imports.get(root, ())
        outside = [(*imported[1:], *names)] if imported[:1] == ("data",) else []
        return [(*self.package, *name), *outside]


def read_module(module: Module, ast: JsonObject) -> ModuleFacts:
    """Read the engine's AST of `module`."""
    text = module.text.encode()
    reference = _reference(as_object(ast["package"])["refr"], module.at)
    package = (reference.root, *reference.names)
    rules = tuple(_read_rule(rule, package, text, module.at) for rule in as_list(ast["rules"]))
    return ModuleFacts(package, dict(_imports(ast, text, module.at)), rules, reference.at)


def _imports(ast: JsonObject, text: bytes, at: SourceLocation) -> Iterator[tuple[str, Segments]]:
    for given in as_list(ast["imports"]):
        node = as_object(given)
        reference = _reference(node["refr"], at)
        path = (reference.root, *reference.names)
        alias = node.get("as")
        yield spanned(alias, text) if alias else path[-1], path


def _read_rule(node: Json, package: Segments, text: bytes, at: SourceLocation) -> Rule:
    kind, rule = variant(node)
    used = _Used(text, at)
    if kind == "Default":
        name = _reference(rule["refr"], at)
        used.read(rule["value"])
        return used.rule((*package, name.root, *name.names), name.at, function=bool(rule["args"]), total=True)
    shape, head = variant(rule["head"])
    name = _reference(head["refr"], at)
    used.declare(head.get("args"))
    bodies = as_list(rule["bodies"])
    used.read([head.get("args"), head.get("key"), head.get("assign"), *varying_indexes(head["refr"])])
    used.read({"bodies": rule["bodies"]} if bodies else None)
    found = used.rule(
        (*package, name.root, *name.names),
        name.at,
        function=shape == "Func",
        partial=shape == "Set" or not name.whole,
        total=not bodies or not as_object(as_object(bodies[-1])["query"])["stmts"],
    )
    if shape == "Func" or not found.iterates or not iterate(dict(head), bodies):
        return found
    place = undefined_in_head(dict(head), bodies, used.variables)
    return found._replace(lossy=at._replace(line=place[0], column=place[1])) if place else found


def _reference(node: Json, at: SourceLocation) -> Reference:
    """Read a reference that begins with a variable."""
    return _linked(chain(node), at)


def _linked(links: list[tuple[str, JsonObject]], at: SourceLocation) -> Reference:
    names, whole = names_of(links)
    variable = links[0][1]
    line, column = as_position(variable["span"])
    return Reference(
        str(variable["value"]), names, whole, False, SourceLocation(at.path, at.source, line, column)
    )


@dataclass(slots=True)
class _Used:
    """Collects what one rule uses."""

    text: bytes
    at: SourceLocation
    references: list[Reference] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    variables: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    deepest: int = 0
    loops: int = 0
    planning: int = 0
    indexes: list[str] = field(default_factory=list)
    replaced: list[Reference] = field(default_factory=list)

    def read(self, node: Json) -> None:
        """Walk a node and everything below it, knowing the stack and the indexes around each."""
        pending: list[tuple[Json, int, int]] = [(node, 0, 0)]
        deepest = self.deepest
        while pending:
            node, stack, indexes = pending.pop()
            if isinstance(node, list):
                pending.extend([(item, stack, indexes) for item in node])
            elif isinstance(node, dict):
                for kind, value in node.items():
                    if not isinstance(value, _COMPOUND) or kind in _UNREAD:
                        continue
                    if kind not in _NOTED:
                        pending.append((value, stack, indexes))
                        continue
                    below = stack + _NODE_STACK.get(kind, 0)
                    deepest = max(deepest, below)
                    if kind in REFERENCES:
                        links = chain(node)
                        varying = varying_in(links)
                        around = indexes + _iterating(varying)
                        self.planning += 2 ** min(around, _MAX_EXPONENT) if around > indexes else 0
                        pending.extend([(part, below, around) for part in self._refer(links, varying)])
                    elif kind in _RECORDED:
                        pending.extend([(part, below, indexes) for part in self._parts(kind, value)])
                    else:
                        pending.append((value, below, indexes))
        self.deepest = deepest

    def declare(self, pattern: Json) -> None:
        """Note the variables of a pattern, which gives them a value, as the rule's own."""
        names = set(variables(pattern))
        self.variables |= names
        self.bound |= names

    def rule(
        self, path: Segments, at: SourceLocation, *, function: bool, total: bool, partial: bool = False
    ) -> Rule:
        """Return the rule, once all of it was read."""
        return Rule(
            path=path,
            function=function,
            partial=partial,
            total=total,
            references=tuple(
                found._replace(hidden=True) if found.root in self.variables else found
                for found in self.references
            ),
            calls=tuple(self.calls),
            unbound=tuple(sorted(self.variables - self.bound)),
            stack=(_FUNCTION_STACK if function else _RULE_STACK) + self.deepest + self.loops * _LOOP_STACK,
            loops=self.loops,
            planning=self.planning,
            at=at,
            indexes=tuple(name for name in self.indexes if name not in self.variables),
            replaced=tuple(self.replaced),
        )

    def _parts(self, kind: str, value: Json) -> list[Json]:
        """Record a member of a node, and return the parts of it that remain to be walked."""
        if kind == "Call":
            return self._call(as_object(value))
        if kind == "with_mods":
            return [part for modifier in as_list(value) for part in self._replace(as_object(modifier))]
        if kind == "SomeVars":
            self.variables.update(spanned(span, self.text) for span in as_list(as_object(value)["vars"]))
            return []
        if kind == "SomeIn":
            self.loops += 1
            self.declare([as_object(value)["key"], as_object(value)["value"]])
        elif kind == "Every":
            every = as_object(value)
            names = {spanned(every[name], self.text) for name in ("key", "value") if every[name]}
            self.variables |= names
            self.bound |= names
        elif kind == "AssignExpr":
            assignment = as_object(value)
            if assignment["op"] == "ColEq":
                self.declare(assignment["lhs"])
            else:
                self.bound.update(variables([assignment["lhs"], assignment["rhs"]]))
        return [value]

    def _refer(self, links: list[tuple[str, JsonObject]], indexes: list[Json]) -> list[Json]:
        """Record a reference and its varying indexes, and return the parts that remain to be walked."""
        if indexes:
            alone = [as_object(as_object(index)["Var"]) for index in indexes if "Var" in as_object(index)]
            self.loops += len(alone)
            self.indexes.extend(str(variable["value"]) for variable in alone)
            self.bound.update(variables(indexes))
        kind, first = links[0]
        if kind != "Var":
            return [{kind: dict(first)}, *indexes]
        self.references.append(_linked(links, self.at))
        return indexes

    def _call(self, call: JsonObject) -> list[Json]:
        function, arguments = call["fcn"], as_list(call["params"])
        self.bound.update(variables(arguments[-1:]))
        if not _is_name(function):
            return [function, *arguments]
        name = _reference(function, self.at)
        path = (name.root, *name.names)
        if path == _WALK:
            self.variables.update(set(variables(arguments[1:])) - _DOCUMENTS)
        positions = UNBOUNDED.get(".".join(path), ())
        deciding = [arguments[at] for at in positions if at < len(arguments)]
        costly = _made_of(_operations(deciding) if path == _PATCH else deciding, self.at)
        texts = frozenset(string_literals(arguments))
        self.calls.append(Call(path, texts, costly, replacing=False, at=name.at))
        return arguments

    def _replace(self, modifier: JsonObject) -> list[Json]:
        self.replaced.append(_reference(modifier["refr"], self.at))
        value = modifier["as"]
        if _is_name(value):
            name = _reference(value, self.at)
            path = (name.root, *name.names)
            costly = None if ".".join(path) in UNBOUNDED else ()
            self.calls.append(Call(path, frozenset(), costly, replacing=True, at=name.at))
        return [value]


def _made_of(arguments: list[Json], at: SourceLocation) -> tuple[Reference, ...] | None:
    """Return the references that values are the sums of, or nothing where they are more than that."""
    references: list[Reference] = []
    pending = arguments
    while pending:
        node = pending.pop()
        kind, value = variant(node)
        if kind == "ArithExpr" and value["op"] in ("Add", "Sub"):
            pending += [value["lhs"], value["rhs"]]
        elif kind == "UnaryExpr":
            pending.append(value["expr"])
        elif kind == "Array":
            pending += as_list(value["items"])
        elif kind == "Object":
            pending += [part for member in as_list(value["fields"]) for part in as_list(member)[1:]]
        elif kind in REFERENCES and "Var" in as_object(first_link(node)):
            references.append(_reference(node, at))
        elif kind not in _CONSTANTS and not (kind == "Call" and _is_count(value)):
            return None
    return tuple(references)


def _operations(patches: list[Json]) -> list[Json]:
    """Return what decides the cost of a patch: what stands in its operations, but for their values."""
    deciding: list[Json] = []
    for patch in patches:
        kind, array = variant(patch)
        if kind != "Array":
            deciding.append(patch)
            continue
        for operation in as_list(array["items"]):
            form, members = variant(operation)
            if form != "Object":
                deciding.append(operation)
                continue
            pairs = [as_list(member)[1:] for member in as_list(members["fields"])]
            deciding += [
                part
                for key, value in pairs
                if list(string_literals([key])) != ["value"]
                for part in (key, value)
            ]
    return deciding


def _is_count(call: JsonObject) -> bool:
    kind, function = variant(call["fcn"])
    return kind == "Var" and function["value"] == "count"


def _is_name(node: Json) -> bool:
    """True if a node is a reference that could name a function."""
    is_reference = not REFERENCES.isdisjoint(as_object(node))
    return is_reference and "Var" in as_object(first_link(node)) and constant_names(node)[1]


def _iterating(indexes: list[Json]) -> int:
    return sum(next(variables(index), None) is not None for index in indexes)
