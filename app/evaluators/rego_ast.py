"""What a module defines and uses, read off the engine's AST.

A node of the AST is an object with one member, its kind; everything else is walked through without
looking. Where names could be read in two ways the wider reading is taken, except for variables: a
reference remembers whether a variable of its rule hides the name that it begins with.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.core.values import Json, JsonObject
from app.evaluators.rego_documents import Segments
from app.evaluators.rego_findings import Place
from app.evaluators.rego_sources import Module

__all__ = ["Call", "ModuleFacts", "Reference", "Rule", "read_module"]

_RULE_BYTES = 3_750
"""Stack that the engine takes for a rule or function, and per node below; measured, rounded up."""
_CALL_BYTES = 2_100
_COMPREHENSION_BYTES = 3_200
_EVERY_BYTES = 2_300
_NODE_BYTES = 700
_LOOP_BYTES = 1_500

_NODE_STACK = {
    "Call": _CALL_BYTES,
    "ArrayCompr": _COMPREHENSION_BYTES,
    "SetCompr": _COMPREHENSION_BYTES,
    "ObjectCompr": _COMPREHENSION_BYTES,
    "Every": _EVERY_BYTES,
    **dict.fromkeys(
        (
            "Array",
            "Set",
            "Object",
            "UnaryExpr",
            "BinExpr",
            "BoolExpr",
            "ArithExpr",
            "AssignExpr",
            "Membership",
            "NotExpr",
        ),
        _NODE_BYTES,
    ),
}
_REFERENCES = frozenset({"Var", "RefDot", "RefBrack"})


@dataclass(frozen=True, slots=True)
class Reference:
    """`root` and the constant names behind it, up to the first part that is none.

    `indexes` counts the other parts in brackets; `hidden` tells that a variable has the root's name.
    """

    root: str
    names: Segments
    indexes: int
    hidden: bool
    at: Place


@dataclass(frozen=True, slots=True)
class Call:
    """A call of `name`, or its use as a replacement in `with`.

    `texts` are the string literals among its arguments.
    """

    name: Segments
    texts: frozenset[str]
    at: Place


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as written. `path` is below `data`, up to the first part that is not constant.

    `total` tells that it always has a value; `partial` that it adds elements or members; `stack` is
    the stack in bytes that its evaluation takes at most, what it calls aside; `loops` counts its
    iterations.
    """

    path: Segments
    function: bool
    default: bool
    partial: bool
    total: bool
    references: tuple[Reference, ...]
    calls: tuple[Call, ...]
    stack: int
    loops: int
    at: Place


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """A module: its package below `data`, its imports by the name that they bring, its rules."""

    package: Segments
    imports: Mapping[str, Segments]
    rules: tuple[Rule, ...]
    at: Place


def read_module(module: Module, ast: JsonObject) -> ModuleFacts:
    """Read the engine's AST of `module`."""
    text = module.text.encode()
    package = _reference(_object(ast["package"])["refr"], module.at)
    name = (package.root, *package.names)
    rules = tuple(_read_rule(rule, name, text, module.at) for rule in _list(ast["rules"]))
    return ModuleFacts(name, dict(_imports(ast, text, module.at)), rules, package.at)


def _imports(ast: JsonObject, text: bytes, at: Place) -> Iterator[tuple[str, Segments]]:
    for given in _list(ast["imports"]):
        node = _object(given)
        reference = _reference(node["refr"], at)
        path = (reference.root, *reference.names)
        alias = node.get("as")
        yield _spanned(alias, text) if alias else path[-1], path


def _read_rule(node: Json, package: Segments, text: bytes, at: Place) -> Rule:
    kind, rule = _variant(node)
    reader = _RuleReader(text, at)
    if kind == "Default":
        head = _reference(rule["refr"], at)
        reader.read(rule["value"])
        path = (*package, head.root, *head.names)
        return reader.rule(path, head.at, function=bool(rule["args"]), default=True, total=True)
    shape, head_node = _variant(rule["head"])
    head = _reference(head_node["refr"], at)
    path = (*package, head.root, *head.names)
    for part in ("args", "key", "assign"):
        reader.read(head_node.get(part))
    reader.declare(head_node.get("args"))
    for index in _indexes(head_node["refr"]):
        reader.read(index)
    bodies = _list(rule["bodies"])
    for body in bodies:
        reader.read(body)
    partial = shape == "Set" or head.indexes > 0
    total = not bodies or not _list(_object(_object(bodies[-1])["query"])["stmts"])
    return reader.rule(path, head.at, function=shape == "Func", partial=partial, total=total)


@dataclass(slots=True)
class _RuleReader:
    """Collects what one rule uses."""

    text: bytes
    at: Place
    references: list[Reference] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    variables: set[str] = field(default_factory=set)
    deepest: int = 0
    loops: int = 0

    def read(self, node: Json) -> None:
        """Walk a node and everything below it."""
        pending: list[tuple[Json, int]] = [(node, 0)]
        while pending:
            node, stack = pending.pop()
            self.deepest = max(self.deepest, stack)
            if isinstance(node, list):
                pending.extend((item, stack) for item in node)
            elif isinstance(node, dict):
                for kind, value in node.items():
                    below = stack + _NODE_STACK.get(kind, 0)
                    pending.extend((part, below) for part in self._parts(kind, value))

    def _parts(self, kind: str, value: Json) -> list[Json]:
        """Take note of a member of a node, and give what is left to walk."""
        if kind in _REFERENCES:
            return self._refer({kind: value})
        if kind == "Call":
            return self._call(_object(value))
        if kind == "with_mods":
            return [part for modifier in _list(value) for part in self._replace(_object(modifier))]
        if kind == "SomeVars":
            self.variables.update(_spanned(span, self.text) for span in _list(_object(value)["vars"]))
            return []
        if kind == "SomeIn":
            self.loops += 1
            some = _object(value)
            self.declare([some["key"], some["value"]])
        elif kind == "Every":
            every = _object(value)
            self.variables.update(
                _spanned(every[name], self.text) for name in ("key", "value") if every[name]
            )
        elif kind == "AssignExpr" and _object(value)["op"] == "ColEq":
            self.declare(_object(value)["lhs"])
        return [value]

    def declare(self, pattern: Json) -> None:
        """Note the variables of a pattern as the rule's own."""
        pending = [pattern]
        while pending:
            node = pending.pop()
            if isinstance(node, list):
                pending.extend(node)
            elif isinstance(node, dict):
                if "Var" in node:
                    self.variables.add(str(_object(node["Var"])["value"]))
                pending.extend(node.values())

    def rule(
        self,
        path: Segments,
        at: Place,
        *,
        function: bool = False,
        default: bool = False,
        partial: bool = False,
        total: bool = False,
    ) -> Rule:
        """Give the rule, once all of it was read."""
        references = tuple(
            Reference(found.root, found.names, found.indexes, found.root in self.variables, found.at)
            for found in self.references
        )
        stack = _RULE_BYTES + self.deepest + self.loops * _LOOP_BYTES
        return Rule(
            path, function, default, partial, total, references, tuple(self.calls), stack, self.loops, at
        )

    def _refer(self, node: JsonObject) -> list[Json]:
        base, indexes = _base(node), _indexes(node)
        self.loops += sum("Var" in _object(index) for index in indexes)
        if "Var" not in base:
            return [base, *indexes]
        self.references.append(_reference(node, self.at))
        return indexes

    def _call(self, call: JsonObject) -> list[Json]:
        function = _object(call["fcn"])
        arguments = _list(call["params"])
        if "Var" not in _base(function) or _indexes(function):
            return [function, *arguments]
        name = _reference(function, self.at)
        self.calls.append(Call((name.root, *name.names), frozenset(_texts(arguments)), name.at))
        return arguments

    def _replace(self, modifier: JsonObject) -> list[Json]:
        """Take the value of a `with` for a call too, where it could be the name of a function."""
        value = _object(modifier["as"])
        if _REFERENCES.isdisjoint(value) or "Var" not in _base(value) or _indexes(value):
            return [value]
        name = _reference(value, self.at)
        if name.names:
            self.calls.append(Call((name.root, *name.names), frozenset(), name.at))
        return [value]


def _reference(node: Json, at: Place) -> Reference:
    """Read a chain of `.name`, `["name"]` and `[other]` that begins with a variable."""
    links = list(_links(_object(node)))
    names: list[str] = []
    for link in links:
        if link is None:
            break
        names.append(link)
    variable = _object(_base(_object(node))["Var"])
    span = _object(variable["span"])
    place = at._replace(line=_int(span["line"]), column=_int(span["col"]))
    return Reference(str(variable["value"]), tuple(names), links.count(None), False, place)


def _chain(node: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Go from the last link of a reference to what it begins with."""
    kind, link = _variant(node)
    while kind in ("RefDot", "RefBrack"):
        yield kind, link
        node = _object(link["refr"])
        kind, link = _variant(node)
    yield kind, link


def _base(node: JsonObject) -> JsonObject:
    kind, link = list(_chain(node))[-1]
    return {kind: link}


def _links(node: JsonObject) -> Iterator[str | None]:
    """Give the links from the first to the last: the name, or `None` where it is not constant."""
    for kind, link in reversed(list(_chain(node))[:-1]):
        if kind == "RefDot":
            yield str(_list(link["field"])[1])
        else:
            yield _literal(link["index"])


def _indexes(node: Json) -> list[Json]:
    """Give the indexes of a reference that are not constant names."""
    links = list(_chain(_object(node)))[:-1]
    return [link["index"] for kind, link in links if kind == "RefBrack" and _literal(link["index"]) is None]


def _literal(node: Json) -> str | None:
    kind, literal = _variant(node)
    return str(literal["value"]) if kind in ("String", "RawString") else None


def _texts(nodes: list[Json]) -> Iterator[str]:
    """Give the string literals among arguments, and in the arrays among them."""
    for node in nodes:
        kind, value = _variant(node)
        if kind == "Array":
            yield from _texts(_list(value["items"]))
        elif (text := _literal(node)) is not None:
            yield text


def _spanned(span: Json, text: bytes) -> str:
    place = _object(span)
    return text[_int(place["start"]) : _int(place["end"])].decode()


def _variant(node: Json) -> tuple[str, JsonObject]:
    kind, value = next(iter(_object(node).items()))
    return kind, value if isinstance(value, dict) else {}


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise TypeError("the engine's AST has an unknown shape")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError("the engine's AST has an unknown shape")
    return value


def _int(value: Json) -> int:
    if not isinstance(value, int):
        raise TypeError("the engine's AST has an unknown shape")
    return value
