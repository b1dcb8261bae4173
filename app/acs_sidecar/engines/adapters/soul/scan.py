"""What a governance file declares: a pure function of its text and a tier (sections 11.2 to 11.5)."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from acs_sidecar.engines.adapters.soul.controls import Tier
from acs_sidecar.engines.adapters.soul.detection.detector import Detector
from acs_sidecar.engines.adapters.soul.detection.document import (
    GovernanceText,
    TextStatement,
    TooComplexError,
    read_text,
)
from acs_sidecar.engines.adapters.soul.detection.rules import ControlRule, RuleBook, rule_book
from acs_sidecar.engines.adapters.soul.detection.terms import TermFinder
from acs_sidecar.engines.adapters.soul.detection.words import words_of
from acs_sidecar.engines.adapters.soul.score import GovernanceLevel, Score, scored

__all__ = [
    "MAX_BYTES",
    "Detection",
    "Scan",
    "ScanFinding",
    "scan",
    "scan_bytes",
    "statements_by_control",
]

MAX_BYTES = 256 * 1024
_FEWEST_CHARACTERS = 500
_FEWEST_HEADINGS = 3
_SCOPE = re.compile(r"soul:(?:tier|profile)", re.IGNORECASE)


class Detection(NamedTuple):
    """Where a control is declared first, and how: by a `rule`, or with a `marker`."""

    line: int
    how: str


class ScanFinding(NamedTuple):
    """A remark about a line."""

    code: str
    line: int
    control: str | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """The result of a scan; `insufficient` says why a file could not be measured."""

    tier: Tier
    sha256: str | None
    insufficient: tuple[str, ...] = ()
    characters: int = 0
    headings: int = 0
    detected: dict[str, Detection] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    findings: tuple[ScanFinding, ...] = ()
    score: Score = field(default_factory=Score)

    @property
    def measured(self) -> bool:
        """True if the file could be measured."""
        return not self.insufficient

    @property
    def level(self) -> GovernanceLevel:
        """The level that is reached."""
        return self.score.level


def scan_bytes(content: bytes, tier: Tier) -> Scan:
    """Scan a file as it is stored."""
    digest = hashlib.sha256(content).hexdigest()
    if len(content) > MAX_BYTES:
        return _unmeasured(tier, digest, "too_large")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return _unmeasured(tier, digest, "not_utf8")
    return scan(text, tier, digest)


def scan(text: str, tier: Tier, digest: str | None = None) -> Scan:
    """Scan a text."""
    book = rule_book()
    try:
        document = read_text(text)
    except TooComplexError:
        return _unmeasured(tier, digest, "too_complex")
    headings = {each.text for each in document.headings if each.atx and words_of(each.text)}
    applicable = _applicable(book, tier)
    read = Scan(
        tier, digest, characters=document.characters, headings=len(headings), findings=tuple(_scope(document))
    )
    if insufficient := tuple(_insufficient(read, headings, book)):
        return replace(read, insufficient=insufficient, score=Score(len(applicable)))
    result = _Result(document, book)
    detected = {
        rule.control: result.detected[rule.control] for rule in applicable if rule.control in result.detected
    }
    return replace(
        read,
        detected=detected,
        missing=tuple(rule.control for rule in applicable if rule.control not in detected),
        findings=tuple(sorted({*read.findings, *result.findings}, key=_place)),
        score=scored(applicable, detected.keys()),
    )


def statements_by_control(text: str) -> Mapping[str, Sequence[TextStatement]]:
    """Return the statements of a text that can be measured, by the controls that they declare."""
    return _Result(read_text(text), rule_book()).statements


def _unmeasured(tier: Tier, digest: str | None, reason: str) -> Scan:
    return Scan(tier, digest, (reason,), score=Score(len(_applicable(rule_book(), tier))))


def _applicable(book: RuleBook, tier: Tier) -> tuple[ControlRule, ...]:
    return tuple(rule for rule in book.rules if tier.includes(rule.tier))


class _Result:
    """What the statements of a document declare, whatever the tier."""

    def __init__(self, document: GovernanceText, book: RuleBook) -> None:
        self.detected: dict[str, Detection] = {}
        self.statements: dict[str, list[TextStatement]] = {}
        self.findings: list[ScanFinding] = [
            ScanFinding("marker-without-statement", marker.line, marker.control)
            for marker in document.loose_markers
        ]
        detector = Detector(book)
        marked = {
            (heading.line, control): False for heading in document.headings for control in heading.markers
        }
        counted: set[int] = set()
        for statement in document.statements:
            declared = detector.declared(statement)
            held = {*declared.by_rule, *declared.by_marker}
            if declared.is_stuffed:
                self.findings.append(ScanFinding("stuffed-statement", statement.line))
                held = set()
            for control in held:
                how = "rule" if control in declared.by_rule else "marker"
                self.detected.setdefault(control, Detection(statement.line, how))
                self.statements.setdefault(control, []).append(statement)
            for control in statement.markers:
                if control not in held:
                    self.findings.append(_unheld(declared.counts, statement.line, control))
            if statement.heading is not None and declared.counts:
                counted.add(statement.heading.line)
                for control in held:
                    if (statement.heading.line, control) in marked:
                        marked[statement.heading.line, control] = True
        self.findings.extend(
            _unheld(line in counted, line, control) for (line, control), held in marked.items() if not held
        )


def _unheld(counts: bool, line: int, control: str) -> ScanFinding:
    return ScanFinding("marker-unsupported" if counts else "marker-without-statement", line, control)


def _insufficient(read: Scan, headings: Iterable[str], book: RuleBook) -> Iterator[str]:
    if read.characters < _FEWEST_CHARACTERS:
        yield "too_short"
    if read.headings < _FEWEST_HEADINGS:
        yield "too_few_headings"
    finder = TermFinder(book.index)
    if not any(book.words.behaviour_headings in finder.hits(words_of(name)) for name in headings):
        yield "no_behaviour_section"


def _scope(document: GovernanceText) -> Iterator[ScanFinding]:
    for line, comment in document.comments:
        if _SCOPE.search(comment):
            yield ScanFinding("scope-in-file", line)


def _place(found: ScanFinding) -> tuple[int, str, str]:
    return (found.line, found.code, found.control or "")
