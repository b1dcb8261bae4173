"""The registry of agents: who owns each, which callers speak for it, under which manifests (section 8.8)."""

from collections.abc import Iterable
from dataclasses import dataclass

from acs_sidecar.audit.format.record import record_time
from acs_sidecar.spec.document.suggestions import did_you_mean
from acs_sidecar.spec.globs import Globs
from acs_sidecar.spec.values import Json

__all__ = ["AgentRegistry", "RegisteredAgent", "RegistryError", "parse_registry"]

_MEMBERS = frozenset({"id", "owner", "callers", "manifests", "expires"})


class RegistryError(Exception):
    """A registry that cannot be used; the message names the member."""


@dataclass(frozen=True, slots=True)
class RegisteredAgent:
    """One entry. `id` is a pattern; `expires` is in the form of a record's time."""

    id: str
    owner: str
    callers: Globs | None = None
    manifests: tuple[str, ...] = ()
    expires: str | None = None


class AgentRegistry:
    """The entries in order, of which the first whose pattern matches an agent is the agent's."""

    def __init__(self, entries: Iterable[RegisteredAgent]) -> None:
        self.entries = tuple(entries)
        self.known = Globs(entry.id for entry in self.entries)
        self._patterns = tuple((Globs([entry.id]), entry) for entry in self.entries)

    def entry_of(self, agent: str) -> RegisteredAgent | None:
        """Return the entry of an agent; `None` for one that nobody registered."""
        return next((entry for pattern, entry in self._patterns if pattern.match(agent)), None)


def parse_registry(value: Json) -> AgentRegistry:
    """Read a registry strictly. Raises `RegistryError`."""
    if not isinstance(value, dict) or value.keys() != {"agents"} or not isinstance(value["agents"], list):
        raise RegistryError("must be a mapping with the one member `agents`, a list")
    entries = [_entry(one, f"agents[{number}]") for number, one in enumerate(value["agents"])]
    ids = [entry.id for entry in entries]
    if twice := next((one for number, one in enumerate(ids) if one in ids[:number]), None):
        raise RegistryError(f"`agents` has the id `{twice}` twice")
    return AgentRegistry(entries)


def _entry(value: Json, path: str) -> RegisteredAgent:
    if not isinstance(value, dict):
        raise RegistryError(f"`{path}` must be a mapping")
    if unknown := sorted(value.keys() - _MEMBERS):
        hint = did_you_mean(unknown[0], _MEMBERS)
        raise RegistryError(f"`{path}` has the unknown member `{unknown[0]}`{hint}")
    callers = _texts(value, "callers", path)
    return RegisteredAgent(
        _text(value, "id", path),
        _text(value, "owner", path),
        None if callers is None else Globs(callers),
        _texts(value, "manifests", path) or (),
        _moment(value, path),
    )


def _text(members: dict[str, Json], name: str, path: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value.strip():
        raise RegistryError(f"`{path}.{name}` must be a non-blank string")
    return value


def _texts(members: dict[str, Json], name: str, path: str) -> tuple[str, ...] | None:
    if name not in members:
        return None
    value = members[name]
    found = tuple(one for one in value if isinstance(one, str) and one) if isinstance(value, list) else ()
    if not isinstance(value, list) or len(found) < len(value) or not found:
        raise RegistryError(f"`{path}.{name}` must be a list of non-empty strings")
    return found


def _moment(members: dict[str, Json], path: str) -> str | None:
    if "expires" not in members:
        return None
    text = _text(members, "expires", path)
    try:
        return record_time(text)
    except ValueError:
        raise RegistryError(f"`{path}.expires` is not a date or time in ISO 8601") from None
