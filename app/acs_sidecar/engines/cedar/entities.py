"""Entities: bounded, then parsed by the engine (sections 1.7, 1.7.1)."""

from collections.abc import Hashable

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.definition import JsonSource
from acs_sidecar.engines.cedar.schema.declarations import chained_deeper_than
from acs_sidecar.engines.cedar.source import MAX_NESTING
from acs_sidecar.engines.cedar.syntax import EntityUid
from acs_sidecar.engines.findings import invalid, too_large
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.values import Json, deeper_than

__all__ = ["compile_entities", "entity_ancestors"]


def compile_entities(source: JsonSource, schema: engine.Schema | None) -> engine.Entities:
    """Parse entities, which must conform to the schema if there is one. Raises `ManifestError`."""
    entities = source.value
    if not isinstance(entities, list):
        raise invalid("wrong-type", "must be a list of entities", source.at)
    if deeper_than(entities, MAX_NESTING):
        raise too_large(f"entities nest deeper than {MAX_NESTING} levels", source.at)
    if chained_deeper_than(_parents(entities), MAX_NESTING):
        message = f"an entity has more than {MAX_NESTING} levels of ancestors, or is its own ancestor"
        raise too_large(message, source.at)
    try:
        return engine.parse_entities(entities, schema)
    except engine.EngineError as error:
        raise _blamed(source, entities, schema, str(error)) from None


def entity_ancestors(entities: engine.Entities) -> dict[EntityUid, tuple[EntityUid, ...]]:
    """Return the entities that have ancestors, actions of a schema among them, with all of these."""
    parents = {
        EntityUid(**entity["uid"]): [EntityUid(**parent) for parent in entity["parents"]]
        for entity in engine.entities_json(entities)
        if entity["parents"]
    }
    found: dict[EntityUid, tuple[EntityUid, ...]] = {}
    for entity, direct in parents.items():
        above: set[EntityUid] = set()
        waiting = list(direct)
        while waiting:
            group = waiting.pop()
            if group not in above:
                above.add(group)
                waiting += found[group] if group in found else parents.get(group, ())
        found[entity] = tuple(above)
    return found


def _parents(entities: list[Json]) -> dict[Hashable, list[Hashable]]:
    parents: dict[Hashable, list[Hashable]] = {}
    for entity in entities:
        if isinstance(entity, dict):
            listed = entity.get("parents")
            above = [_key(parent) for parent in listed] if isinstance(listed, list) else []
            parents.setdefault(_key(entity.get("uid")), []).extend(above)
    return parents


def _key(uid: Json) -> Hashable:
    """Return the key of an entity, the same for both forms of its UID."""
    written = uid.get("__entity", uid) if isinstance(uid, dict) else uid
    if isinstance(written, dict):
        return str(written.get("type")), str(written.get("id"))
    return str(written)


def _blamed(
    source: JsonSource, entities: list[Json], schema: engine.Schema | None, message: str
) -> ManifestError:
    """Name the first entity that is wrong by itself; the engine does not say which."""
    for index, entity in enumerate(entities):
        try:
            engine.parse_entities([entity], schema)
        except engine.EngineError as error:
            return invalid(
                "cedar-entities-invalid", f"entity {index} is invalid: {error}", source.item(index)
            )
    return invalid("cedar-entities-invalid", message, source.at)
