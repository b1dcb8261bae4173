"""The documents below `data`: read, placed, and merged into one (section 1.7.2)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import yaml

from acs_sidecar.engines.findings import SourceLocation, invalid, too_large
from acs_sidecar.spec.document.bounds import DocumentBoundError, DocumentError
from acs_sidecar.spec.document.json_text import parse_json
from acs_sidecar.spec.document.text import parse_document
from acs_sidecar.spec.ports import SourceFile
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "DOCUMENT_SUFFIXES",
    "DataBounds",
    "Placed",
    "Segments",
    "dotted",
    "holds",
    "merge",
    "read_document",
]

DOCUMENT_SUFFIXES = (".json", ".yaml", ".yml")

_OLD = re.compile(
    r"[yYnN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF"
    r"|[-+]?0[0-9]+|[-+]?0b[01_]+|[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?"
)
"""What YAML 1.1 reads as a boolean, or as an octal, binary or parted number."""

Segments = tuple[str, ...]
"""A path below `data`."""


@dataclass(frozen=True, slots=True)
class DataBounds:
    """The most that one JSON document below `data` may hold."""

    max_nodes: int = 2_000_000
    max_bytes: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Placed:
    """A document and where below `data` it belongs; `at` names what it was read from."""

    path: Segments
    value: Json
    at: SourceLocation


def read_document(file: SourceFile, path: Segments, at: SourceLocation, bounds: DataBounds) -> Placed:
    """Parse one JSON file within `bounds`, or one YAML file within those of a manifest.

    Raises `ManifestError`.
    """
    try:
        text = file.content.decode()
        large = parse_json(text, bounds.max_nodes, bounds.max_bytes)
        value = large.value if large else parse_document(text).value
        if not large and (found := _old_scalar(text)):
            word, line, column = found
            message = f"`{word}` is another value to OPA: write `true`, `false`, a decimal number or quotes"
            raise invalid("rego-data-invalid", message, at._replace(line=line, column=column))
    except UnicodeDecodeError:
        raise invalid("document-syntax", "is not UTF-8", at) from None
    except DocumentBoundError as error:
        raise too_large(error.message, at._replace(line=error.line, column=error.column)) from None
    except DocumentError as error:
        place = at._replace(line=error.line, column=error.column)
        raise invalid("document-syntax", error.message, place) from None
    if not path and not isinstance(value, dict):
        raise invalid("rego-data-invalid", "must be an object: its members are those of `data`", at)
    return Placed(path, value, at)


def _old_scalar(text: str) -> tuple[str, int, int] | None:
    """Find the first plain scalar that YAML 1.1 reads otherwise, with its line and column."""
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if not isinstance(event, yaml.ScalarEvent) or event.start_mark is None or not event.implicit[0]:
            continue
        if _OLD.fullmatch(event.value):
            return event.value, event.start_mark.line + 1, event.start_mark.column + 1
    return None


def merge(documents: Iterable[Placed]) -> JsonObject:
    """Merge documents deeply into one. Raises `ManifestError` where two give a value for one path."""
    merged: dict[str, Json] = {}
    for document in documents:
        value = document.value
        for name in reversed(document.path):
            value = {name: value}
        if not isinstance(value, dict):
            raise TypeError("a document without a path is an object")
        for conflict in _merge_into(merged, value, ()):
            message = f"gives `{dotted(conflict)}` a second value"
            raise invalid("rego-data-conflict", message, document.at)
    return merged


def holds(document: JsonObject, path: Segments) -> bool:
    """True if there is a value at `path` in a document."""
    value: Json = dict(document)
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True


def dotted(path: Segments) -> str:
    """Write a path the way Rego has it."""
    return "data" + "".join(
        f".{name}" if name.isidentifier() and name.isascii() else f'["{name}"]' for name in path
    )


def _merge_into(target: dict[str, Json], addition: dict[str, Json], path: Segments) -> Iterator[Segments]:
    """Add members, and yield the path of each that is there already and cannot be merged."""
    for name, value in addition.items():
        present = target.get(name)
        if name not in target:
            target[name] = _copied(value)
        elif isinstance(present, dict) and isinstance(value, dict):
            yield from _merge_into(present, value, (*path, name))
        else:
            yield (*path, name)


def _copied(value: Json) -> Json:
    """Copy the objects of a value, which a later document may be merged into."""
    return {name: _copied(member) for name, member in value.items()} if isinstance(value, dict) else value
