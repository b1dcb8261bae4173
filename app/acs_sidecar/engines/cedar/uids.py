"""Where the entities of a request come from: defaults, texts and paths (section 1.7.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from acs_sidecar.engines.cedar.syntax import CedarSyntaxError, EntityUid, is_type_name, parse_uid
from acs_sidecar.engines.cedar.values import unfit
from acs_sidecar.engines.findings import invalid
from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.dialects.subject import agent_id
from acs_sidecar.spec.dialects.versions import DIALECT_03
from acs_sidecar.spec.path import Path, PathSyntaxError, parse_path
from acs_sidecar.spec.values import Json

__all__ = [
    "AgentOfSnapshot",
    "EngineUid",
    "FixedUid",
    "Given",
    "ProjectedTool",
    "UidSource",
    "text_or_path",
    "uid_source",
]

Given: TypeAlias = Mapping[str, Json]
"""A policy input as a value (section 1.5)."""

EngineUid: TypeAlias = Mapping[str, str]
"""A UID in the engine's JSON form: `{type, id}`."""


class UidSource(Protocol):
    """An entity of the request, taken from the policy input."""

    @property
    def known_type(self) -> str | None:
        """The entity's type, where it is known before a request."""
        ...

    def resolve(self, given: Given) -> EngineUid:
        """Return the entity of one request. Raises `EvaluationError`."""
        ...


@dataclass(frozen=True, slots=True)
class FixedUid:
    """The same entity for every request."""

    uid: EntityUid

    @property
    def known_type(self) -> str:
        return self.uid.type

    def resolve(self, given: Given) -> EngineUid:  # noqa: ARG002  # the protocol's signature
        return {"type": self.uid.type, "id": self.uid.id}


@dataclass(frozen=True, slots=True)
class AgentOfSnapshot:
    """The default principal: the agent that the snapshot names in the way of the manifest's dialect."""

    dialect: Dialect = DIALECT_03
    known_type: str = "Agent"

    def resolve(self, given: Given) -> EngineUid:
        snapshot = given["snapshot"]
        value = agent_id(snapshot, self.dialect) if isinstance(snapshot, dict) else None
        if not isinstance(value, str):
            raise unfit(
                "the principal is `agent.id`, or `envelope.agent.id` in a snapshot without `agent`: "
                "it is missing or not a string"
                if self.dialect.agent_contexts
                else "the principal is `$snap.envelope.agent.id`, which is missing or not a string: "
                "send it, or set `principal`"
            )
        return {"type": self.known_type, "id": value}


@dataclass(frozen=True, slots=True)
class ProjectedTool:
    """The default resource where a tool is projected."""

    known_type: str = "Tool"

    def resolve(self, given: Given) -> EngineUid:
        tool = given["tool"]
        name = tool.get("name") if isinstance(tool, dict) else None
        if not isinstance(name, str):
            raise unfit("no tool is projected")
        return {"type": self.known_type, "id": name}


@dataclass(frozen=True, slots=True)
class UidOfParts:
    """A `{type, id}` object of a manifest, at least one of them a path."""

    type: str | Path
    id: str | Path

    @property
    def known_type(self) -> str | None:
        return self.type if isinstance(self.type, str) else None

    def resolve(self, given: Given) -> EngineUid:
        name = self.id if isinstance(self.id, str) else self.id.resolve(given)
        if isinstance(self.id, Path) and not isinstance(name, str):
            raise unfit(f"`{self.id.text}` is not a string")
        kind = self.type if isinstance(self.type, str) else self.type.resolve(given)
        if isinstance(self.type, Path) and not (isinstance(kind, str) and is_type_name(kind)):
            raise unfit(f"`{self.type.text}` is not the name of an entity type")
        return {"type": str(kind), "id": str(name)}


@dataclass(frozen=True, slots=True)
class UidOfPath:
    """A path to `{type, id}` or to a text `Type::"id"`."""

    path: Path
    known_type: str | None = None

    def resolve(self, given: Given) -> EngineUid:
        value = self.path.resolve(given)
        if isinstance(value, str):
            try:
                return parse_uid(value)._asdict()
            except CedarSyntaxError:
                raise unfit(f'`{self.path.text}` is not an entity written `Type::"id"`') from None
        if isinstance(value, dict) and value.keys() == {"type", "id"}:
            kind, name = value["type"], value["id"]
            if isinstance(kind, str) and isinstance(name, str) and is_type_name(kind):
                return {"type": kind, "id": name}
        raise unfit(f"`{self.path.text}` is not an entity: a `type` and an `id`")


def uid_source(value: Json, path: str) -> UidSource:
    """Read an override. Raises `ManifestError`."""
    if isinstance(value, str):
        read = text_or_path(value, path)
        if isinstance(read, Path):
            return UidOfPath(read)
        try:
            return FixedUid(parse_uid(read))
        except CedarSyntaxError as error:
            raise invalid("cedar-uid-syntax", error.message, path) from None
    if not isinstance(value, dict) or value.keys() != {"type", "id"}:
        raise invalid("wrong-type", 'must be `Type::"id"`, a path, or an object `{type, id}`', path)
    kind, name = (_member(value, member, path) for member in ("type", "id"))
    if isinstance(kind, str) and not is_type_name(kind):
        raise invalid("cedar-uid-syntax", "is not the name of an entity type", f"{path}.type")
    if isinstance(kind, str) and isinstance(name, str):
        return FixedUid(EntityUid(kind, name))
    return UidOfParts(kind, name)


def text_or_path(text: str, path: str) -> str | Path:
    """Read a text in which a leading `$` makes a path and `$$` stands for `$`. Raises `ManifestError`."""
    if not text.startswith("$"):
        return text
    if text.startswith("$$"):
        return text[1:]
    try:
        return parse_path(text)
    except PathSyntaxError as error:
        raise invalid("path-syntax", str(error), path) from None


def _member(value: dict[str, Json], member: str, path: str) -> str | Path:
    text = value[member]
    if not isinstance(text, str):
        raise invalid("wrong-type", "must be a string", f"{path}.{member}")
    return text_or_path(text, f"{path}.{member}")
