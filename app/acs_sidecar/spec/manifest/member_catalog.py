"""The declarations of all that a manifest can use: policy types, adapters, annotators, resolvers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.manifest.members import (
    ANNOTATION_MEMBERS,
    ANNOTATOR_MEMBERS,
    BINDING_MEMBERS,
    CUSTOM_MEMBERS,
    RESOLVER_MEMBERS,
    PolicyKind,
)
from acs_sidecar.spec.values import JsonObject

__all__ = ["MemberCatalog"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberCatalog:
    """The member tables of one process, by the name that a manifest uses.

    `origins` are members of a policy type of which one must be there, `bindings` those that are read
    when it is bound. `providers` are those of an annotator type, each with the members that it adds.
    `built_in` are the adapters whose members say all that they reach.
    """

    policies: Mapping[str, MemberTable]
    origins: Mapping[str, tuple[str, ...]]
    bindings: Mapping[str, MemberTable]
    adapters: Mapping[str, MemberTable]
    annotators: Mapping[str, MemberTable]
    providers: Mapping[str, Mapping[str, MemberTable]]
    resolvers: Mapping[str, MemberTable]
    built_in: frozenset[str] = frozenset()

    def policy(self, definition: JsonObject) -> MemberTable:
        """Return the members of a policy definition."""
        if definition.get("type") == PolicyKind.CUSTOM:
            return {**CUSTOM_MEMBERS, **self.adapters.get(str(definition.get("adapter")), {})}
        return self.policies.get(str(definition.get("type")), {})

    def binding(self, definition: JsonObject | None) -> MemberTable:
        """Return the members of a binding to a policy; of an unknown one, those of all types."""
        if definition is not None:
            own = self.bindings.get(str(definition.get("type")), {})
            return {**BINDING_MEMBERS, **self.policy(definition), **own}
        return _united((*self.policies.values(), *self.adapters.values(), BINDING_MEMBERS))

    def annotator(self, declaration: JsonObject) -> MemberTable:
        """Return the members of an annotator: its type's, and those of all its providers."""
        kind = str(declaration.get("type"))
        return _united(
            (ANNOTATOR_MEMBERS, self.annotators.get(kind, {}), *self.providers.get(kind, {}).values())
        )

    def annotation(self, declaration: JsonObject | None) -> MemberTable:
        """Return the members of an annotation that uses an annotator; of an unknown one, those of all."""
        if declaration is not None:
            return {**self.annotator(declaration), **ANNOTATION_MEMBERS}
        everyone = (self.annotator({"type": kind}) for kind in self.annotators)
        return _united((*everyone, ANNOTATION_MEMBERS))

    def resolver(self, definition: JsonObject) -> MemberTable:
        """Return the members of an approval resolver."""
        return {**RESOLVER_MEMBERS, **self.resolvers.get(str(definition.get("type")), {})}


def _united(tables: Iterable[MemberTable]) -> MemberTable:
    """Unite tables; of two declarations of one name the one that reaches further counts."""
    united: dict[str, Member] = {}
    for table in tables:
        for name, member in table.items():
            if name not in united or member.reaches_out:
                united[name] = member
    return united
