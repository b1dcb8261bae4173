"""The `config` of a stock library, from the manifest or a file, held to its sections (section 8.1)."""

from collections.abc import Iterator

from acs_sidecar.engines.findings import SourceLocation, finding, invalid
from acs_sidecar.engines.stock.sections import LABEL_PATHS, SECTIONS
from acs_sidecar.engines.stock.shapes import fault
from acs_sidecar.spec.document.bounds import DocumentError
from acs_sidecar.spec.document.suggestions import did_you_mean, one_of
from acs_sidecar.spec.document.text import parse_document
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.ports import SourceError, SourceReader
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["CONFIG_FAULT", "read_config"]

CONFIG_FAULT = "stock-config"
_EMPTY = "names no section, and would allow everything: " + one_of(SECTIONS)


def read_config(path: str, given: Json, sources: SourceReader) -> JsonObject:
    """Return a valid configuration, the member named `path`. Raises `ManifestError` with every fault."""
    at = SourceLocation(path)
    if isinstance(given, str) and given.strip():
        at = SourceLocation(path, given)
        given = _file(given, path, at, sources)
    if not isinstance(given, dict):
        raise invalid(CONFIG_FAULT, "must be an object of sections, or the path of a file with one", at)
    if not given:
        raise invalid("stock-empty", _EMPTY, at)
    if faults := [*_faults(given, at)]:
        raise ManifestError(faults)
    return given


def _file(name: str, path: str, at: SourceLocation, sources: SourceReader) -> Json:
    try:
        return parse_document(sources.read(name).content.decode()).value
    except SourceError as error:
        raise invalid("source-unreadable", str(error), path) from None
    except UnicodeDecodeError:
        raise invalid("source-unreadable", "is not UTF-8", at) from None
    except DocumentError as error:
        place = at._replace(line=error.line, column=error.column)
        raise invalid("document-syntax", error.message, place) from None


def _faults(config: JsonObject, at: SourceLocation) -> Iterator[Diagnostic]:
    for name, section in config.items():
        here = at._replace(path=f"{at.path}.{name}")
        if name not in SECTIONS:
            yield finding(
                CONFIG_FAULT, f"unknown section{did_you_mean(name, SECTIONS)}; {one_of(SECTIONS)}", here
            )
        elif not isinstance(section, dict):
            yield finding(CONFIG_FAULT, "must be an object", here)
        else:
            yield from _section_faults(name, section, here)


def _section_faults(name: str, section: JsonObject, at: SourceLocation) -> Iterator[Diagnostic]:
    declared = SECTIONS[name]
    table = declared.table
    for member, value in section.items():
        here = at._replace(path=f"{at.path}.{member}")
        if member not in table:
            yield finding(CONFIG_FAULT, f"unknown member{did_you_mean(member, table)}; {one_of(table)}", here)
        elif found := fault(value, table[member].shape):
            yield finding(CONFIG_FAULT, found, here)
    for member in declared.required:
        if member not in section:
            yield finding(CONFIG_FAULT, f"`{member}` is missing", at)
    if declared.any_of and not declared.any_of & section.keys():
        yield finding(CONFIG_FAULT, f"has nothing to hold: {one_of(sorted(declared.any_of))}", at)
    points, paths = (
        section.get("points"),
        section.get("label_paths", {point.value: None for point, _ in LABEL_PATHS}),
    )
    if name == "ifc" and isinstance(points, list) and isinstance(paths, dict):
        for point in points:
            if point not in paths:
                yield finding(CONFIG_FAULT, f"`{point}` has no path of labels: add it to `label_paths`", at)
