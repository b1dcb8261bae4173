"""Number literals that OPA writes as they stand, where they may become text.

`json.marshal(1e3)` is `1e3` in OPA, and `{1e3: 1}` has that name; this engine writes the number,
`1000`. Where it is compared or computed with, the form of a number is nothing.
"""

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from acs_sidecar.engines.findings import SourceLocation, finding
from acs_sidecar.engines.rego.analysis.checks import Program
from acs_sidecar.engines.rego.analysis.facts import ModuleFacts, Rule
from acs_sidecar.engines.rego.analysis.graph import Node, reached_from
from acs_sidecar.engines.rego.analysis.syntax import (
    as_list,
    as_object,
    as_offsets,
    as_position,
    called_name,
    spanned,
    variant,
    varying_indexes,
)
from acs_sidecar.engines.rego.dialect.inspected import inspected_numbers
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["numerals_as_text"]

_FORM = re.compile(rb"(?<![\w.\"])\d+(?:\.\d*0(?!\d)|\.\d{6,}|(?:\.\d+)?[eE])|-0(?![.\d])|\d{16}")
"""What a text holds that may be a number in another form than the engine's."""
_DECIMAL = re.compile(r"\d{1,15}(?:\.\d{1,5})?")
"""What `sprintf` writes as this engine does, in no composite."""
_COMPUTED = frozenset({"ArithExpr", "BoolExpr"})
_COMPOSITES = frozenset({"Array", "Object", "Set", "ArrayCompr", "ObjectCompr", "SetCompr"})
_COMPUTING = frozenset({("abs",), ("ceil",), ("floor",), ("round",)})
_SIDES = frozenset({"lhs", "rhs", "Array", "Object", "Set", "items", "fields"})
_TEXTS = frozenset({"String", "RawString"})
_COMPOUND = (dict, list)
_EXACT_WHOLE = 2**64
_WRITING = frozenset({("json", "marshal"), ("json", "marshal_with_options")})
_SPRINTF = ("sprintf",)


@dataclass(frozen=True, slots=True)
class _Numeral:
    text: str
    written: str
    at: SourceLocation
    is_plain: bool
    """Whether it is in no composite and without an exponent: `sprintf` writes it as this engine does."""
    is_head_value: bool


@dataclass(slots=True)
class _Found:
    """Of the rules of one path: its literals, and how it may write values as text."""

    numerals: list[_Numeral] = field(default_factory=list)
    writes: bool = False
    prints: bool = False
    names: bool = False


def numerals_as_text(
    modules: Iterable[tuple[JsonObject, ModuleFacts, bytes]], program: Program
) -> Iterator[Diagnostic]:
    """Find number literals of another form than the engine's that reach a rule which writes text."""
    given = list(modules)
    rules = [
        (node, rule, text)
        for ast, facts, text in given
        for node, rule in zip(as_list(ast["rules"]), facts.rules, strict=True)
    ]
    numbered = _read((node, rule, text) for node, rule, text in rules if _FORM.search(_spanned(node, text)))
    if not any(own.numerals for own in numbered.values()):
        return
    found = _read(rules, inspected_numbers((ast, facts) for ast, facts, _ in given))
    writing = _origins((path for path, own in found.items() if own.writes), program)
    printing = _origins((path for path, own in found.items() if own.prints), program)
    naming = _origins((path for path, own in found.items() if own.names), program)
    below = {target for node in naming for target in program.edges.get(node, ())}
    for path, own in found.items():
        rule: Node = ("rule", path)
        for numeral in own.numerals:
            named = rule in (below if numeral.is_head_value else naming)
            if rule in writing or named or (rule in printing and not numeral.is_plain):
                yield finding("rego-number-form", _message(numeral), numeral.at)


def _read(
    rules: Iterable[tuple[Json, Rule, bytes]], inspected: Set[int] = frozenset()
) -> dict[Segments, _Found]:
    found: dict[Segments, _Found] = {}
    for node, rule, text in rules:
        reader = _Reader(text, rule.at, found.setdefault(rule.path, _Found()), inspected)
        reader.read_rule(*variant(node))
    return found


def _spanned(rule: Json, text: bytes) -> bytes:
    return text[slice(*as_offsets(variant(rule)[1]["span"]))]


def _message(numeral: _Numeral) -> str:
    return (
        f"`{numeral.text}` is `{numeral.written}` here where it becomes text or a name, and stays as it is "
        f"in OPA: write `{numeral.written}`"
    )


def _origins(paths: Iterable[Segments], program: Program) -> set[Node]:
    """Return the rules whose values rules may see: what these, and callers of functions, depend on."""
    callers: dict[Node, list[Node]] = {}
    for node, targets in program.edges.items():
        for target in targets:
            if target[0] == "rule" and any(rule.function for rule in program.rules[target[1]]):
                callers.setdefault(target, []).append(node)
    return reached_from(reached_from([("rule", path) for path in paths], callers), program.edges)


class _Place(NamedTuple):
    """Where a node stands: as a side of a comparison or computation, in a composite, as a head's value."""

    computed: bool = False
    composite: bool = False
    head_value: bool = False


@dataclass(frozen=True, slots=True)
class _Reader:
    text: bytes
    at: SourceLocation
    found: _Found
    inspected: Set[int]
    """The identities of the literals that are given to functions, none of which keeps them."""

    def read_rule(self, kind: str, rule: JsonObject) -> None:
        """Note the literals of a rule, and how it writes values."""
        if kind == "Default":
            self._read(rule["value"], _Place(head_value=True))
            return
        head = variant(rule["head"])[1]
        self.found.names |= bool(varying_indexes(head["refr"]))
        bodies = [as_object(body) for body in as_list(rule["bodies"])]
        for assigned in [head.get("assign"), *(body["assign"] for body in bodies)]:
            self._read(assigned, _Place(head_value=True))
        self._read(
            [head["refr"], head.get("args"), head.get("key"), *(body["query"] for body in bodies)], _Place()
        )

    def _read(self, node: Json, place: _Place) -> None:
        pending = [(node, place)]
        while pending:
            node, place = pending.pop()
            if isinstance(node, list):
                pending.extend((item, place) for item in node)
            elif isinstance(node, dict):
                for kind, value in node.items():
                    if kind == "Number":
                        self._number(as_object(value), place)
                    elif kind != "span" and isinstance(value, _COMPOUND):
                        self._note(kind, value)
                        pending.extend(_below(kind, value, place))

    def _note(self, kind: str, value: Json) -> None:
        if kind == "ObjectCompr":
            self.found.names |= variant(as_object(value)["key"])[0] not in _TEXTS
        elif kind == "Object":
            keys = {variant(as_list(item)[1])[0] for item in as_list(as_object(value)["fields"])}
            self.found.writes |= "Number" in keys
            self.found.names |= bool(keys - _TEXTS)
        elif kind == "Call":
            call = as_object(value)
            name = called_name(call["fcn"])
            self.found.writes |= name in _WRITING
            if name == _SPRINTF:
                self.found.prints = True
                self.found.writes |= not _is_flat(as_list(call["params"])[-1])

    def _number(self, number: JsonObject, place: _Place) -> None:
        text = spanned(number["span"], self.text)
        written = orjson.dumps(number["value"]).decode()
        if place.computed or text == written or (text.isdigit() and int(text) < _EXACT_WHOLE):
            return
        if id(number) in self.inspected and _DECIMAL.fullmatch(text):
            return
        line, column = as_position(number["span"])
        at = self.at._replace(line=line, column=column)
        plain = not place.composite and "e" not in text.lower()
        self.found.numerals.append(_Numeral(text, written, at, plain, place.head_value))


def _below(kind: str, value: Json, place: _Place) -> list[tuple[Json, _Place]]:
    """Return what is to be read below a node."""
    if kind == "Call":
        call = as_object(value)
        name, arguments = called_name(call["fcn"]), as_list(call["params"])
        if name == _SPRINTF and "Array" in as_object(arguments[-1]):
            return [(as_object(as_object(arguments[-1])["Array"])["items"], place)]
        return [(arguments, place._replace(computed=name in _COMPUTING, head_value=False))]
    computed = kind in _COMPUTED or (place.computed and kind in _SIDES)
    composite = place.composite or kind in _COMPOSITES
    if computed != place.computed or composite != place.composite:
        place = _Place(computed, composite, place.head_value)
    if place.head_value and kind == "ObjectCompr":
        made = as_object(value)
        return [([made["key"], made["query"]], place._replace(head_value=False)), (made["value"], place)]
    if place.head_value and kind == "Object":
        fields = [as_list(item) for item in as_list(as_object(value)["fields"])]
        keys, values = [item[1] for item in fields], [item[2] for item in fields]
        return [(keys, place._replace(head_value=False)), (values, place)]
    return [(value, place)]


def _is_flat(values: Json) -> bool:
    """Whether the values of `sprintf` are written in an array, and none of them as a composite."""
    kind, array = variant(values)
    return kind == "Array" and all(variant(item)[0] not in _COMPOSITES for item in as_list(array["items"]))
