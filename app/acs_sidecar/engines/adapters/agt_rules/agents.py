"""Which documents apply to an agent: ids with `*` anywhere (section 7.2)."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from acs_sidecar.engines.adapters.agt_rules.values import WRONG_TYPE, Input, Read, walk
from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.dialects.subject import agent_id
from acs_sidecar.spec.values import Json

__all__ = ["AgentFact", "agent_fact", "agent_matcher", "agent_name", "doubts_of"]

AgentFact: TypeAlias = Callable[[Input, str], Json]
"""Returns a member of the agent, such as its `ring` or its `trust_score`."""


def agent_name(dialect: Dialect) -> Read:
    """Return what reads the agent's id where snapshots of the dialect have it (section 6.8).

    An empty id is none.
    """

    def read(given: Input) -> Json:
        snapshot = given["snapshot"]
        name = agent_id(snapshot, dialect) if isinstance(snapshot, dict) else WRONG_TYPE
        return None if name == "" else name

    return read


def agent_fact(dialect: Dialect) -> AgentFact:
    """Return what reads a member of the agent: of an agent context, else of the envelope."""

    def read(given: Input, member: str) -> Json:
        snapshot = given["snapshot"]
        if dialect.agent_contexts and (value := walk(snapshot, ("agent", member))) is not None:
            return value
        return walk(snapshot, ("envelope", "agent", member))

    return read


def agent_matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return a predicate: does one of the patterns match the whole id? It takes time linear in both."""
    exact = frozenset(pattern for pattern in patterns if "*" not in pattern)
    globs = [_Glob.of(pattern) for pattern in patterns if "*" in pattern]
    return lambda agent: agent in exact or any(glob.matches(agent) for glob in globs)


def doubts_of(patterns: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with patterns that hardly any agent's id matches."""
    for pattern in patterns:
        shown = pattern[:64]
        if not pattern.isprintable():
            yield f"`{shown}` has a character which does not show: remove it"
        elif pattern != pattern.strip():
            yield f"`{shown}` begins or ends with a space, and is no id without it: remove it"
        elif "," in pattern:
            yield f"`{shown}` is one id: list each agent for itself"
        elif found := _OTHER_PATTERN.search(pattern):
            yield f"in `{shown}` the `{found.group()}` is itself: `*` alone stands for any text"


_OTHER_PATTERN = re.compile(r"[?\[\]{}|^$\\]|\.\*")
"""What globs and expressions have, and ids have not."""


class _Glob(NamedTuple):
    """A pattern with `*`, which is any text, as the texts between its stars."""

    first: str
    inner: tuple[str, ...]
    last: str

    @classmethod
    def of(cls, pattern: str) -> "_Glob":
        first, *inner, last = pattern.split("*")
        return cls(first, tuple(filter(None, inner)), last)

    def matches(self, text: str) -> bool:
        """True if the whole text has these texts in order."""
        at, end = len(self.first), len(text) - len(self.last)
        if at > end or not (text.startswith(self.first) and text.endswith(self.last)):
            return False
        for part in self.inner:
            if (found := text.find(part, at, end)) < 0:
                return False
            at = found + len(part)
        return True
