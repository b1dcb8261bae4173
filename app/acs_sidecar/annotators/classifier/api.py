"""What a remote `classifier` needs of a provider's API, and the one shape of all answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from acs_sidecar.annotators.api import ReplyError
from acs_sidecar.annotators.members import Members
from acs_sidecar.annotators.remote import HttpRequest
from acs_sidecar.spec.values import Json

__all__ = ["Judgement", "ModerationApi", "Thresholds", "fraction", "thresholds"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a provider said of a text.

    `scores` gives each category a number from 0 to 1, `found` the categories that count as found;
    `flagged` is the provider's own verdict where it has one beyond them. `findings` are spans of the text.
    """

    scores: Mapping[str, float]
    found: frozenset[str]
    flagged: bool = False
    findings: list[Json] = field(default_factory=list)

    def annotation(self) -> dict[str, Json]:
        """Return `{flagged, score, label, categories, findings, scores}`.

        A text that is flagged without a category has the score 1 and the label `flagged`.
        """
        bare = self.flagged and not self.found
        strongest = sorted(self.found, key=lambda name: (-self.scores.get(name, 1.0), name))
        categories: list[Json] = [*sorted(self.found)]
        return {
            "flagged": self.flagged or bool(self.found),
            "score": max((float(bare), *self.scores.values())),
            "label": strongest[0] if strongest else "flagged" if bare else "none",
            "categories": categories,
            "findings": self.findings,
            "scores": dict(sorted(self.scores.items())),
        }


class ModerationApi(Protocol):
    """One provider, with everything but the text settled."""

    def request(self, text: str) -> HttpRequest:
        """Make the request that asks about `text`."""
        ...

    def judgement(self, reply: Json) -> Judgement:
        """Read a reply. Raises `ReplyError`."""
        ...


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which score on a category counts as found."""

    general: float
    by_category: Mapping[str, float]

    def found(self, scores: Mapping[str, float]) -> frozenset[str]:
        """Return the categories that reach their threshold."""
        return frozenset(
            name for name, score in scores.items() if score >= self.by_category.get(name, self.general)
        )


def thresholds(members: Members) -> Thresholds:
    """Read `threshold` (0.5 unless given) and `category_thresholds`."""
    general = members.number("threshold", 0.5, 0, 1)
    by_category: dict[str, float] = {}
    for name, value in members.object("category_thresholds").items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            members.wrong(f"category_thresholds.{name}", "must be a number from 0 to 1")
        else:
            by_category[name] = value
    return Thresholds(0.5 if general is None else general, by_category)


def fraction(value: Json, highest: float = 1) -> float:
    """Read a score from 0 to `highest` as one from 0 to 1. Raises `ReplyError`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= highest:
        raise ReplyError("returned a score outside its range")
    return round(value / highest, 6)
