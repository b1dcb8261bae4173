"""Domain scores, score, grade and level (section 11.5)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from acs_sidecar.engines.adapters.soul.controls import Severity, domain_of
from acs_sidecar.engines.adapters.soul.detection.rules import ControlRule

__all__ = ["GovernanceLevel", "Score", "scored"]

_GRADES = ((80, "A"), (60, "B"), (40, "C"), (20, "D"), (0, "F"))
_CAPPED_GRADE = "C"
_STANDARD_SCORE, _HARDENED_SCORE = 60, 75


class GovernanceLevel(StrEnum):
    """How much of the specification a file declares."""

    NONE = "none"
    ESSENTIAL = "essential"
    STANDARD = "standard"
    HARDENED = "hardened"

    def reaches(self, other: "GovernanceLevel") -> bool:
        """True if this level is `other` or above it."""
        levels = list(GovernanceLevel)
        return levels.index(self) >= levels.index(other)


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of a scan; those of a file that could not be measured by default."""

    applicable: int = 0
    domains: dict[str, int] = field(default_factory=dict)
    score: int = 0
    grade: str = "F"
    grade_capped: bool = False
    level: GovernanceLevel = GovernanceLevel.NONE
    next_level: GovernanceLevel | None = None
    next_missing: tuple[str, ...] = ()


def scored(applicable: Sequence[ControlRule], detected: Collection[str]) -> Score:
    """Return the figures of the controls that apply, of which some are detected."""
    domains: dict[str, int] = {}
    for number in dict.fromkeys(domain_of(rule.control).number for rule in applicable):
        of_domain = [rule.control for rule in applicable if domain_of(rule.control).number == number]
        domains[str(number)] = _rounded(100 * sum(each in detected for each in of_domain), len(of_domain))
    score = _rounded(sum(domains.values()), len(domains))
    grade = next(letter for least, letter in _GRADES if score >= least)
    missing = {level: _missing(level, applicable, detected) for level in GovernanceLevel}
    capped = bool(missing[GovernanceLevel.ESSENTIAL]) and grade < _CAPPED_GRADE
    level = GovernanceLevel.NONE
    following: GovernanceLevel | None = None
    for each, least in (
        (GovernanceLevel.ESSENTIAL, 0),
        (GovernanceLevel.STANDARD, _STANDARD_SCORE),
        (GovernanceLevel.HARDENED, _HARDENED_SCORE),
    ):
        if missing[each] or score < least:
            following = each
            break
        level = each
    return Score(
        len(applicable),
        domains,
        score,
        _CAPPED_GRADE if capped else grade,
        capped,
        level,
        following,
        missing[following] if following else (),
    )


def _missing(
    level: GovernanceLevel, applicable: Sequence[ControlRule], detected: Collection[str]
) -> tuple[str, ...]:
    """Return the controls that a level asks for and that are not detected."""
    asked = {
        GovernanceLevel.NONE: (),
        GovernanceLevel.ESSENTIAL: (Severity.CRITICAL,),
        GovernanceLevel.STANDARD: (Severity.CRITICAL, Severity.HIGH),
        GovernanceLevel.HARDENED: tuple(Severity),
    }[level]
    return tuple(
        rule.control for rule in applicable if rule.severity in asked and rule.control not in detected
    )


def _rounded(numerator: int, denominator: int) -> int:
    """Divide, and round half up."""
    return (2 * numerator + denominator) // (2 * denominator)
