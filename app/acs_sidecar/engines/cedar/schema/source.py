"""From the source of a schema to its declarations and the engine's handle (section 1.7.1)."""

from dataclasses import dataclass

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.definition import SchemaSource
from acs_sidecar.engines.cedar.schema.declarations import MAX_SCHEMA_CHARACTERS, Schema, SchemaBoundError
from acs_sidecar.engines.cedar.schema.json_form import SchemaShapeError, read_schema_json
from acs_sidecar.engines.cedar.schema.text_form import read_schema_text
from acs_sidecar.engines.cedar.syntax import CedarSyntaxError, Lines, NamedTokens
from acs_sidecar.engines.findings import SourceLocation, invalid, too_large
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.values import Json

__all__ = ["CompiledSchema", "compile_schema"]

_SYNTAX = "cedar-schema-syntax"


@dataclass(frozen=True, slots=True)
class CompiledSchema:
    """A schema as the engine holds it, and what it declares."""

    handle: engine.Schema
    declarations: Schema


def compile_schema(source: SchemaSource) -> CompiledSchema:
    """Read, bound and parse a schema. Raises `ManifestError`."""
    try:
        declarations = _declarations(source.value)
        declarations.check_bounds()
        return CompiledSchema(engine.parse_schema(source.value), declarations)
    except SchemaBoundError as error:
        raise too_large(str(error), source.at) from None
    except CedarSyntaxError as error:
        raise _misread(source, error) from None
    except (SchemaShapeError, engine.EngineError) as error:
        raise _refused(source, str(error)) from None


def _declarations(value: str | dict[str, Json]) -> Schema:
    if isinstance(value, str):
        _check_length(len(value))
        return read_schema_text(value)
    declarations = read_schema_json(value)
    _check_length(len(canonical(value)))
    return declarations


def _check_length(length: int) -> None:
    if length > MAX_SCHEMA_CHARACTERS:
        raise SchemaBoundError(f"the schema exceeds {MAX_SCHEMA_CHARACTERS} characters")


def _refused(source: SchemaSource, message: str) -> ManifestError:
    """Point at what the engine names, where it stands in the text once."""
    offset = NamedTokens(source.value).offset(message) if isinstance(source.value, str) else None
    if offset is None:
        return invalid(_SYNTAX, message, source.at)
    return _misread(source, CedarSyntaxError(message, offset))


def _misread(source: SchemaSource, error: CedarSyntaxError) -> ManifestError:
    text = source.value if isinstance(source.value, str) else ""
    place = Lines(text).place(error.offset)
    return invalid(
        _SYNTAX, error.message, SourceLocation(source.at.path, source.at.source or source.at.path, *place)
    )
