"""Number literals in the arguments of functions that compare or print what they get, and keep none of it.

In `f({"limit": 1.0})` where `f` uses its argument in `input.n >= limits.limit` alone, the form of the
number is nothing: it is not seen inside of another value, which is where OPA shows it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from acs_sidecar.engines.rego.analysis.facts import ModuleFacts
from acs_sidecar.engines.rego.analysis.syntax import (
    LINKS,
    as_list,
    as_object,
    called_name,
    constant_names,
    nodes_of,
    text_fields,
    variant,
)
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["inspected_numbers"]

_TESTS = frozenset({("is_boolean",), ("is_null",), ("is_number",), ("is_string",)})
_SPRINTF = ("sprintf",)
_MAX_CALLS = 16
"""Through how many functions, each in the one before, an argument is followed."""


def inspected_numbers(modules: Iterable[tuple[JsonObject, ModuleFacts]]) -> set[int]:
    """Return the identities of the `Number` nodes that are given to functions, none of which keeps them."""
    given = list(modules)
    if any(found.root != "input" for _, facts in given for rule in facts.rules for found in rule.replaced):
        return set()
    functions = _Functions()
    for ast, facts in given:
        for node, rule in zip(as_list(ast["rules"]), facts.rules, strict=True):
            functions.rules.setdefault(rule.path, []).append((node, facts))
    return {
        id(number)
        for ast, facts in given
        for call in nodes_of("Call", ast["rules"])
        for number in functions.inspected(call, facts)
    }


@dataclass(frozen=True, slots=True)
class _Argument:
    """The name of an argument, and whether it is an object of which the members are used alone."""

    name: str
    has_members: bool

    def is_used_by(self, term: Json) -> bool:
        """Whether a term is the argument, or a member of it by a constant name."""
        kind, value = variant(term)
        if self.has_members:
            if kind not in LINKS or len(constant_names(term)[0]) != 1 or not constant_names(term)[1]:
                return False
            kind, value = variant(value["refr"])
        return kind == "Var" and value["value"] == self.name


@dataclass(frozen=True, slots=True)
class _Functions:
    """The rules of the modules by their paths, and which functions keep nothing of which argument."""

    rules: dict[Segments, list[tuple[Json, ModuleFacts]]] = field(default_factory=dict)
    known: dict[tuple[Segments, int, bool], bool] = field(default_factory=dict)
    open: list[tuple[Segments, int, bool]] = field(default_factory=list)

    def inspected(self, call: JsonObject, facts: ModuleFacts) -> Iterator[Json]:
        """Yield the numbers that a call gives, by themselves or as the members of an object."""
        for place, argument in enumerate(as_list(call["params"])):
            members = text_fields(argument)
            values = list(members.values()) if members else [argument]
            numbers = [as_object(value)["Number"] for value in values if "Number" in as_object(value)]
            if numbers and self._inspects(call, facts, place, has_members=bool(members)):
                yield from numbers

    def _inspects(self, call: JsonObject, facts: ModuleFacts, place: int, *, has_members: bool) -> bool:
        """Whether a call is one of functions that keep nothing of an argument."""
        name = called_name(call["fcn"])
        if name in _TESTS and not has_members:
            return True
        paths = [path for path in facts.paths(name) if path in self.rules] if name else []
        return bool(paths) and all(self._keeps_none(path, place, has_members=has_members) for path in paths)

    def _keeps_none(self, path: Segments, place: int, *, has_members: bool) -> bool:
        key = path, place, has_members
        if key not in self.known:
            self.known[key] = False  # of a function that calls itself
            if len(self.open) == _MAX_CALLS:
                return False
            self.open.append(key)
            self.known[key] = all(
                self._rule_keeps_none(node, facts, place, has_members=has_members)
                for node, facts in self.rules[path]
            )
            self.open.pop()
        return self.known[key]

    def _rule_keeps_none(self, node: Json, facts: ModuleFacts, place: int, *, has_members: bool) -> bool:
        kind, rule = variant(node)
        if kind == "Default":
            return True
        head = variant(rule["head"])[1]
        arguments = as_list(head.get("args") or [])
        if place >= len(arguments) or "Var" not in as_object(arguments[place]):
            return False
        argument = _Argument(str(variant(arguments[place])[1]["value"]), has_members)
        pending = [
            *arguments[:place],
            *arguments[place + 1 :],
            head.get("key"),
            head.get("assign"),
            rule["bodies"],
        ]
        while pending:
            node = pending.pop()
            if isinstance(node, list):
                pending.extend(node)
            elif isinstance(node, dict):
                if "Var" in node and as_object(node["Var"])["value"] == argument.name:
                    return False
                for kind, value in node.items():
                    pending.extend(self._kept(kind, value, argument, facts))
        return True

    def _kept(self, kind: str, value: Json, argument: _Argument, facts: ModuleFacts) -> Iterator[Json]:
        """Yield what is to be read below a node: not the argument where that is kept nowhere."""
        if kind == "BoolExpr":
            sides = [as_object(value)["lhs"], as_object(value)["rhs"]]
            yield from (side for side in sides if not argument.is_used_by(side))
        elif kind == "Call":
            call = as_object(value)
            is_sprintf = called_name(call["fcn"]) == _SPRINTF
            for place, given in enumerate(as_list(call["params"])):
                if is_sprintf and "Array" in as_object(given):
                    items = as_list(variant(given)[1]["items"])
                    yield from (item for item in items if not argument.is_used_by(item))
                elif not argument.is_used_by(given) or not self._inspects(
                    call, facts, place, has_members=False
                ):
                    yield given
        elif kind != "span":
            yield value
