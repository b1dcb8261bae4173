"""Where a manifest speaks of policies, annotators and resolvers, and which members reach out of it."""

from collections.abc import Iterator

from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "Members",
    "annotator_objects",
    "fetched_members",
    "names_file",
    "names_secret",
    "policy_objects",
    "resolver_objects",
]

_FILES = frozenset({"bundle", "policy_path", "entities_path", "schema_path", "data_paths"})


def names_file(name: str, value: Json) -> bool:
    """Tell whether a member names local files; `data` does where it is not the data itself."""
    return name in _FILES or name.endswith("_file") or (name == "data" and isinstance(value, str | list))


def names_secret(name: str) -> bool:
    """Tell whether a member names a variable of the environment."""
    return name == "env" or name.endswith("_env")


def policy_objects(manifest: Json) -> Iterator[tuple[Members, dict[str, Json]]]:
    """Give each policy's definition and each binding, of a manifest that need not be valid."""
    yield from _entries(manifest, "policies")
    for path, point in _entries(manifest, "intervention_points"):
        binding = point.get("policy")
        if isinstance(binding, dict):
            yield (*path, "policy"), binding


def annotator_objects(manifest: Json) -> Iterator[tuple[Members, dict[str, Json]]]:
    """Give each annotator's declaration and each binding, of a manifest that need not be valid."""
    yield from _entries(manifest, "annotators")
    for path, point in _entries(manifest, "intervention_points"):
        yield from _entries(point, "annotations", path)


def resolver_objects(manifest: Json) -> Iterator[tuple[Members, dict[str, Json]]]:
    """Give each approval resolver's declaration, of a manifest that need not be valid."""
    approval = manifest.get("approval") if isinstance(manifest, dict) else None
    yield from _entries(approval, "resolvers", ("approval",))


def fetched_members(manifest: Json) -> Iterator[tuple[Members, Json]]:
    """Give each member whose content lies on another server: bundles of Rego policies, prompts of models."""
    for path, policy in policy_objects(manifest):
        if path[0] == "policies" and policy.get("type") == "rego" and "bundle_url" in policy:
            yield (*path, "bundle_url"), policy["bundle_url"]
    objects = dict(annotator_objects(manifest))
    for path, members in objects.items():
        declared = objects.get(("annotators", path[-1]), {})
        if declared.get("type") == "llm" and "system_prompt_url" in members:
            yield (*path, "system_prompt_url"), members["system_prompt_url"]


def _entries(
    parent: Json | JsonObject, name: str, path: Members = ()
) -> Iterator[tuple[Members, dict[str, Json]]]:
    entries = parent.get(name) if isinstance(parent, dict) else None
    if isinstance(entries, dict):
        for key, entry in entries.items():
            if isinstance(entry, dict):
                yield (*path, name, key), entry
