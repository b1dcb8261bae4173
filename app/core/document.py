"""Manifest text to a JSON value: YAML 1.2 core schema, strict and bounded (contract 1.3).

The parser's events are read directly, so that no construct can mean anything but JSON, an alias
costs what it expands to before it is expanded, and every member keeps its place.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from app.core.values import Json, deeper_than

__all__ = [
    "MAX_DEPTH",
    "MAX_EXPANDED_BYTES",
    "MAX_NODES",
    "Document",
    "DocumentBoundError",
    "DocumentError",
    "Members",
    "Place",
    "check_bounds",
    "parse_document",
]

MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_EXPANDED_BYTES = 1024 * 1024
MAX_TEXT_BYTES = 4 * 1024 * 1024
MAX_TAG_DIRECTIVES = 1_000

Place = tuple[int, int]
"""Line and column, from 1."""

Members = tuple[str | int, ...]

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NON_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_STRING_TAG = "tag:yaml.org,2002:str"
_JSON_TAGS = frozenset(
    {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
)


class DocumentError(ValueError):
    """A text that is not one JSON value; `line` and `column` count from 1 where they are known."""

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = place[0] if place else None
        self.column = place[1] if place else None


class DocumentBoundError(DocumentError):
    """A text that passes a bound on depth, nodes or size."""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed text: its value, and the place (line, column) of each member by its path.

    `source` is how findings call the text, and `remote` whether it came from another server. A merged
    document has no places of its own: `origins` gives the document that each member came from.
    """

    value: Json
    places: Mapping[Members, Place]
    source: str | None = None
    remote: bool = False
    origins: Mapping[Members, "Document"] = field(default_factory=dict)

    def members(self) -> Iterator[Members]:
        """Give the path of every member, the whole first."""
        pending: list[tuple[Members, Json]] = [((), self.value)]
        while pending:
            path, value = pending.pop()
            yield path
            if isinstance(value, dict):
                pending.extend(((*path, name), member) for name, member in reversed(value.items()))
            elif isinstance(value, list):
                pending.extend(((*path, index), item) for index, item in enumerate(value))

    def origin(self, path: Members) -> "Document":
        """Give the document that a member, or the nearest one around it, came from."""
        for length in range(len(path), -1, -1):
            if found := self.origins.get(path[:length]):
                return found.origin(path)
        return self

    def place(self, path: Members) -> Place | tuple[None, None]:
        """Give the place of a member, or of the nearest one around it that the text has."""
        places = self.origin(path).places
        for length in range(len(path), -1, -1):
            if place := places.get(path[:length]):
                return place
        return None, None


def parse_document(text: str) -> Document:
    """Parse one YAML or JSON document. Raises `DocumentError`."""
    if len(text.encode(errors="surrogatepass")) > MAX_TEXT_BYTES:
        raise DocumentBoundError(f"the text is longer than {MAX_TEXT_BYTES} bytes")
    # The parser compares each directive with all before it, and gives nothing back until the last.
    if text.count("%TAG") > MAX_TAG_DIRECTIVES:
        raise DocumentBoundError(f"more than {MAX_TAG_DIRECTIVES} times `%TAG`")
    from_json = _parse_json_or_place(text)
    try:
        document = _Reader(text).document()
    except DocumentError:
        if from_json is None:
            raise
        # JSON allows a few texts that YAML does not; they keep their value and lose their places.
        return Document(from_json.value, {})
    return Document(from_json.value, document.places) if from_json else document


def _parse_json_or_place(text: str) -> "_JsonText | None":
    """Read the text as strict JSON; what is refused is refused with its place, where one is known."""
    try:
        return _parse_json(text)
    except DocumentBoundError:
        raise
    except DocumentError as error:
        raise DocumentError(error.message, _refused_at(text)) from None


def _refused_at(text: str) -> Place | None:
    """Give the place at which the YAML reader, which knows places, refuses the text too."""
    try:
        _Reader(text).document()
    except DocumentError as error:
        return (error.line, error.column) if error.line is not None and error.column is not None else None
    return None


def check_bounds(value: Json) -> None:
    """Hold an already parsed value to the bounds of a text. Raises `DocumentBoundError`."""
    if deeper_than(value, MAX_DEPTH):
        raise DocumentBoundError(f"nested deeper than {MAX_DEPTH} levels")
    nodes = size = 0
    pending = [value]
    while pending:
        node = pending.pop()
        nodes += 1
        if isinstance(node, dict):
            pending.extend(node.values())
            nodes += len(node)
            size += 2 + sum(len(name) + 4 for name in node)
        elif isinstance(node, list):
            pending.extend(node)
            size += 2 + len(node)
        else:
            size += len(node) + 2 if isinstance(node, str) else 8
        _check_totals(nodes, size)


def _check_totals(nodes: int, size: int, place: Place | None = None) -> None:
    if nodes > MAX_NODES:
        raise DocumentBoundError(f"more than {MAX_NODES} nodes after aliases are expanded", place)
    if size > MAX_EXPANDED_BYTES:
        raise DocumentBoundError(f"more than {MAX_EXPANDED_BYTES} bytes after aliases are expanded", place)


@dataclass(frozen=True, slots=True)
class _JsonText:
    value: Json


class _NotPlainJsonError(ValueError):
    """The text needs the YAML reader, to be read or to be refused with a place."""


def _parse_json(text: str) -> _JsonText | None:
    """Read the text as strict JSON; `None` where it is not, or where the YAML reader must refuse it."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique_members,
            parse_constant=_refuse_constant,
            parse_int=_parse_integer,
            parse_float=_parse_float,
        )
        check_bounds(value)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise DocumentBoundError(f"nested deeper than {MAX_DEPTH} levels") from None
    except UnicodeEncodeError:
        raise DocumentError("a string holds a lone surrogate") from None
    except DocumentError:
        raise
    except ValueError:
        return None
    return _JsonText(value)


def _unique_members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _NotPlainJsonError
    return members


def _refuse_constant(name: str) -> Json:
    raise DocumentError(f"`{name}` is not a finite number")


def _parse_integer(text: str, place: Place | None = None, base: int = 10) -> int:
    if len(text) > 24:
        raise DocumentError("an integer does not fit 64 bits", place)
    value = int(text, base)
    if not -(2**63) <= value < 2**64:
        raise DocumentError(f"`{text}` does not fit 64 bits", place)
    return value


def _parse_float(text: str, place: Place | None = None) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise DocumentError("a number is not finite", place)
    return value


@dataclass(frozen=True, slots=True)
class _Node:
    """A built value with what it costs: nodes and bytes when expanded, and levels of nesting."""

    value: Json
    nodes: int
    size: int
    depth: int


class _Reader:
    def __init__(self, text: str) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self._anchors: dict[str, _Node | None] = {}
        self._places: dict[Members, Place] = {}
        self._nodes = 0
        self._size = 0

    def document(self) -> Document:
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
            mark = error.problem_mark
            place = (mark.line + 1, mark.column + 1) if mark else None
            raise DocumentError(f"not YAML or JSON: {error.problem}", place) from None
        except (yaml.YAMLError, UnicodeError):
            raise DocumentError("not YAML or JSON: a character is not allowed") from None
        if not isinstance(after, yaml.StreamEndEvent):
            raise DocumentError("more than one document", _place(after))
        return Document(root.value, self._places)

    def _next(self) -> yaml.Event:
        return next(self._events)

    def _node(self, event: yaml.Event, path: Members, level: int) -> _Node:
        place = _place(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, level, place)
        anchor = getattr(event, "anchor", None)
        if anchor:
            self._anchors[anchor] = None
        tag = getattr(event, "tag", None)
        if tag is not None and tag not in _JSON_TAGS and tag != "!":
            raise DocumentError(f"the tag `{tag}` is not one of JSON's types", place)
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

    def _alias(self, event: yaml.AliasEvent, level: int, place: Place) -> _Node:
        name = str(event.anchor)
        if name not in self._anchors:
            raise DocumentError(f"the alias `*{name}` names no anchor before it", place)
        node = self._anchors[name]
        if node is None:
            raise DocumentError(f"the alias `*{name}` contains itself", place)
        if level + node.depth > MAX_DEPTH:
            raise DocumentBoundError(f"nested deeper than {MAX_DEPTH} levels", place)
        self._spend(node.nodes, node.size, place)
        return node

    def _sequence(self, path: Members, level: int, tag: str | None, place: Place) -> _Node:
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

    def _mapping(self, path: Members, level: int, tag: str | None, place: Place) -> _Node:
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
            raise DocumentError("a member's name must be a string", place)
        key = self._node(event, path, level).value
        if not isinstance(key, str):
            raise DocumentError("a member's name must be a string: put it in quotes", place)
        return key

    def _built(self, value: Json, before: tuple[int, int], depth: int) -> _Node:
        return _Node(value, self._nodes - before[0], self._size - before[1], depth + 1)

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> _Node:
        text = str(event.value)
        try:
            size = len(text.encode()) + 2
        except UnicodeEncodeError:
            raise DocumentError("a string holds a lone surrogate", place) from None
        self._spend(0, size, place)
        plain = event.implicit[0] and event.tag is None
        value = _core_schema(text, place) if plain else _tagged(text, event.tag, place)
        return _Node(value, 1, size, 0)

    def _spend(self, nodes: int, size: int, place: Place) -> None:
        self._nodes += nodes
        self._size += size
        _check_totals(self._nodes, self._size, place)


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _check_tag(tag: str | None, wanted: str, place: Place) -> None:
    if tag not in (None, "!", f"tag:yaml.org,2002:{wanted}"):
        raise DocumentError(f"the tag `{tag}` does not fit its value", place)


def _tagged(text: str, tag: str | None, place: Place) -> Json:
    """Read a scalar that is quoted or carries a tag: a string, unless the tag asks for another type."""
    if tag in (None, "!", _STRING_TAG):
        return text
    value = _core_schema(text, place)
    kinds = {"int": int, "float": int | float, "bool": bool, "null": type(None)}
    wanted = kinds.get(str(tag).rpartition(":")[2])
    if wanted is None or not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise DocumentError(f"the tag `{tag}` does not fit its value", place)
    return float(value) if wanted == int | float and isinstance(value, int) else value


def _core_schema(text: str, place: Place) -> Json:
    """Resolve a plain scalar by the YAML 1.2 core schema."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        return _parse_integer(text, place)
    if _OCTAL.fullmatch(text):
        return _parse_integer(text, place, 8)
    if _HEXADECIMAL.fullmatch(text):
        return _parse_integer(text, place, 16)
    if _FLOAT.fullmatch(text):
        return _parse_float(text, place)
    if _NON_FINITE.fullmatch(text):
        raise DocumentError(f"`{text}` is not a finite number", place)
    return text
