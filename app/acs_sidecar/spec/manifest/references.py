"""The objects of a manifest whose members are declared: policies, annotators, resolvers, bindings."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.manifest.declaration import Member, MemberTable, declared_members
from acs_sidecar.spec.manifest.member_catalog import MemberCatalog
from acs_sidecar.spec.manifest.members import PolicyKind
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["DeclaredObject", "References", "fetched_members"]


@dataclass(frozen=True, slots=True)
class DeclaredObject:
    """An object of a manifest at `path`, with the declarations of its members."""

    path: Members
    members: dict[str, Json]
    table: MemberTable

    def declared(self) -> Iterator[tuple[Members, Member, Json]]:
        """Yield each declared member with its path in the manifest."""
        for path, member, value in declared_members(self.members, self.table):
            yield (*self.path, *path), member, value


class References:
    """Finds the declared objects of manifests, which need not be valid.

    `merged` are all the manifests that become one: a binding in one may be to a policy of another.
    """

    def __init__(self, catalog: MemberCatalog, merged: Iterable[Json]) -> None:
        self._catalog = catalog
        self._policies: dict[str, JsonObject] = {}
        self._annotators: dict[str, JsonObject] = {}
        for manifest in merged:
            self._policies.update({str(path[-1]): each for path, each in _entries(manifest, "policies")})
            self._annotators.update({str(path[-1]): each for path, each in _entries(manifest, "annotators")})

    def policies(self, manifest: Json) -> Iterator[DeclaredObject]:
        """Yield the definition of each policy, and each binding."""
        for path, definition in _entries(manifest, "policies"):
            yield DeclaredObject(path, definition, self._catalog.policy(definition))
        for path, point in _entries(manifest, "intervention_points"):
            binding = point.get("policy")
            if isinstance(binding, dict):
                table = self._catalog.binding(self.policy_of(binding))
                yield DeclaredObject((*path, "policy"), binding, table)

    def policy_of(self, binding: JsonObject) -> JsonObject | None:
        """Return the definition that a binding is to, if there is one."""
        return self._policies.get(str(binding.get("id")))

    def uses_foreign_adapter(self, definition: JsonObject) -> bool:
        """True if a policy has an adapter that is not built in: it may reach what no member declares."""
        is_custom = definition.get("type") == PolicyKind.CUSTOM
        return is_custom and str(definition.get("adapter")) not in self._catalog.built_in

    def annotators(self, manifest: Json) -> Iterator[DeclaredObject]:
        """Yield the declaration of each annotator, and each annotation."""
        for path, declaration in _entries(manifest, "annotators"):
            yield DeclaredObject(path, declaration, self._catalog.annotator(declaration))
        for path, point in _entries(manifest, "intervention_points"):
            for inner, annotation in _entries(point, "annotations", path):
                declared = self._annotators.get(str(inner[-1]))
                yield DeclaredObject(inner, annotation, self._catalog.annotation(declared))

    def resolvers(self, manifest: Json) -> Iterator[DeclaredObject]:
        """Yield the definition of each approval resolver."""
        approval = manifest.get("approval") if isinstance(manifest, dict) else None
        for path, definition in _entries(approval, "resolvers", ("approval",)):
            yield DeclaredObject(path, definition, self._catalog.resolver(definition))

    def objects(self, manifest: Json) -> Iterator[DeclaredObject]:
        """Yield all of them."""
        yield from self.policies(manifest)
        yield from self.annotators(manifest)
        yield from self.resolvers(manifest)


def fetched_members(manifest: Json, catalog: MemberCatalog) -> Iterator[tuple[Members, Json]]:
    """Yield each member whose content is on another server: bundles of Rego policies, prompts of models."""
    for found in References(catalog, [manifest]).objects(manifest):
        for path, member, value in found.declared():
            if member.fetched:
                yield path, value


def _entries(
    parent: Json | JsonObject, name: str, path: Members = ()
) -> Iterator[tuple[Members, dict[str, Json]]]:
    entries = parent.get(name) if isinstance(parent, dict) else None
    if isinstance(entries, dict):
        for key, entry in entries.items():
            if isinstance(entry, dict):
                yield (*path, name, key), entry
