"""The normal form of a document: what every vocabulary is read into, and what is enforced (section 9.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from acs_sidecar.spec.policy_statement import Window
from acs_sidecar.spec.values import Json

__all__ = [
    "COUNTED",
    "DeclaredIdentity",
    "FilesystemSection",
    "ListSection",
    "ModelSection",
    "NetworkSection",
    "NormalPolicy",
    "ToolSection",
]

COUNTED: tuple[tuple[str, Window], ...] = (
    ("requests", Window.MINUTE),
    ("requests", Window.HOUR),
    ("tokens", Window.MINUTE),
    ("tokens", Window.HOUR),
)
"""What a rate is of, in the order in which limits are checked."""


@dataclass(frozen=True, slots=True)
class ListSection:
    """What is allowed, and what is blocked even so."""

    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkSection(ListSection):
    """Hosts."""

    enabled: bool = True
    require_tls: bool = False


@dataclass(frozen=True, slots=True)
class FilesystemSection(ListSection):
    """Paths; `extensions` is `None` where any is allowed."""

    enabled: bool = True
    extensions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ToolSection(ListSection):
    """Names of tools; those in `confirm` need a person's consent."""

    confirm: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelSection(ListSection):
    """Names of models; `providers` is `None` where any is allowed."""

    providers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class DeclaredIdentity:
    """What a document says of its agent's identity; an id is 64 hex digits."""

    model: str | None = None
    system_prompt_path: str | None = None
    tools_path: str | None = None
    system_prompt_hash: str | None = None
    tools_hash: str | None = None
    sekuire_id: str | None = None
    provider: str | None = None
    llm_model: str | None = None


@dataclass(frozen=True, slots=True)
class NormalPolicy:
    """A document as a value. A section that is `None` denies what it is about."""

    network: NetworkSection | None = None
    filesystem: FilesystemSection | None = None
    tools: ToolSection | None = None
    models: ModelSection | None = None
    apis: ListSection | None = None
    rates: Mapping[tuple[str, Window], int] = field(default_factory=dict)
    identity: DeclaredIdentity = field(default_factory=DeclaredIdentity)

    def as_json(self) -> dict[str, Json]:
        """Return the normal form, without what is absent."""
        found: dict[str, Json] = {}
        if section := self.network:
            found["network"] = {
                "enabled": section.enabled,
                "require_tls": section.require_tls,
                **_lists(section),
            }
        if files := self.filesystem:
            found["filesystem"] = {
                "enabled": files.enabled,
                **_lists(files),
                **({} if files.extensions is None else {"allowed_extensions": list(files.extensions)}),
            }
        if tools := self.tools:
            found["tools"] = {**_lists(tools), "confirm": list(tools.confirm)}
        if models := self.models:
            found["models"] = {
                **_lists(models),
                **({} if models.providers is None else {"providers": list(models.providers)}),
            }
        if self.apis:
            found["apis"] = {**_lists(self.apis)}
        rate: dict[str, dict[str, Json]] = {}
        for (counted, window), limit in self.rates.items():
            rate.setdefault(counted, {})[window.value] = limit
        if rate:
            found["rate"] = {**rate}
        declared = {name: getattr(self.identity, name) for name in DeclaredIdentity.__slots__}
        if identity := {name: value for name, value in declared.items() if value is not None}:
            found["identity"] = identity
        return found


def _lists(section: ListSection) -> dict[str, Json]:
    return {"allowed": list(section.allowed), "blocked": list(section.blocked)}
