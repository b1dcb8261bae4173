"""Which documents apply to an agent: ids with `*` anywhere (section 7.2)."""

from collections.abc import Callable, Sequence
from functools import partial

from acs_sidecar.engines.adapters.agt_rules.expressions import occurrence

__all__ = ["agent_matcher"]


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
