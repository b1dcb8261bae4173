"""The guard: a tool that is not known to read may not name a governance file (section 11.7)."""

from collections.abc import Iterator
from dataclasses import dataclass

from acs_sidecar.engines.adapters.soul.guard.names import GuardedNames
from acs_sidecar.engines.adapters.soul.guard.spelling import joined
from acs_sidecar.spec.values import Json

__all__ = ["GovernanceGuard"]


@dataclass(frozen=True, slots=True)
class GovernanceGuard:
    """The names that are guarded, the tools that only read, and the members that hold prose."""

    names: GuardedNames
    read_tools: frozenset[str]
    read_prefixes: tuple[str, ...]
    content_members: frozenset[str]

    def reads(self, tool: Json) -> bool:
        """True if a tool is one of those that only read."""
        return isinstance(tool, str) and (tool in self.read_tools or tool.startswith(self.read_prefixes))

    def is_named_in(self, *values: Json) -> bool:
        """True if a value names a guarded file, or names more than is looked at."""
        return self.names.are_in(joined(text for value in values for text in self._texts(value)))

    def _texts(self, value: Json) -> Iterator[str]:
        """Yield every text and member name of a value, without the text of members that hold prose."""
        waiting: list[Json] = [value]
        while waiting:
            current = waiting.pop()
            if isinstance(current, str):
                yield current
            elif isinstance(current, list):
                waiting.extend(current)
            elif isinstance(current, dict):
                for name, inner in current.items():
                    yield name
                    if not (name in self.content_members and _is_text(inner)):
                        waiting.append(inner)


def _is_text(value: Json) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(item, str) for item in value)
    )
