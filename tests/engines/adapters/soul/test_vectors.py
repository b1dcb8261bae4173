"""Governance files and statements with what they declare, and what holds of every scan (sections 11.2 to 11.5)."""

import hashlib
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from acs_sidecar.engines.adapters.soul.controls import Tier
from acs_sidecar.engines.adapters.soul.detection.rules import read_data, rule_book
from acs_sidecar.engines.adapters.soul.scan import scan, scan_bytes
from tests.engines.adapters.soul.vectors import EXPECTED, FOLDER, as_vector, declared_by, scan_file, text_of

RULES_SHA256 = "f308583efe74d337fa959e984bdd8f2f19be0ac3b8db5ad819dc1952facd819a"
NAMES = sorted(path.name for path in FOLDER.glob("*.md"))


def test_the_rules_are_as_they_were_agreed_on() -> None:
    """The 72 controls and their rules come with the package byte for byte."""
    assert hashlib.sha256(read_data("rules.yaml")).hexdigest() == RULES_SHA256
    rules = rule_book().rules
    assert len(rules) == 72
    counted = [sum(tier.includes(rule.tier) for rule in rules) for tier in Tier]
    assert counted == [29, 57, 69, 72]
    assert [sum(rule.severity == letter for rule in rules) for letter in "CHML"] == [2, 12, 39, 19]


@pytest.mark.parametrize("vector", EXPECTED["files"], ids=lambda vector: f"{vector['file']}:{vector['tier']}")
def test_a_file(vector: dict[str, Any]) -> None:
    """A scan gives controls with their lines, scores, level and findings of the vector."""
    expected = {name: value for name, value in vector.items() if name not in {"file", "tier"}}
    assert as_vector(scan_file(vector["file"], vector["tier"])) == expected


@pytest.mark.parametrize("vector", EXPECTED["statements"], ids=lambda vector: vector["statement"])
def test_a_statement(vector: dict[str, Any]) -> None:
    """A statement alone under its heading declares what the vector says."""
    assert declared_by(vector["statement"], vector["heading"]) == set(vector["detected"])


@pytest.mark.parametrize("name", NAMES)
def test_line_ends_marks_and_list_markers_change_nothing(name: str) -> None:
    """A scan is the same with CRLF, with CR, with a byte order mark, and with other list markers."""
    text = text_of(name)
    expected = as_vector(scan(text, Tier.MULTI_AGENT))
    for other in (
        text.replace("\n", "\r\n"),
        text.replace("\n", "\r"),
        f"\ufeff{text}",
        re.sub(r"^- ", "* ", text, flags=re.MULTILINE),
        re.sub(r"^- ", "+ ", text, flags=re.MULTILINE),
        re.sub(r"^- ", "1. ", text, flags=re.MULTILINE),
    ):
        assert as_vector(scan_bytes(other.encode(), Tier.MULTI_AGENT)) == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_higher_tier_changes_no_detection(name: str) -> None:
    """What is detected at a tier is detected, with its line, at the next."""
    scans = [scan(text_of(name), tier) for tier in Tier]
    for lower, higher in pairwise(scans):
        assert lower.detected.items() <= higher.detected.items()
        assert {rule.control for rule in rule_book().rules if lower.tier.includes(rule.tier)} & set(
            higher.detected
        ) == set(lower.detected)


def sections(text: str) -> Iterator[str]:
    """Yield the text without each of its sections."""
    parts = re.split(r"^(?=#{1,6} )", text, flags=re.MULTILINE)
    for index in range(len(parts)):
        yield "".join(parts[:index] + parts[index + 1 :])


@pytest.mark.parametrize("name", NAMES)
def test_without_a_section_nothing_is_added(name: str) -> None:
    """Removing a section never adds a control."""
    whole = set(scan(text_of(name), Tier.MULTI_AGENT).detected)
    for remaining in sections(text_of(name)):
        assert set(scan(remaining, Tier.MULTI_AGENT).detected) <= whole


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_statement_that_is_added_removes_nothing(name: str) -> None:
    """Adding a paragraph behind any section, or an item to the end, keeps every control."""
    whole = set(scan(text_of(name), Tier.MULTI_AGENT).detected)
    added = [vector["statement"] for vector in EXPECTED["statements"]]
    parts = re.split(r"^(?=#{1,6} )", text_of(name), flags=re.MULTILINE)
    for index, statement in enumerate(added):
        place = index % len(parts) + 1
        for form in (f"\n{statement}\n\n", f"\n- {statement}\n\n"):
            longer = "".join([*parts[:place], form, *parts[place:]])
            assert whole <= set(scan(longer, Tier.MULTI_AGENT).detected), statement


def test_every_promise_turned_round_declares_nothing_alone() -> None:
    """No statement of `turned.md` declares a control of its tier alone under its heading."""
    heading, basic = "", {rule.control for rule in rule_book().rules if rule.tier is Tier.BASIC}
    seen = 0
    for line in text_of("turned.md").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line:
            seen += 1
            assert declared_by(line, heading) & basic == set(), line
    assert seen == 29
