"""A level of the specification, and what each asks for (section 9.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from acs_sidecar.spec.values import Json

__all__ = ["Level", "LevelRow", "reached"]


class Level(StrEnum):
    """A level of conformance; each includes those before it."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"


@dataclass(frozen=True, slots=True)
class LevelRow:
    """One demand of a level; `detail` is the evidence, or what is missing."""

    level: Level
    asks: str
    met: bool
    detail: str

    def as_json(self) -> dict[str, Json]:
        """Return the row as a JSON value."""
        return {"level": self.level.value, "asks": self.asks, "met": self.met, "detail": self.detail}


def reached(rows: Sequence[LevelRow]) -> Level | None:
    """Return the highest level of which, and of those before it, every row is met."""
    found = None
    for level in Level:
        if not all(row.met for row in rows if row.level is level):
            break
        found = level
    return found
