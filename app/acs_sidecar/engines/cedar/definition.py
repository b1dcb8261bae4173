"""The members of a Cedar policy definition, and the sources that they name (section 1.7)."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from acs_sidecar.engines.cedar.members import MEMBERS, ORIGINS
from acs_sidecar.engines.cedar.query import Query, read_query
from acs_sidecar.engines.cedar.source import PolicyText
from acs_sidecar.engines.findings import SourceLocation, invalid, too_large
from acs_sidecar.spec.document.bounds import DocumentError, parse_float, parse_integer
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.suggestions import unknown_members
from acs_sidecar.spec.document.text import Document, parse_document
from acs_sidecar.spec.ports import SourceError, SourceFile, SourceReader
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Definition", "JsonSource", "SchemaSource", "read_definition"]

_SUFFIX = ".cedar"
_SCHEMAS = frozenset({"schema", "schema_path"})
_T = TypeVar("_T")


@dataclass(frozen=True)
class JsonSource:
    """Entities or links in JSON, and where they come from: `text` is that of their file."""

    at: SourceLocation
    value: Json
    text: str | None = None

    def item(self, *members: str | int) -> SourceLocation:
        """Return the place of what is below the value: in its file, or in the manifest."""
        if self.text is None:
            return self.at._replace(path=self.at.path + member_path(members))
        line, column = self._document.place(members)
        return self.at._replace(line=line, column=column)

    @cached_property
    def _document(self) -> Document:
        """The text with the places of its members, none if it is too large for that."""
        try:
            return parse_document(self.text or "")
        except DocumentError:
            return Document(None, {})


@dataclass(frozen=True, slots=True)
class SchemaSource:
    """A schema as text in Cedar's syntax or as an object in the JSON form, and where it comes from."""

    at: SourceLocation
    value: str | dict[str, Json]


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition with everything that it names read. Without `policies` it has those of a library alone."""

    policies: tuple[PolicyText, ...]
    links: JsonSource
    entities: JsonSource
    schema: SchemaSource | None
    query: Query


def read_definition(
    path: str, definition: JsonObject, sources: SourceReader, *, fixed_request: bool = False
) -> Definition:
    """Check the members and read the sources. Raises `ManifestError`.

    With `fixed_request` the manifest may not say what the request of the policy is made of.
    """
    if fixed_request and "query" in definition:
        raise invalid(
            "member-not-allowed", "is not part of a manifest from 0.4 on: remove it", f"{path}.query"
        )
    for name, message in unknown_members(sorted(definition), MEMBERS):
        raise invalid("member-unknown", message, f"{path}.{name}")
    if "library" in definition and (with_schema := _SCHEMAS & definition.keys()):
        message = "cannot stand beside `library`: no schema declares what its policies read"
        raise invalid("member-not-allowed", message, f"{path}.{min(with_schema)}")
    return Definition(
        _policies(path, definition, sources),
        _links(path, definition, sources),
        _entities(path, definition, sources),
        _schema(path, definition, sources),
        read_query(definition.get("query", {}), f"{path}.query"),
    )


def _policies(path: str, definition: JsonObject, sources: SourceReader) -> tuple[PolicyText, ...]:
    given = [name for name in ORIGINS if not _blank(definition.get(name, ""))]
    if not given and "library" in definition:
        return ()
    if len(given) != 1:
        raise invalid("member-missing", "must have exactly one of `policy_set` and `policy_path`", path)
    here = f"{path}.{given[0]}"
    text = definition[given[0]]
    if not isinstance(text, str):
        raise invalid("wrong-type", "must be a string", here)
    if given[0] == "policy_set":
        return (PolicyText(here, here, text),)
    return _policy_files(here, text, sources)


def _policy_files(path: str, place: str, sources: SourceReader) -> tuple[PolicyText, ...]:
    try:
        files = sources.read_tree(place)
    except SourceError as error:
        raise invalid("source-unreadable", str(error), path) from None
    if [file.name for file in files] == [place]:
        return (PolicyText(path, place, _text(files[0], path)),)
    texts = tuple(
        PolicyText(path, name, _text(SourceFile(name, file.content), path))
        for file in files
        if file.name.endswith(_SUFFIX)
        for name in (f"{place.rstrip('/')}/{file.name}",)
    )
    for file in files:
        if file.name.lower().endswith(_SUFFIX) and not file.name.endswith(_SUFFIX):
            raise invalid("source-unreadable", f"`{file.name}` would be left out: name it `*{_SUFFIX}`", path)
    if not texts:
        raise invalid("source-unreadable", f"`{place}` holds no `{_SUFFIX}` file", path)
    return texts


def _links(path: str, definition: JsonObject, sources: SourceReader) -> JsonSource:
    here = f"{path}.template_links"
    value = definition.get("template_links", [])
    if not isinstance(value, str):
        return JsonSource(SourceLocation(here), value)
    file = _file(value, here, sources)
    return JsonSource(SourceLocation(here, file.name), _json(file, here), _text(file, here))


def _entities(path: str, definition: JsonObject, sources: SourceReader) -> JsonSource:
    name = _either(path, definition, "entities", "entities_path")
    here = f"{path}.{name}"
    if name != "entities_path":
        return JsonSource(SourceLocation(here), definition.get("entities", []))
    file = _file(definition[name], here, sources)
    return JsonSource(SourceLocation(here, file.name), _json(file, here), _text(file, here))


def _schema(path: str, definition: JsonObject, sources: SourceReader) -> SchemaSource | None:
    name = _either(path, definition, "schema", "schema_path")
    if name not in definition:
        return None
    here = f"{path}.{name}"
    value = definition[name]
    if name == "schema":
        if _blank(value) or not isinstance(value, str | dict):
            raise invalid("wrong-type", "must be a string, or an object in Cedar's JSON form", here)
        return SchemaSource(SourceLocation(here), value)
    file = _file(value, here, sources)
    # Nothing in Cedar's own syntax begins with a brace.
    schema = _json(file, here) if file.content.lstrip().startswith(b"{") else _text(file, here)
    return SchemaSource(SourceLocation(here, file.name), schema if isinstance(schema, str | dict) else "")


def _either(path: str, definition: JsonObject, inline: str, named: str) -> str:
    if inline in definition and named in definition:
        raise invalid("member-ambiguous", f"`{inline}` and `{named}` cannot be combined", path)
    return named if named in definition else inline


def _file(place: Json, path: str, sources: SourceReader) -> SourceFile:
    if _blank(place) or not isinstance(place, str):
        raise invalid("wrong-type", "must be a file path", path)
    try:
        return sources.read(place)
    except SourceError as error:
        raise invalid("source-unreadable", str(error), path) from None


def _text(file: SourceFile, path: str) -> str:
    try:
        return file.content.decode()
    except UnicodeDecodeError:
        raise invalid("source-unreadable", "is not UTF-8", SourceLocation(path, file.name)) from None


def _json(file: SourceFile, path: str) -> Json:
    """Read a JSON file in which no object has a member twice."""
    text = _text(file, path)
    at = SourceLocation(path, file.name)
    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=parse_integer,
            parse_float=parse_float,
        )
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise too_large("JSON nests too deeply", at) from None
    except UnicodeEncodeError:
        raise invalid("document-syntax", "is not JSON: a string holds a lone surrogate", at) from None
    except json.JSONDecodeError as error:
        at = SourceLocation(path, file.name, error.lineno, error.colno)
        raise invalid("document-syntax", f"is not JSON: {error.msg.lower()}", at) from None
    except ValueError as error:
        raise invalid("document-syntax", f"is not JSON: {error}", at) from None
    return value


def _unique(members: list[tuple[str, _T]]) -> dict[str, _T]:
    unique = dict(members)
    if len(unique) < len(members):
        raise ValueError("an object has a duplicate member")
    return unique


def _refuse_constant(name: str) -> None:
    raise ValueError(f"`{name}` is not a JSON number")


def _blank(value: Json) -> bool:
    return isinstance(value, str) and not value.strip()
