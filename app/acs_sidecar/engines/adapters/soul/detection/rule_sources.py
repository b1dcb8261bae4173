"""The files in which the rules of the controls are written, and the merged rules that are made of them.

The service reads the merged ones: they leave the statements out that show why each term is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import yaml

from acs_sidecar.engines.adapters.soul.detection.rules import read_data

__all__ = [
    "Improvement",
    "RuleExtension",
    "delegation",
    "extensions",
    "given_rules",
    "improvements",
    "merge",
    "merged_rules",
    "phrases",
    "registers",
    "vocabulary",
]

_OF_ALTERNATIVES = frozenset({"mode", "topic", "all", "plain", "strong"})


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


def merged_rules() -> dict[str, Any]:
    """Return the rules of the package with all that is added to them."""
    extended = (*extensions(), *vocabulary(), *registers(), *phrases(), *delegation())
    return merge(given_rules(), improvements(), extended)


def merge(
    data: Mapping[str, Any], added: Iterable[Improvement] = (), extended: Iterable[RuleExtension] = ()
) -> dict[str, Any]:
    """Return rules with what is added to them."""
    merged: dict[str, Any] = deepcopy(dict(data))
    for each in added:
        _add_terms(merged, each.place.split("."), [each.term])
    for one in extended:
        place = one.place.split(".")
        if "terms" in one.added:
            _add_terms(merged, place, one.added["terms"])
        elif "by_people" in one.added:
            merged[place[0]][place[1]]["by_people"] = one.added["by_people"]
        else:
            given = merged[place[0]][place[1]]
            given.setdefault("any", [_alternative(given)])
            given["any"].append(_alternative(one.added))
    for control in merged["controls"].values():
        if "any" in control:
            for name in _OF_ALTERNATIVES:
                control.pop(name, None)
    return merged


def _alternative(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name in _OF_ALTERNATIVES}


def given_rules() -> dict[str, Any]:
    """Return the rules before their improvements."""
    read: dict[str, Any] = yaml.load(read_data("rules.yaml"), Loader=yaml.CSafeLoader)
    return read


def improvements() -> tuple[Improvement, ...]:
    """Return every improvement of the rules."""
    read = yaml.load(read_data("improvements.yaml"), Loader=yaml.CSafeLoader)
    return tuple(
        Improvement(place, term, direction == "declares", f"SOUL-{control}", statement)
        for direction, places in read.items()
        for place, terms in places.items()
        for term, (control, statement) in terms.items()
    )


def extensions() -> tuple[RuleExtension, ...]:
    """Return every extension of the rules."""
    return _extensions_of("extensions.yaml")


def vocabulary() -> tuple[RuleExtension, ...]:
    """Return what is added after the extensions: more words for the concepts of each control."""
    return _extensions_of("vocabulary.yaml")


def registers() -> tuple[RuleExtension, ...]:
    """Return what is added after the vocabulary: how each control sounds in other registers."""
    return _extensions_of("registers.yaml")


def phrases() -> tuple[RuleExtension, ...]:
    """Return what is added after the registers: the shortest notes, and an office's passive voice."""
    return _extensions_of("phrases.yaml")


def delegation() -> tuple[RuleExtension, ...]:
    """Return what is added last: who duties are delegated to, and controls in which people have a part."""
    return _extensions_of("delegation.yaml")


def _extensions_of(name: str) -> tuple[RuleExtension, ...]:
    return tuple(
        RuleExtension(
            place,
            each,
            tuple((f"SOUL-{control}", statement) for control, statement in each.get("declares", ())),
            tuple((f"SOUL-{control}", statement) for control, statement in each.get("denies", ())),
        )
        for place, entries in yaml.load(read_data(name), Loader=yaml.CSafeLoader).items()
        for each in entries
    )


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
