"""Controls in words: the question that each answers, statements that show it, and its rule (section 11.6)."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import yaml

from acs_sidecar.engines.adapters.soul.controls import DOMAINS, Tier, domain_of
from acs_sidecar.engines.adapters.soul.detection.rules import (
    ANYTHING,
    Alternative,
    ControlRule,
    RuleMode,
    read_data,
    rule_book,
)

__all__ = ["ControlText", "control_text", "insufficiency_text", "rule_in_words", "template"]


class ControlText(NamedTuple):
    """The question that a control answers, a statement that declares it, and one that does not."""

    question: str
    declares: str
    declares_not: str


def control_text(control: str) -> ControlText:
    """Return the texts of `SOUL-XX-NNN`."""
    return _texts()[control.removeprefix("SOUL-")]


@cache
def _texts() -> dict[str, ControlText]:
    read = yaml.load(read_data("controls.yaml"), Loader=yaml.CSafeLoader)
    return {control: ControlText(*texts) for control, texts in read.items()}


def insufficiency_text(reason: str) -> str:
    """Return what a file lacks that could not be measured for a reason, and which headings count."""
    if reason == "no_behaviour_section":
        words = _listed(rule_book().words.behaviour_headings)
        return f"no heading that begins with `#` has one of {words}; `## Safety rules` would do"
    return _INSUFFICIENT[reason]


_INSUFFICIENT = {
    "absent": "there is no file",
    "too_short": "fewer than 500 characters of sentences, without white space, markup, comments and code",
    "too_few_headings": "fewer than 3 headings that begin with `#` and differ; underlined ones do not count",
    "too_large": "more than 256 KiB",
    "not_utf8": "the bytes are not UTF-8",
    "too_complex": "too many lines, or too much markup in a line: write plain paragraphs and lists",
}


def rule_in_words(rule: ControlRule) -> tuple[str, ...]:
    """Return what a statement must have, a sentence for each alternative."""
    return tuple(_alternative_in_words(each) for each in rule.alternatives)


def _alternative_in_words(alternative: Alternative) -> str:
    verb = {RuleMode.ASSERT: "affirms", RuleMode.BAN: "forbids"}[alternative.mode]
    parts = [f"a statement that {verb} one of {_listed(alternative.topic)} (its heading may have it)"]
    parts += [f"one of {_listed(group)}" for group in alternative.groups if group != ANYTHING]
    return ", with ".join(parts)


def _listed(number: int) -> str:
    return ", ".join(f"`{term}`" for term in rule_book().index.sets[number])


def template(tier: Tier) -> str:
    """Return a governance file that says nothing yet: headings, and a question under each."""
    return "\n".join(_template_lines(tier)) + "\n"


def _template_lines(tier: Tier) -> Iterator[str]:
    yield "# Governance"
    for letters, domain in DOMAINS.items():
        rules = [
            rule
            for rule in rule_book().rules
            if domain_of(rule.control) is domain and tier.includes(rule.tier)
        ]
        if not rules:
            continue
        yield f"\n## {domain.name}\n"
        for rule in rules:
            number = rule.control.rpartition("-")[2]
            yield f"<!-- {letters}-{number}: {control_text(rule.control).question} -->"
