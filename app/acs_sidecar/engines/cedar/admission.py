"""Which requests a schema admits, and how it types their context (section 1.7.1).

What the engine would check of a request is checked here, some of it already when a policy is bound. The
engine is then asked without the schema, which takes less than half the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from acs_sidecar.engines.cedar.declared import declared
from acs_sidecar.engines.cedar.exact import exactly
from acs_sidecar.engines.cedar.reads import Reads
from acs_sidecar.engines.cedar.schema.declarations import Schema
from acs_sidecar.engines.cedar.schema.types import DECIMAL, EntityType, RecordType, SetOf, Type
from acs_sidecar.engines.cedar.syntax import EntityUid
from acs_sidecar.engines.cedar.uids import EngineUid
from acs_sidecar.engines.cedar.values import Convert, unfit

__all__ = ["ContextAdmission", "DeclaredAction"]


@dataclass(frozen=True, slots=True)
class DeclaredAction:
    """An action: the types that it applies to, and the converter of its context.

    `unfillable` is an attribute of entity type that the context must have, which no request can give.
    """

    principals: frozenset[str]
    resources: frozenset[str]
    context: Type
    convert: Convert
    unfillable: str | None


class ContextAdmission:
    """The requests of one schema, converting what `reads` tells that policies read.

    With `exact` the schema converts nothing: the whole context must be of the types that it declares.
    """

    def __init__(self, schema: Schema, reads: Reads, *, exact: bool = False) -> None:
        self._schema = schema
        self._choices: Mapping[str, frozenset[str]] = {
            name: entity.choices for name, entity in schema.entities.items() if entity.choices is not None
        }
        self.actions: Mapping[EntityUid, DeclaredAction] = {
            uid: DeclaredAction(
                schema.entity_names(action.principals),
                schema.entity_names(action.resources),
                action.context,
                exactly(schema, action.context) if exact else declared(schema, action.context, reads),
                _required_entity(schema, action.context, "context"),
            )
            for uid, action in schema.actions.items()
        }

    def admit(self, principal: EngineUid, action: EngineUid, resource: EngineUid) -> Convert:
        """Return the converter of the context. Raises `EvaluationError` if the schema does not admit it."""
        admitted = self.actions.get(EntityUid(action["type"], action["id"]))
        if admitted is None:
            raise unfit("the schema does not declare the action")
        if principal["type"] not in admitted.principals or not self._chosen(principal):
            raise unfit("the schema does not let the action apply to the principal")
        if resource["type"] not in admitted.resources or not self._chosen(resource):
            raise unfit("the schema does not let the action apply to the resource")
        return admitted.convert

    def may_be_decimal(self, action: EntityUid, place: tuple[str | int, ...]) -> bool:
        """True if the schema declares nothing at `place` of the context, or a `decimal`."""
        kind = self._schema.resolve(self.actions[action].context)
        for segment in place:
            match kind:
                case RecordType(attributes) if segment in attributes:
                    kind = self._schema.resolve(attributes[str(segment)].type)
                case SetOf(element) if isinstance(segment, int):
                    kind = self._schema.resolve(element)
                case _:
                    return True
        return kind == DECIMAL

    def _chosen(self, uid: EngineUid) -> bool:
        choices = self._choices.get(uid["type"])
        return choices is None or uid["id"] in choices


def _required_entity(schema: Schema, kind: Type, place: str) -> str | None:
    match schema.resolve(kind):
        case EntityType():
            return place
        case RecordType(attributes):
            required = ((name, one.type) for name, one in attributes.items() if one.required)
            found = (_required_entity(schema, inner, f"{place}.{name}") for name, inner in required)
            return next((one for one in found if one), None)
        case _:
            return None
