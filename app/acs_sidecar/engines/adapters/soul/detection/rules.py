"""The rules of the controls, read from the data of the package (section 11.4)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from acs_sidecar.engines.adapters.soul.controls import Severity, Tier
from acs_sidecar.engines.adapters.soul.detection.terms import TermIndex

__all__ = [
    "ANYTHING",
    "Alternative",
    "ControlRule",
    "Improvement",
    "RuleBook",
    "RuleExtension",
    "RuleMode",
    "Words",
    "delegation",
    "extensions",
    "given_rules",
    "improvements",
    "phrases",
    "read_data",
    "registers",
    "rule_book",
    "rule_book_of",
    "vocabulary",
]

ANYTHING = -1
"""In the place of the number of a set: any statement has it."""

_DATA = "acs_sidecar.engines.adapters.soul"
_OF_ALTERNATIVES = frozenset({"mode", "topic", "all", "plain", "strong"})


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
_RULES, _IMPROVEMENTS = read_data("rules.yaml"), read_data("improvements.yaml")
_EXTENSIONS, _VOCABULARY = read_data("extensions.yaml"), read_data("vocabulary.yaml")
_REGISTERS, _PHRASES = read_data("registers.yaml"), read_data("phrases.yaml")
_DELEGATION = read_data("delegation.yaml")


class Improvement(NamedTuple):
    """A term that is added to a list of the rules, and the statement that shows why.

    With the term the statement declares the control, or declares it no more.
    """

    place: str
    term: str
    declares: bool
    control: str
    statement: str


class RuleExtension(NamedTuple):
    """Terms that are added to a list, or one more alternative of a control, and the statements that show why.

    With it each statement declares its control, or declares it no more.
    """

    place: str
    added: Mapping[str, Any]
    declares: tuple[tuple[str, str], ...]
    denies: tuple[tuple[str, str], ...]


@cache
def rule_book() -> RuleBook:
    """Return the rules that come with the package."""
    extended = (*extensions(), *vocabulary(), *registers(), *phrases(), *delegation())
    return rule_book_of(given_rules(), improvements(), extended)


def given_rules() -> dict[str, Any]:
    """Return the rules before their improvements."""
    read: dict[str, Any] = yaml.load(_RULES, Loader=yaml.CSafeLoader)
    return read


def improvements() -> tuple[Improvement, ...]:
    """Return every improvement of the rules."""
    read = yaml.load(_IMPROVEMENTS, Loader=yaml.CSafeLoader)
    return tuple(
        Improvement(place, term, direction == "declares", f"SOUL-{control}", statement)
        for direction, places in read.items()
        for place, terms in places.items()
        for term, (control, statement) in terms.items()
    )


def extensions() -> tuple[RuleExtension, ...]:
    """Return every extension of the rules."""
    return _extensions_of(_EXTENSIONS)


def vocabulary() -> tuple[RuleExtension, ...]:
    """Return what is added after the extensions: more words for the concepts of each control."""
    return _extensions_of(_VOCABULARY)


def registers() -> tuple[RuleExtension, ...]:
    """Return what is added after the vocabulary: how each control sounds in other registers."""
    return _extensions_of(_REGISTERS)


def phrases() -> tuple[RuleExtension, ...]:
    """Return what is added after the registers: the shortest notes, and an office's passive voice."""
    return _extensions_of(_PHRASES)


def delegation() -> tuple[RuleExtension, ...]:
    """Return what is added last: who duties are delegated to, and controls in which people have a part."""
    return _extensions_of(_DELEGATION)


def _extensions_of(data: bytes) -> tuple[RuleExtension, ...]:
    return tuple(
        RuleExtension(
            place,
            each,
            tuple((f"SOUL-{control}", statement) for control, statement in each.get("declares", ())),
            tuple((f"SOUL-{control}", statement) for control, statement in each.get("denies", ())),
        )
        for place, entries in yaml.load(data, Loader=yaml.CSafeLoader).items()
        for each in entries
    )


def rule_book_of(
    data: Mapping[str, Any], added: Iterable[Improvement] = (), extended: Iterable[RuleExtension] = ()
) -> RuleBook:
    """Prepare rules with what is added to them.

    The data is the package's own: a fault in it raises `LookupError` or `ValueError`.
    """
    data = deepcopy(data)
    for each in added:
        _add_terms(data, each.place.split("."), [each.term])
    for one in extended:
        place = one.place.split(".")
        if "terms" in one.added:
            _add_terms(data, place, one.added["terms"])
        elif "by_people" in one.added:
            data[place[0]][place[1]]["by_people"] = one.added["by_people"]
        else:
            given = data[place[0]][place[1]]
            given.setdefault("any", [{key: given[key] for key in given.keys() & _OF_ALTERNATIVES}])
            given["any"].append(one.added)
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


def _add_terms(data: Mapping[str, Any], place: Sequence[str], terms: Sequence[str]) -> None:
    """Add terms to a list, which begins where words or groups have a new one."""
    *path, last = place
    holder: Any = data
    for name in path:
        holder = holder[int(name) if name.isdigit() else name]
    key: str | int = int(last) if last.isdigit() else last
    if path in (["words"], ["groups"]):
        holder.setdefault(key, [])
    if isinstance(holder[key], str):
        holder[key] = [holder[key]]
    holder[key] += terms


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
