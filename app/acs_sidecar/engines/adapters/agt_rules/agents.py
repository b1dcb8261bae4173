"""Which documents apply to an agent: ids with `*` anywhere (section 7.2)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from acs_sidecar.engines.adapters.agt_rules.expressions import occurrence
from acs_sidecar.engines.adapters.agt_rules.values import WRONG_TYPE, Input, Read, walk
from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.dialects.subject import agent_id
from acs_sidecar.spec.values import Json

__all__ = ["AgentFact", "agent_fact", "agent_matcher", "agent_name"]

AgentFact: TypeAlias = Callable[[Input, str], Json]
"""Returns a member of the agent, such as its `ring` or its `trust_score`."""


def agent_name(dialect: Dialect) -> Read:
    """Return what reads the agent's id where snapshots of the dialect have it (section 6.8)."""

    def read(given: Input) -> Json:
        snapshot = given["snapshot"]
        return agent_id(snapshot, dialect) if isinstance(snapshot, dict) else WRONG_TYPE

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
    """Return a predicate: does one of the patterns match the whole id?"""
    exact = frozenset(pattern for pattern in patterns if "*" not in pattern)
    globs = [_whole(pattern) for pattern in patterns if "*" in pattern]
    return partial(_matches, exact, globs)


def _matches(exact: frozenset[str], globs: Sequence[Callable[[bytes], bool]], agent: str) -> bool:
    if agent in exact:
        return True
    data = agent.encode(errors="replace")
    return any(glob(data) for glob in globs)


def _whole(pattern: str) -> Callable[[bytes], bool]:
    parts = (_escaped(part) for part in pattern.split("*"))
    return occurrence(rf"(?s)\A{'.*'.join(parts)}\z")


def _escaped(text: str) -> str:
    return "".join(character if character.isalnum() else f"\\x{{{ord(character):x}}}" for character in text)
