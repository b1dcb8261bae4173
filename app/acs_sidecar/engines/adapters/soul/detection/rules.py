"""The rules of the controls, read from the data of the package (section 11.4)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from acs_sidecar.engines.adapters.soul.controls import Severity, Tier
from acs_sidecar.engines.adapters.soul.detection.terms import TermIndex

__all__ = [
    "ANYTHING",
    "Alternative",
    "ControlRule",
    "RuleBook",
    "RuleMode",
    "Words",
    "read_data",
    "rule_book",
    "rule_book_of",
]

ANYTHING = -1
"""In the place of the number of a set: any statement has it."""

_DATA = "acs_sidecar.engines.adapters.soul"


class RuleMode(StrEnum):
    """Whether a statement must affirm what a rule looks for, or forbid it."""

    ASSERT = "assert"
    BAN = "ban"


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to declare a control: the numbers of its sets of terms, and how polarity is read."""

    mode: RuleMode
    topic: int
    groups: tuple[int, ...]
    plain: bool = False
    strong: bool = False

    @property
    def sets(self) -> tuple[int, ...]:
        """Topic and groups that a statement can have."""
        return (self.topic, *(group for group in self.groups if group != ANYTHING))


@dataclass(frozen=True, slots=True)
class ControlRule:
    """A control, and how it is declared; `by_people`: also by what a team or a department does."""

    control: str
    name: str
    severity: Severity
    tier: Tier
    alternatives: tuple[Alternative, ...]
    by_people: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """The numbers of the sets that polarity is read from, by their names in the data."""

    negators: int
    breach: int
    subordinators: int
    adoption: int
    bans: int
    weak_bans: int
    hollow: int
    stops: int
    behind: int
    reversals: int
    permissions: int
    disclaimers: int
    concessions: int
    excused: int
    openers: int
    defeats: int
    defeated: int
    commitments: int
    behaviour_headings: int
    unreal: int
    relative: int
    others: int
    measures: int
    conditions: int
    withdrawn: int
    void: int
    ignored: int
    attributions: int
    speakers: int
    components: int
    parties: int
    duties: int
    own: int


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Every rule, with the index of their terms."""

    index: TermIndex
    words: Words
    rules: tuple[ControlRule, ...]


def read_data(name: str) -> bytes:
    """Return a file of the package's data."""
    return files(_DATA).joinpath("data", name).read_bytes()


# Read with the module: a child that is confined opens no file later.
_RULES = read_data("merged_rules.json")


@cache
def rule_book() -> RuleBook:
    """Return the rules that come with the package."""
    return rule_book_of(orjson.loads(_RULES))


def rule_book_of(data: Mapping[str, Any]) -> RuleBook:
    """Prepare merged rules.

    The data is the package's own: a fault in it raises `LookupError` or `ValueError`.
    """
    index = TermIndex()
    groups = data["groups"]
    words = Words(**{each.name: index.number(data["words"].get(each.name, ())) for each in fields(Words)})
    rules = tuple(
        ControlRule(
            f"SOUL-{control}",
            given["name"],
            Severity(given["sev"]),
            Tier.of_letter(given["tier"]),
            tuple(_alternatives(given, index, groups)),
            given.get("by_people", False),
        )
        for control, given in data["controls"].items()
    )
    return RuleBook(index, words, rules)


def _alternatives(
    given: Mapping[str, Any], index: TermIndex, groups: Mapping[str, Sequence[str]]
) -> Iterator[Alternative]:
    for each in given.get("any", (given,)):
        yield Alternative(
            RuleMode(each["mode"]),
            index.number(_terms(each["topic"], groups)),
            tuple(
                ANYTHING if group == ["*"] else index.number(_terms(group, groups))
                for group in each.get("all", ())
            ),
            plain=each.get("plain", False),
            strong=each.get("strong", False),
        )


def _terms(given: str | Sequence[str], groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the terms of a list, those of the groups that it names included."""
    for term in [given] if isinstance(given, str) else given:
        if term.startswith("$"):
            yield from _terms(groups[term.removeprefix("$")], groups)
        else:
            yield term
