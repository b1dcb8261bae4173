"""What an action breaks of a policy in its normal form, each check in its order (section 9.3)."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeGuard

from acs_sidecar.engines.adapters.oags.document.model import ListSection, NormalPolicy
from acs_sidecar.engines.adapters.oags.matching.hosts import HostList, Url, read_host, read_url
from acs_sidecar.engines.adapters.oags.matching.paths import FilePath, PathList, path_readings
from acs_sidecar.engines.adapters.oags.rules import OagsRule
from acs_sidecar.engines.name_lists import NameList
from acs_sidecar.spec.values import Json

__all__ = ["ABSENT", "Absent", "Enforcer", "PathReading", "enforcer_of"]


class Absent(Enum):
    """What stands for a value that nobody gave, as against one that cannot be read."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT

_SECURE = frozenset({"https", "wss"})
_NO_EXTENSION = "list"
_MAX_NAME = 1_024


@dataclass(frozen=True, slots=True)
class PathReading:
    """How paths are read: the directory of relative ones, and whether the host must resolve links."""

    root: FilePath | None = None
    require_resolved: bool = False
    all_below: bool = False


@dataclass(frozen=True, slots=True)
class _ListedNames:
    allowed: NameList
    blocked: NameList


@dataclass(frozen=True, slots=True)
class Enforcer:
    """The lists of a policy, ready to be asked; each method returns the first rule that an action breaks."""

    policy: NormalPolicy
    reading: PathReading
    hosts: tuple[HostList, HostList]
    paths: tuple[PathList, PathList]
    extensions: frozenset[str] | None
    tools: _ListedNames
    confirm: NameList
    models: _ListedNames
    providers: NameList | None
    apis: _ListedNames

    def host(self, domain: Json, protocol: Json | Absent = ABSENT) -> OagsRule | None:
        """Check a host, with or without a port, and the protocol that it is spoken to in."""
        if protocol is ABSENT:
            spoken = ""
        elif isinstance(protocol, str):
            spoken = protocol.lower()
        else:
            return self._network(Url(None, None))
        return self._network(Url(spoken, read_host(domain) if isinstance(domain, str) else None))

    def url(self, url: Json) -> OagsRule | None:
        """Check the host and the protocol of a URL."""
        return self._network(read_url(url) if isinstance(url, str) else Url(None, None))

    def file(
        self, path: Json, operation: Json | Absent = ABSENT, resolved: Json | Absent = ABSENT
    ) -> OagsRule | None:
        """Check a path in each of its readings, and the one that it leads to where the host resolved it."""
        section = self.policy.filesystem
        if section is None:
            return OagsRule.FS_MISSING
        if not section.enabled:
            return OagsRule.FS_DISABLED
        forms = [path] if isinstance(resolved, Absent) else [path, resolved]
        read = [
            reading
            for each in forms
            for reading in (path_readings(each, self.reading.root) if isinstance(each, str) else [None])
        ]
        known = [each for each in read if each is not None]
        if len(known) < len(read) or not (operation is ABSENT or isinstance(operation, str)):
            return OagsRule.FS_AMBIGUOUS
        if isinstance(resolved, Absent) and self.reading.require_resolved:
            return OagsRule.FS_UNRESOLVED
        allowed, blocked = self.paths
        if any(blocked.blocks(each) for each in known):
            return OagsRule.FS_BLOCKED
        if not all(allowed.allows(each) for each in known):
            return OagsRule.FS_NOT_ALLOWED
        if self.extensions is not None and operation != _NO_EXTENSION:
            found = {extension for each in known for extension in each.extensions()}
            return None if found <= self.extensions else OagsRule.FS_EXT
        return None

    def tool(self, name: Json) -> OagsRule | None:
        """Check a tool's name."""
        if self.policy.tools is None:
            return OagsRule.TOOL_MISSING
        if not _is_name(name):
            return OagsRule.TOOL_AMBIGUOUS
        if self.tools.blocked.blocks(name):
            return OagsRule.TOOL_BLOCKED
        allowed = self.tools.allowed.allows(name)
        # A name that only looks like one that needs consent needs it too, and is not allowed by that.
        if self.confirm.blocks(name) and (allowed or self.confirm.allows(name)):
            return OagsRule.TOOL_CONFIRMATION_REQUIRED
        return None if allowed else OagsRule.TOOL_NOT_ALLOWED

    def model(self, name: Json, provider: Json | Absent = ABSENT) -> OagsRule | None:
        """Check a model's name and its provider."""
        if self.policy.models is None:
            return OagsRule.MODEL_MISSING
        if not _is_name(name):
            return OagsRule.MODEL_AMBIGUOUS
        if provider is not ABSENT and not isinstance(provider, str):
            return OagsRule.MODEL_AMBIGUOUS
        if self.models.blocked.blocks(name):
            return OagsRule.MODEL_BLOCKED
        if self.providers is not None:
            known = isinstance(provider, str) and self.providers.allows(provider)
            if not known:
                return OagsRule.MODEL_PROVIDER_NOT_ALLOWED
        return None if self.models.allowed.allows(name) else OagsRule.MODEL_NOT_ALLOWED

    def service(self, name: Json) -> OagsRule | None:
        """Check a service's name."""
        if self.policy.apis is None:
            return OagsRule.API_MISSING
        if not _is_name(name):
            return OagsRule.API_AMBIGUOUS
        if self.apis.blocked.blocks(name):
            return OagsRule.API_BLOCKED
        return None if self.apis.allowed.allows(name) else OagsRule.API_NOT_ALLOWED

    def _network(self, url: Url) -> OagsRule | None:
        """Check what was read of an address; a protocol that is `None` could not be read."""
        section = self.policy.network
        if section is None:
            return OagsRule.NETWORK_MISSING
        if not section.enabled:
            return OagsRule.NETWORK_DISABLED
        if section.require_tls and url.protocol is not None and url.protocol not in _SECURE:
            return OagsRule.NETWORK_TLS_REQUIRED
        if url.protocol is None or url.host is None:
            return OagsRule.NETWORK_AMBIGUOUS
        allowed, blocked = self.hosts
        if blocked.blocks(url.host):
            return OagsRule.NETWORK_BLOCKED
        return None if allowed.allows(url.host) else OagsRule.NETWORK_NOT_ALLOWED


def enforcer_of(policy: NormalPolicy, reading: PathReading) -> Enforcer:
    """Prepare the lists of a policy that was read without an error."""
    network, files, tools, models = policy.network, policy.filesystem, policy.tools, policy.models
    root = reading.root
    extensions = files.extensions if files else None
    providers = models.providers if models else None
    return Enforcer(
        policy,
        reading,
        (HostList.of(network.allowed if network else ()), HostList.of(network.blocked if network else ())),
        (
            PathList.of(files.allowed if files else (), root, all_below=reading.all_below),
            PathList.of(files.blocked if files else (), root).wide(),
        ),
        None if extensions is None else frozenset(extensions),
        _names(tools),
        NameList.of(tools.confirm if tools else ()),
        _names(models),
        None if providers is None else NameList.of(providers),
        _names(policy.apis),
    )


def _is_name(value: Json) -> TypeGuard[str]:
    """True if a value can be compared with names: a text, not empty, of at most 1,024 characters."""
    return isinstance(value, str) and 0 < len(value) <= _MAX_NAME


def _names(section: ListSection | None) -> _ListedNames:
    listed = section or ListSection()
    return _ListedNames(NameList.of(listed.allowed), NameList.of(listed.blocked))
