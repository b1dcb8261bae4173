"""What a snapshot proves of a record, as values (section 8.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from acs_sidecar.spec.ports import POLICY_INPUT_MEMBERS
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["GivenSnapshot", "ProvenSnapshot", "Replay", "ReplayOutcome", "UnprovenError"]


class ReplayOutcome(StrEnum):
    """Whether a decision comes out the same when it is made again."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_POSSIBLE = "not_possible"


class UnprovenError(Exception):
    """A snapshot that cannot be shown to be the one of a record.

    `refuted` tells that it is another one, as against one that could not be compared.
    """

    def __init__(self, message: str, *, refuted: bool) -> None:
        super().__init__(message)
        self.refuted = refuted


@dataclass(frozen=True, slots=True)
class GivenSnapshot:
    """A snapshot from outside the log: by itself, or as the whole policy input that a response included.

    `annotations` are those of annotators that are not local.
    """

    snapshot: dict[str, Json]
    annotations: JsonObject
    policy_input: JsonObject | None = None

    @classmethod
    def read(cls, value: dict[str, Json]) -> "GivenSnapshot":
        """Read a file: a policy input, `{snapshot, annotations}`, or the snapshot itself."""
        inner, annotations = value.get("snapshot"), value.get("annotations", {})
        if isinstance(inner, dict) and isinstance(annotations, dict):
            if value.keys() == set(POLICY_INPUT_MEMBERS):
                return cls(inner, annotations, value)
            if value.keys() <= {"snapshot", "annotations"}:
                return cls(inner, annotations)
        return cls(value, {})


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of a replay: its outcome, why it is not the same, and the rules that it came to."""

    outcome: ReplayOutcome
    why: str | None = None
    rules: tuple[Json, ...] = ()

    def as_json(self) -> dict[str, Json]:
        """Return the member of a BOM."""
        return {"outcome": self.outcome.value, "why": self.why}


@dataclass(frozen=True, slots=True)
class ProvenSnapshot:
    """A policy input whose hash is the record's `input_identity`, so that the log's signature covers it."""

    policy_input: Mapping[str, Json]
    replay: Replay
