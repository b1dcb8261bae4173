"""Which defences the sentences of a system prompt ask for, and the grade of that (section 8.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from acs_sidecar.assurance.redteam.prompt.defences import DEFENCES, FULL_SCORE, Defence
from acs_sidecar.assurance.redteam.prompt.sentences import Sentence, is_english, sentences_of

__all__ = ["NOTE", "Grade", "PromptScan", "scan_prompt"]

NOTE = "a prompt is a request to a model, never a control"

_MOST_OF_A_SENTENCE = 2
"""One sentence proves so many defences at most: a list of keywords behind one verb is no defence."""


class Grade(StrEnum):
    """The share of the full score, as a letter; the best first."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    F = "F"

    def is_below(self, other: "Grade") -> bool:
        """True if this is the worse one."""
        return self.value > other.value


_LEAST: Mapping[Grade, float] = {Grade.A: 0.9, Grade.B: 0.7, Grade.C: 0.5, Grade.D: 0.3, Grade.F: 0.0}


@dataclass(frozen=True, slots=True)
class PromptScan:
    """The proof of each defence that was found. A text that is not in English has no grade."""

    proofs: Mapping[str, Sentence]
    english: bool

    @property
    def score(self) -> int:
        """The sum of what the defences count that were found."""
        return sum(defence.severity for defence in DEFENCES if defence.name in self.proofs)

    @property
    def grade(self) -> Grade | None:
        """The letter of the score; `None` if nothing was assessed."""
        if not self.english:
            return None
        return next(grade for grade, least in _LEAST.items() if self.score / FULL_SCORE >= least)


def scan_prompt(text: str) -> PromptScan:
    """Look for the defences in a system prompt."""
    if not is_english(text):
        return PromptScan({}, english=False)
    sentences = list(sentences_of(text))
    candidates = {
        defence.name: [
            index for index, sentence in enumerate(sentences) if defence.asked_for_in(sentence.text)
        ]
        for defence in DEFENCES
    }
    return PromptScan(
        {name: sentences[index] for name, index in _proofs(DEFENCES, candidates).items()}, english=True
    )


def _proofs(defences: Sequence[Defence], candidates: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Choose a sentence for as many defences as can be, none for more than two.

    The weightiest come first, and what has a proof keeps one: so no other choice counts more.
    """
    chosen: dict[str, int] = {}

    def place(name: str, seen: set[int]) -> bool:
        for index in candidates[name]:
            if index in seen:
                continue
            seen.add(index)
            holders = [other for other, held in chosen.items() if held == index]
            if len(holders) < _MOST_OF_A_SENTENCE or any(place(other, seen) for other in holders):
                chosen[name] = index
                return True
        return False

    for defence in defences:
        place(defence.name, set())
    return chosen
