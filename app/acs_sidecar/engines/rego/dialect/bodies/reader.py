"""The bodies of a rule as OPA's compiler takes them apart: an expression a call, a scope a body.

A call inside of an expression becomes an expression of its own before it, also out of a `not`; what a
comprehension or `every` holds is a body inside of the one around it.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import NamedTuple

from acs_sidecar.engines.rego.analysis.syntax import (
    CALLS,
    REFERENCES,
    as_list,
    as_object,
    as_offsets,
    as_position,
    called_name,
    chain,
    composite_items,
    equated,
    first_link,
    operands,
    spanned,
    variant,
)
from acs_sidecar.engines.rego.dialect.arity import builtin_arity
from acs_sidecar.engines.rego.dialect.bodies.model import Body, Names, PatternPart, Statement
from acs_sidecar.engines.rego.dialect.inference import Unit
from acs_sidecar.engines.rego.dialect.scopes import CLOSURES, Variable, VariableScope, declared
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Arity", "BodyReader"]

Arity = Callable[[JsonObject], int | None]
"""How many arguments the function of a `Call` node takes, where that is known."""

_COMPOSITES = frozenset({"Array", "Object", "Set"})


class Miscall(NamedTuple):
    """A call with another number of arguments than its function takes (or one more, for its value)."""

    node: JsonObject
    arity: int
    given: int


class BodyReader:
    """Reads the bodies of one module."""

    def __init__(self, text: bytes, arity: Arity) -> None:
        self._text = text
        self._arity = arity
        self.miscalled: list[Miscall] = []
        self.documents: dict[int, JsonObject] = {}
        self.negatives: list[JsonObject] = []
        self.comparisons: list[tuple[JsonObject, VariableScope]] = []
        self.assignments: list[tuple[Variable, Json, VariableScope]] = []
        self.bindings: list[tuple[Json, Json, VariableScope, PatternPart]] = []
        """Patterns, and of what each is which part."""
        self.values: list[tuple[Json, Json, VariableScope]] = []
        self.members: list[tuple[Json, Json, VariableScope, PatternPart]] = []
        """Rules by the references of their heads, with the keys and values that are members of them."""
        self.set_members: list[Json] = []
        """The rules that make sets at keys of an object."""
        self.computations: list[JsonObject] = []
        self.calls: list[tuple[JsonObject, VariableScope]] = []
        self.memberships: list[JsonObject] = []
        self.objects: list[JsonObject] = []
        self.parameters: list[tuple[Json, int, Json, VariableScope]] = []
        self.replacements: list[tuple[Json, VariableScope]] = []
        self.lookups: list[Json] = []
        self.iterated: list[Json] = []
        self.listed: list[tuple[Json, VariableScope, Json]] = []
        """What the comprehensions of arrays iterate over, with the place of each."""
        self.taken_apart: set[int] = set()
        """The objects whose elements are taken where they are written."""
        self.closures: dict[int, VariableScope] = {}
        self.shadows: dict[str, Variable] = {}
        self._declared: dict[str, Variable] = {}
        self._labels = count()

    def label(self) -> int:
        """Return a number that no other scope of the module has."""
        return next(self._labels)

    def is_document(self, reference: Json) -> bool:
        """True if a reference begins with the name of a rule or an import, `input` or `data`."""
        return id(variant(first_link(reference))[1]) in self.documents

    def read(self, query: Json, terms: Iterable[Json], body: Body) -> Body:
        """Return a body with a query (or none), and with the terms of its head or comprehension."""
        scope = body.scope
        if query is not None:
            node = as_object(query)
            statements = as_list(node["stmts"])
            label, start = self.label(), as_offsets(node["span"])[0]
            names = [list(declared(statement, self._text)) for statement in statements]
            own = {name: name for new in names for name in new}
            scope = body.scope = VariableScope(scope.documents, own, scope)
            for statement, new in zip(statements, names, strict=True):
                own.update({name: f"{name}@{label}" for name in new})
                self._note_shadows(statement, scope)
                literal = as_object(statement)
                bare = len(statements) == 1 and as_offsets(literal["span"])[0] == start
                self._statement(literal, scope, body, bare)
        for term in terms:
            body.terms.append((term, self._expression(term, _Reading(scope, body))))
        return body

    def _note_shadows(self, statement: Json, scope: VariableScope) -> None:
        """Note the variables of a `some` that have the name of a rule or an import."""
        kind, literal = variant(as_object(statement)["literal"])
        if kind in ("SomeIn", "SomeVars"):
            found = self.shadows if kind == "SomeIn" else self._declared
            position = as_position(literal["span"])
            for name in sorted(set(declared(statement, self._text)) & scope.documents):
                found[scope.own[name]] = Variable(scope.own[name], name, *position)

    def _statement(self, node: JsonObject, scope: VariableScope, body: Body, bare: bool) -> None:
        kind, literal = variant(node["literal"])
        premises, captured = self._modifiers(as_list(node.get("with_mods", [])), scope, body)
        reading = _Reading(scope, body, premises)
        if kind == "SomeVars":
            body.declarations += [literal] if body.statements else []
            return
        if kind == "SomeIn":
            unit = self._some_in(literal, reading)
        elif kind == "Every":
            unit = self._every(literal, reading)
        else:
            unit = self._expression(literal["expr"], reading, negated=kind == "NotExpr", is_statement=True)
        unit.captured.update(captured)
        body.statements.append(Statement(node, scope, unit, bare))

    def _modifiers(self, modifiers: list[Json], scope: VariableScope, body: Body) -> tuple[Names, Names]:
        """Return the variables that the values of `with` need and capture; they cannot bind any."""
        needs: Names = {}
        captured: Names = {}
        for modifier in modifiers:
            self._note_document(as_object(modifier)["refr"], scope)
            value = as_object(modifier)["as"]
            self.replacements.append((value, scope))
            kind, node = variant(value)
            if builtin_arity(value, scope) is not None:
                continue
            if kind != "Var":
                unit = self._expression(value, _Reading(scope, body))
                unit.bind_nothing()
                needs.update(unit.needs)
                captured.update(unit.captured)
            elif variable := scope.variable(node):
                needs[variable.key] = variable
            else:
                self.documents[id(node)] = node
        return needs, captured

    def _some_in(self, literal: JsonObject, reading: "_Reading") -> Unit:
        unit = Unit(dict(reading.premises))
        self.iterated.append(literal["collection"])
        if "ArrayCompr" in reading.body.comprehension:
            self.listed.append((literal["collection"], reading.scope, literal["span"]))
        self._take_apart(literal["collection"])
        source = self._term(literal["collection"], reading, unit)
        for pattern, part in ((literal["key"], PatternPart.KEY), (literal["value"], PatternPart.VALUE)):
            if pattern is not None:
                self.bindings.append((pattern, literal["collection"], reading.scope, part))
                unit.clauses.append((source.needs, self._term(pattern, reading, unit).leaves))
        reading.add(unit)
        return unit

    def _every(self, literal: JsonObject, reading: "_Reading") -> Unit:
        unit = Unit(dict(reading.premises))
        self._take_apart(literal["domain"])
        self._term(literal["domain"], reading, unit)
        names = {spanned(literal[name], self._text) for name in ("key", "value") if literal[name]}
        scope = reading.scope.inside(names, self.label())._replace(quantified=True)
        for name, part in (("key", PatternPart.KEY), ("value", PatternPart.VALUE)):
            if span := literal[name]:
                named: dict[str, Json] = {"value": spanned(span, self._text), "span": span}
                self.bindings.append(({"Var": named}, literal["domain"], scope, part))
        inner = self.read(literal["query"], (), Body(scope))
        inner.given.update(scope.own.values())
        _enclose(inner, reading.body, unit)
        reading.add(unit)
        return unit

    def _take_apart(self, term: Json) -> None:
        kind, value = variant(term)
        if kind == "Object":
            self.taken_apart.add(as_offsets(value["span"])[0])

    def _expression(
        self, node: Json, reading: "_Reading", *, negated: bool = False, is_statement: bool = False
    ) -> Unit:
        """Add an expression, after those of the calls in it."""
        unit = Unit(dict(reading.premises))
        kind, value = variant(node)
        if kind == "Membership" and not is_statement:
            self.memberships.append(value)
        if kind == "AssignExpr":
            self._unify(value["lhs"], value["rhs"], reading, unit)
        elif kind in CALLS:
            self._call(kind, value, reading, unit)
        else:
            self._term(node, reading, unit)
        if negated:
            unit.bind_nothing()
        reading.add(unit)
        return unit

    def _call(self, kind: str, call: JsonObject, reading: "_Reading", unit: Unit) -> None:
        arity = self._arity(call) if kind == "Call" else None
        given = len(arguments := operands(kind, call))
        if kind == "UnaryExpr":
            self.negatives.append(call)
        if kind == "ArithExpr":
            self.computations.append(call)
        if kind == "BoolExpr":
            self.comparisons.append((call, reading.scope))
        if kind == "Call":
            self._note_document(call["fcn"], reading.scope)
            self.calls.append((call, reading.scope))
            if "ArrayCompr" in reading.body.comprehension and given and called_name(call["fcn"]) == ("walk",):
                self.listed.append((arguments[0], reading.scope, call["span"]))
        if arity is not None and given != arity and (reading.nested or given != arity + 1):
            self.miscalled.append(Miscall(call, arity, given))
        inputs: frozenset[str] = frozenset()
        for at, argument in enumerate(arguments):
            term = self._term(argument, reading, unit)
            if arity is None or at < arity:
                inputs |= term.needs
            else:
                self.bindings.append((argument, {kind: dict(call)}, reading.scope, PatternPart.WHOLE))
                unit.clauses.append((inputs, term.leaves))

    def _note_document(self, reference: Json, scope: VariableScope) -> None:
        kind, value = variant(first_link(reference))
        if kind == "Var" and scope.variable(value) is None:
            self.documents[id(value)] = value

    def _unify(self, left: Json, right: Json, reading: "_Reading", unit: Unit) -> None:
        """Add how the two sides of `=` or `:=` bind each other."""
        for one, other in equated(left, right):
            kind, value = variant(one)
            if kind == "Var" and (variable := reading.scope.variable(value)):
                self.assignments.append((variable, other, reading.scope))
            pairs = ((one, other), (other, one))
            self.bindings += [(*pair, reading.scope, PatternPart.WHOLE) for pair in pairs]
            first, second = (self._term(side, reading, unit) for side in (one, other))
            if not _COMPOSITES.issuperset({kind, variant(other)[0]}):
                unit.clauses += [(first.needs, second.leaves), (second.needs, first.leaves)]

    def _term(self, node: Json, reading: "_Reading", unit: Unit) -> "_Term":
        """Note the variables of a term."""
        kind, value = variant(node)
        if kind == "Var":
            variable = reading.scope.variable(value)
            if variable is None:
                self.documents[id(value)] = value
                return _CONSTANT
            unit.need(variable)
            key = frozenset({variable.key})
            return _Term(key, key)
        if kind in REFERENCES:
            return self._reference(node, reading, unit)
        if kind in CLOSURES:
            terms = [value["term"]] if "term" in value else [value["key"], value["value"]]
            inner = self.read(value["query"], terms, Body(reading.scope, {kind: dict(value)}))
            self.closures[id(value)] = inner.scope
            _enclose(inner, reading.body, unit)
            return _CONSTANT
        if kind in CALLS:
            return self._nested(node, reading, unit)
        return self._composite(kind, value, reading, unit)

    def _nested(self, node: Json, reading: "_Reading", unit: Unit) -> "_Term":
        """Add a term of an expression as one of its own."""
        call = self._expression(node, reading._replace(nested=True))
        result = unit.use(call, f"()@{self.label()}", is_nested=reading.nested)
        return _Term(result, result)

    def _composite(self, kind: str, value: JsonObject, reading: "_Reading", unit: Unit) -> "_Term":
        if kind == "Object":
            self.objects.append(value)
        needs: set[str] = set()
        leaves: set[str] = set()
        for at, item in enumerate(composite_items(kind, value)):
            term = self._term(item, reading, unit)
            needs |= term.needs
            if kind == "Array" or (kind == "Object" and at % 2):
                leaves |= term.leaves
        return _Term(frozenset(needs), frozenset(leaves))

    def _reference(self, node: Json, reading: "_Reading", unit: Unit) -> "_Term":
        (kind, first), *links = chain(node)
        base = links[0][1]["refr"]
        self._take_apart(base)
        if kind == "Var" and reading.scope.variable(first) is None:
            self.lookups.append(node)
        head = (self._nested if kind in _COMPOSITES else self._term)(base, reading, unit)
        for kind, link in links:
            if kind == "RefBrack":
                self.bindings.append((link["index"], link["refr"], reading.scope, PatternPart.KEY))
                index = self._term(link["index"], reading, unit)
                if index.leaves - unit.results:
                    if "ArrayCompr" in reading.body.comprehension:
                        self.listed.append((link["refr"], reading.scope, link["span"]))
                    unit.indexes.append(len(unit.clauses))
                    reading.body.has_index |= variant(link["index"])[1].get("value") != "_"
                unit.clauses.append((head.needs, index.leaves))
                shadows = sorted(index.leaves & self._declared.keys())
                self.shadows.update((key, self._declared[key]) for key in shadows)
        return _Term(head.needs, frozenset())


class _Reading(NamedTuple):
    """Where an expression stands, and the variables of its `with`, on which all in it depends."""

    scope: VariableScope
    body: Body
    premises: Mapping[str, Variable] = {}
    nested: bool = False

    def add(self, unit: Unit) -> None:
        """Add an expression, which binds nothing before it has the values of its `with`."""
        if self.premises:
            unit.clauses = [(given | self.premises.keys(), bound) for given, bound in unit.clauses]
        self.body.units.append(unit)


class _Term(NamedTuple):
    """The variables from which the value of a term follows, and those that follow from its value."""

    needs: frozenset[str]
    leaves: frozenset[str]


_CONSTANT = _Term(frozenset(), frozenset())


def _enclose(inner: Body, body: Body, unit: Unit) -> None:
    body.inner.append(inner)
    used = inner.variables()
    for enclosed in inner.units:
        used.update(enclosed.captured)
    unit.captured.update((key, found) for key, found in used.items() if key not in inner.given)
