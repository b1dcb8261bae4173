"""A manifest with the content of its files in it, for a copy that a person changes (section 15.2)."""

from collections.abc import Mapping

from acs_sidecar.engines.cedar.definition import read_definition
from acs_sidecar.engines.rego.documents import DataBounds
from acs_sidecar.engines.rego.sources import read_sources
from acs_sidecar.spec.document.bounds import DocumentError
from acs_sidecar.spec.document.text import parse_document
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import SourceError, SourceReader
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["self_contained"]

_REGO_FILES = ("bundle", "bundle_url", "data_paths")
_CEDAR_FILES = ("policy_path", "entities_path", "schema_path")


def self_contained(value: JsonObject, sources: SourceReader) -> JsonObject:
    """Return a merged manifest whose policies name no file; one that cannot be without stays as it is."""
    policies = value.get("policies")
    if not isinstance(policies, dict):
        return value
    return {**value, "policies": {name: _policy(name, one, sources) for name, one in policies.items()}}


def _policy(name: str, definition: Json, sources: SourceReader) -> Json:
    if not isinstance(definition, dict):
        return definition
    kind = definition.get("adapter") if definition.get("type") == "custom" else definition.get("type")
    include = _KINDS.get(str(kind))
    try:
        return {**include(f"policies.{name}", definition, sources)} if include else definition
    except (DocumentError, ManifestError, SourceError, UnicodeDecodeError):
        return definition


def _rego(path: str, definition: JsonObject, sources: SourceReader) -> JsonObject:
    named = {name: member for name, member in definition.items() if name != "library"}
    if not named.keys() & {*_REGO_FILES} and not isinstance(named.get("data"), str | list):
        return definition
    read = read_sources(path, named, sources, DataBounds(), "")
    versions = {module.version for module in read.modules}
    if len(versions) > 1:
        return definition
    included: dict[str, Json] = {"modules": {module.name: module.text for module in read.modules}}
    if read.data:
        included["data"] = {**read.data}
    if versions == {0}:
        included["rego_version"] = 0
    return _without(definition, (*_REGO_FILES, "data"), included)


def _cedar(path: str, definition: JsonObject, sources: SourceReader) -> JsonObject:
    read = read_definition(path, definition, sources)
    included: dict[str, Json] = {}
    if "policy_path" in definition:
        included["policy_set"] = "\n".join(policy.text for policy in read.policies)
    if "entities_path" in definition:
        included["entities"] = read.entities.value
    if "schema_path" in definition and read.schema:
        included["schema"] = read.schema.value
    if isinstance(definition.get("template_links"), str):
        included["template_links"] = read.links.value
    return _without(definition, _CEDAR_FILES, included)


def _rules(_path: str, definition: JsonObject, sources: SourceReader) -> JsonObject:
    def included(document: Json) -> Json:
        return _parsed(document, sources) if isinstance(document, str) else document

    found: dict[str, Json] = {}
    if "document" in definition:
        found["document"] = included(definition["document"])
    if isinstance(documents := definition.get("documents"), list):
        found["documents"] = [included(one) for one in documents]
    return {**definition, **found}


def _oags(_path: str, definition: JsonObject, sources: SourceReader) -> JsonObject:
    return _without(definition, ("file",), {"document": _parsed(definition.get("file"), sources)})


def _soul(_path: str, definition: JsonObject, sources: SourceReader) -> JsonObject:
    return _without(definition, ("file",), {"document": _text(definition.get("file"), sources)})


_KINDS = {"rego": _rego, "cedar": _cedar, "agt_rules": _rules, "oags": _oags, "soul": _soul}


def _without(definition: JsonObject, names: tuple[str, ...], included: Mapping[str, Json]) -> JsonObject:
    """Return a definition without its members that name files, and with their content instead."""
    kept = {name: member for name, member in definition.items() if name not in names}
    return {**kept, **included}


def _parsed(place: Json, sources: SourceReader) -> Json:
    return parse_document(_text(place, sources)).value


def _text(place: Json, sources: SourceReader) -> str:
    if not isinstance(place, str):
        raise SourceError("no file is named")
    return sources.read(place).content.decode()
