"""The dialect of a manifest: one frozen value that says what its generation does differently (section 6)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from acs_sidecar.spec.path import PathGrammar
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Normalise

__all__ = ["Dialect", "Vocabulary"]


class Vocabulary(StrEnum):
    """The words in which a verdict is told: five decisions, or the three of Agent Hooks."""

    FIVE_DECISIONS = "0.3"
    AGENT_HOOKS = "0.4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What differs between the generations of the specification.

    - `name`: how the reference, records and findings call it.
    - `vocabulary`: that of responses to requests that name none.
    - `paths`: how its manifests write paths.
    - `normalise`: how the output of a policy becomes a verdict.
    - `adapter_output`: an adapter's output, whose evidence has members of its own, as `normalise` reads it.
    - `untransformed`: the intervention points at which a transform is forbidden.
    - `needs`: an annotation can read others, which it lists in `needs`.
    - `agent_contexts`: snapshots are agent contexts and verdicts those of Agent Hooks.
    """

    name: str
    vocabulary: Vocabulary
    paths: PathGrammar
    normalise: Normalise
    adapter_output: Callable[[dict[str, Json]], dict[str, Json]]
    untransformed: frozenset[InterventionPoint] = frozenset()
    needs: bool = False
    agent_contexts: bool = False
