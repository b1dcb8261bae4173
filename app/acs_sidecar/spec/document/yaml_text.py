"""A manifest's text as YAML 1.2 core schema, strict and bounded, with the place of every member.

The parser's events are read directly, so that no construct can mean anything but JSON, and an alias
costs what it expands to before it is expanded.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from acs_sidecar.spec.document.bounds import (
    MAX_DEPTH,
    DocumentBoundError,
    DocumentError,
    Members,
    Position,
    check_totals,
    parse_float,
    parse_integer,
)
from acs_sidecar.spec.values import Json

__all__ = ["parse_yaml"]

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NON_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_OLD_LINE_END = re.compile("[\x85\u2028\u2029]")
"""Line ends to the parser, which reads YAML 1.1, and characters of a comment or a text in YAML 1.2."""
_STRING_TAG = "tag:yaml.org,2002:str"
_JSON_TAGS = frozenset(
    {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
)


@dataclass(frozen=True, slots=True)
class _Node:
    """A built value with what it costs: nodes and bytes when expanded, and levels of nesting."""

    value: Json
    nodes: int
    size: int
    depth: int


def parse_yaml(text: str) -> tuple[Json, Mapping[Members, Position]]:
    """Read one document; return its value and the place of each member. Raises `DocumentError`."""
    if found := _OLD_LINE_END.search(text):
        before = text[: found.start()]
        name = f"U+{ord(found[0]):04X}"
        message = f"{name} ends lines in some versions of YAML: write an escape in double quotes"
        raise DocumentError(message, (before.count("\n") + 1, len(before) - before.rfind("\n")))
    return _YamlReader(text).document()


class _YamlReader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self._anchors: dict[str, _Node | None] = {}
        self._places: dict[Members, Position] = {}
        self._nodes = 0
        self._size = 0

    def document(self) -> tuple[Json, Mapping[Members, Position]]:
        try:
            self._next()  # stream start
            if isinstance(self._next(), yaml.StreamEndEvent):
                raise DocumentError("the document is empty")
            start = self._next()
            self._places[()] = _place(start)
            root = self._node(start, (), 0)
            self._next()  # document end
            after = self._next()
        except yaml.MarkedYAMLError as error:
            raise self._syntax_error(error) from None
        except (yaml.YAMLError, UnicodeError):
            raise DocumentError("not YAML or JSON: a character is not allowed") from None
        if not isinstance(after, yaml.StreamEndEvent):
            raise DocumentError("more than one document", _place(after))
        return root.value, self._places

    def _next(self) -> yaml.Event:
        return next(self._events)

    def _syntax_error(self, error: yaml.MarkedYAMLError) -> DocumentError:
        """Return what the parser's error says, in other words where a tab is the cause."""
        mark = error.problem_mark
        if mark is None:
            return DocumentError(f"not YAML or JSON: {error.problem}")
        is_tab = self._text[mark.index : mark.index + 1] == "\t"
        problem = "a tab is no indentation: indent with spaces" if is_tab else error.problem
        return DocumentError(f"not YAML or JSON: {problem}", (mark.line + 1, mark.column + 1))

    def _node(self, event: yaml.Event, path: Members, level: int) -> _Node:
        place = _place(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, level, place)
        anchor = getattr(event, "anchor", None)
        if anchor:
            self._anchors[anchor] = None
        tag = getattr(event, "tag", None)
        if tag == "!":
            raise DocumentError("`!` in front of a value is a YAML tag: put the whole text in quotes", place)
        if tag is not None and tag not in _JSON_TAGS:
            raise DocumentError(f"the tag `{tag}` is not a JSON type", place)
        self._spend(1, 0, place)
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, place)
        elif level >= MAX_DEPTH:
            raise DocumentBoundError(f"nested deeper than {MAX_DEPTH} levels", place)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(path, level, tag, place)
        else:
            node = self._mapping(path, level, tag, place)
        if anchor:
            self._anchors[anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent, level: int, place: Position) -> _Node:
        name = str(event.anchor)
        if name not in self._anchors:
            raise DocumentError(f"the alias `*{name}` has no earlier anchor", place)
        node = self._anchors[name]
        if node is None:
            raise DocumentError(f"the alias `*{name}` contains itself", place)
        if level + node.depth > MAX_DEPTH:
            raise DocumentBoundError(f"nested deeper than {MAX_DEPTH} levels", place)
        self._spend(node.nodes, node.size, place)
        return node

    def _sequence(self, path: Members, level: int, tag: str | None, place: Position) -> _Node:
        _check_tag(tag, "seq", place)
        before = self._nodes - 1, self._size
        self._spend(0, 2, place)
        values: list[Json] = []
        depth = 0
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            self._places[(*path, len(values))] = _place(event)
            node = self._node(event, (*path, len(values)), level + 1)
            values.append(node.value)
            depth = max(depth, node.depth)
        return self._built(values, before, depth)

    def _mapping(self, path: Members, level: int, tag: str | None, place: Position) -> _Node:
        _check_tag(tag, "map", place)
        before = self._nodes - 1, self._size
        self._spend(0, 2, place)
        members: dict[str, Json] = {}
        depth = 0
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key_place = _place(event)
            name = self._key(event, path, level)
            if name in members:
                raise DocumentError(f"the member `{name}` occurs twice", key_place)
            self._places[(*path, name)] = key_place
            node = self._node(self._next(), (*path, name), level + 1)
            members[name] = node.value
            depth = max(depth, node.depth)
        return self._built(members, before, depth)

    def _key(self, event: yaml.Event, path: Members, level: int) -> str:
        place = _place(event)
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and event.value == "<<":
            raise DocumentError("merge keys (`<<`) are not allowed: repeat the members", place)
        if isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            raise DocumentError("a member name must be a string", place)
        key = self._node(event, path, level).value
        if not isinstance(key, str):
            raise DocumentError("a member name must be a string: quote it", place)
        return key

    def _built(self, value: Json, before: tuple[int, int], depth: int) -> _Node:
        return _Node(value, self._nodes - before[0], self._size - before[1], depth + 1)

    def _scalar(self, event: yaml.ScalarEvent, place: Position) -> _Node:
        text = str(event.value)
        try:
            size = len(text.encode()) + 2
        except UnicodeEncodeError:
            raise DocumentError("a string holds a lone surrogate", place) from None
        self._spend(0, size, place)
        plain = event.implicit[0] and event.tag is None
        value = _core_schema(text, place) if plain else _tagged(text, event.tag, place)
        return _Node(value, 1, size, 0)

    def _spend(self, nodes: int, size: int, place: Position) -> None:
        self._nodes += nodes
        self._size += size
        check_totals(self._nodes, self._size, place)


def _place(event: yaml.Event) -> Position:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _check_tag(tag: str | None, wanted: str, place: Position) -> None:
    if tag not in (None, f"tag:yaml.org,2002:{wanted}"):
        raise DocumentError(f"the tag `{tag}` does not fit its value", place)


def _tagged(text: str, tag: str | None, place: Position) -> Json:
    """Read a scalar that is quoted or carries a tag: a string, unless the tag asks for another type."""
    if tag in (None, _STRING_TAG):
        return text
    value = _core_schema(text, place)
    kinds = {"int": int, "float": int | float, "bool": bool, "null": type(None)}
    wanted = kinds.get(str(tag).rpartition(":")[2])
    if wanted is None or not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise DocumentError(f"the tag `{tag}` does not fit its value", place)
    return float(value) if wanted == int | float and isinstance(value, int) else value


def _core_schema(text: str, place: Position) -> Json:
    """Resolve a plain scalar by the YAML 1.2 core schema."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        return parse_integer(text, place)
    if _OCTAL.fullmatch(text):
        return parse_integer(text, place, 8)
    if _HEXADECIMAL.fullmatch(text):
        return parse_integer(text, place, 16)
    if _FLOAT.fullmatch(text):
        return parse_float(text, place)
    if _NON_FINITE.fullmatch(text):
        raise DocumentError(f"`{text}` is not a finite number", place)
    return text
