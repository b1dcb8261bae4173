"""The tools of several servers beside one another: names that two of them have, or nearly (section 8.7)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from acs_sidecar.detectors.findings import Finding
from acs_sidecar.detectors.mcp_tool.names import plain_name, resembles
from acs_sidecar.spec.values import JsonObject

__all__ = ["NO_OTHERS", "OtherTools", "other_tools"]

_SAME = 0.4  # two servers may well have a tool `search`
_NEAR = 0.3
_DISGUISED = 0.8


@dataclass(frozen=True, slots=True)
class OtherTools:
    """The tools of the other servers: (server, tool) → the name as it is read, and by that; names in lower case."""

    plain: Mapping[tuple[str, str], str] = field(default_factory=dict)
    by_plain: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    named: frozenset[str] = frozenset()

    def collisions(self, name: str, place: str) -> Iterator[tuple[Finding, tuple[str, str]]]:
        """Yield what poses as the name of another server's tool, with server and tool."""
        if not self.plain:
            return
        plain = plain_name(name)
        for read in dict.fromkeys((plain, plain_name(name.replace("1", "l")))):
            if other := self.by_plain.get(read):
                disguised = _spelled(name) != _spelled(other[1]) and _spelled(name) != read
                yield _collision(name, place, _DISGUISED if disguised else _SAME), other
                return
        for near in resembles(plain, self.plain)[:1]:
            yield _collision(name, place, _NEAR), near


NO_OTHERS = OtherTools()


def other_tools(servers: Sequence[tuple[str, Sequence[JsonObject]]]) -> Iterator[OtherTools]:
    """Yield for each server (name and tools) the tools of all others, but for those of its own name."""
    read = [
        (server, {str(tool["name"]): plain_name(str(tool["name"])) for tool in tools})
        for server, tools in servers
    ]
    for own, _ in servers:
        others = [(server, names) for server, names in read if server != own]
        plain = {(server, name): plain for server, names in others for name, plain in names.items()}
        named = {server.lower() for server, _ in others} | {name.lower() for _, name in plain}
        yield OtherTools(plain, {plain: other for other, plain in reversed(plain.items())}, frozenset(named))


def _collision(name: str, place: str, score: float) -> Finding:
    return 0, len(name), "name_collision", score, place, False


def _spelled(name: str) -> str:
    """Return the letters and digits of a name, without case."""
    return "".join(filter(str.isalnum, name)).lower()
