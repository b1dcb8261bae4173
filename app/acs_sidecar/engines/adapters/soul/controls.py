"""Tiers, severities and domains of the 72 controls (section 11.1)."""

from enum import StrEnum
from typing import NamedTuple

__all__ = ["DOMAINS", "Domain", "Severity", "Tier", "domain_of"]


class Tier(StrEnum):
    """What an agent can do; a tier has the controls of those before it."""

    BASIC = "basic"
    TOOL_USING = "tool-using"
    AGENTIC = "agentic"
    MULTI_AGENT = "multi-agent"

    @classmethod
    def of_letter(cls, letter: str) -> "Tier":
        """Return the tier that the data names by its first letter."""
        return next(tier for tier in cls if tier.value[0] == letter.lower())

    def includes(self, other: "Tier") -> bool:
        """True if the controls of `other` apply to this tier."""
        tiers = list(Tier)
        return tiers.index(other) <= tiers.index(self)


class Severity(StrEnum):
    """How much the absence of a control matters."""

    CRITICAL = "C"
    HIGH = "H"
    MEDIUM = "M"
    LOW = "L"


class Domain(NamedTuple):
    """A group of controls: its number in the specification, and its name."""

    number: int
    name: str


DOMAINS = {
    "TH": Domain(11, "Trust hierarchy"),
    "CB": Domain(12, "Capability boundaries"),
    "IH": Domain(13, "Injection hardening"),
    "DH": Domain(14, "Data handling"),
    "HB": Domain(15, "Hardcoded behaviours"),
    "AS": Domain(16, "Agentic safety"),
    "HT": Domain(17, "Honesty and transparency"),
    "HO": Domain(18, "Human oversight"),
    "HV": Domain(19, "Harm avoidance"),
}
"""The letters of a control's id → its domain."""


def domain_of(control: str) -> Domain:
    """Return the domain of `SOUL-XX-NNN`."""
    return DOMAINS[control.split("-")[1]]
