"""What a definition hides from people: comments, and characters that nobody sees."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from acs_sidecar.detectors.findings import Found
from acs_sidecar.detectors.rules import DetectorRule, RuleSet, occurrence
from acs_sidecar.detectors.texts import Texts

__all__ = ["comments", "unseen_characters"]

_COMMENTS = RuleSet(
    [
        DetectorRule("html", r"<!--[^\x00]*?(?:--!?>|\x00|\z)"),
        DetectorRule(
            "markdown",
            r"(?i)(?:^|[\x00\r\n])[ ]{0,3}(\[[^\]\r\n\x00]{1,60}\]: ?(?:#|<>)[ \t]+[(\"'][^\r\n\x00]*)",
        ),
    ]
)
_says_something = occurrence(r"[\pL\pN]")
_is_licence = occurrence(r"(?i)\b(?:copyright|licen[cs]ed?|spdx-license-identifier)\b|©")
_PLAIN, _WITH_FINDINGS = 0.4, 0.9
_IN_WORD, _ELSEWHERE = 0.7, 0.3

_CHARACTERS = r"[\x{AD}\x{180E}\x{200B}-\x{200D}\x{202A}\x{2060}\x{2066}-\x{2069}\x{FEFF}]+"
_UNSEEN = RuleSet([DetectorRule("unseen", rf"{_CHARACTERS}(?:[\pL\pN ]{{1,8}}{_CHARACTERS})*")])
_RUN = re.compile("[\u00ad\u180e\u200b-\u200d\u202a\u2060\u2066-\u2069\ufeff]+")
_JOINERS = frozenset("\u200c\u200d")
_JOINED_SCRIPTS = (  # Arabic to Thaana and N'Ko, Indic scripts, Tibetan to Myanmar, Khmer, Mongolian, forms of Arabic
    range(0x0600, 0x0E00),
    range(0x0F00, 0x10A0),
    range(0x1780, 0x18B0),
    range(0xA840, 0xAAE0),
    range(0xFB50, 0xFE00),
    range(0xFE70, 0xFEFF),
)
_UNSPACED_SCRIPTS = (range(0x0E00, 0x0F00), range(0x1000, 0x10A0), range(0x1780, 0x1800))
_MONGOLIAN = (range(0x1800, 0x18B0),)
_AFTER_PICTURES = frozenset("\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")


def comments(text: str, found: Iterable[Found]) -> Iterator[Found]:
    """Find comments that say something, and how grave each is: what was `found` in it decides.

    Licences are left alone, if nothing was found in them.
    """
    starts = sorted(start for start, *_ in found)
    for rule, start, end in _COMMENTS.matches(text):
        index = bisect_left(starts, start)
        if index < len(starts) and starts[index] < end:
            yield start, end, "hidden_instruction", _WITH_FINDINGS
            continue
        inner = text[start:end] if rule.category == "html" else text[start:end].partition(":")[2]
        if _says_something(inner) and not _is_licence(inner):
            yield start, end, "hidden_instruction", _PLAIN


def unseen_characters(texts: Texts) -> Iterator[Found]:
    """Find characters that nobody sees, inside a word or a name of the definition, or elsewhere.

    Those that are few letters apart are one finding.
    """
    for _, start, end in _UNSEEN.matches(texts.joined):
        score = max(_scores(texts.joined, start, end), default=0.0)
        if score:
            named = bool(texts.names) and texts.names[texts.index_at(start)]
            yield start, end, "invisible_text", _IN_WORD if named else score


def _scores(text: str, start: int, end: int) -> Iterator[float]:
    """Yield the score of each run of unseen characters that nothing needs, up to the first inside a word."""
    for run in _RUN.finditer(text, start, end):
        before, after = text[run.start() - 1 : run.start()], text[run.end() : run.end() + 1]
        if not _is_needed(run[0], before, after):
            in_word = before.isalnum() and after.isalnum()
            yield _IN_WORD if in_word else _ELSEWHERE
            if in_word:
                return


def _is_needed(run: str, before: str, after: str) -> bool:
    """True if a script or a picture is written with these characters."""
    if len(run) > 1:
        return False
    if run in _JOINERS:
        return _is_of(before, _JOINED_SCRIPTS) or (
            run == "\u200d" and _is_picture(before) and _is_picture(after)
        )
    if run == "\u200b":
        return _is_of(before, _UNSPACED_SCRIPTS) and _is_of(after, _UNSPACED_SCRIPTS)
    return run == "\u180e" and _is_of(before, _MONGOLIAN)


def _is_of(character: str, scripts: Iterable[range]) -> bool:
    return bool(character) and any(ord(character) in script for script in scripts)


def _is_picture(character: str) -> bool:
    return character in _AFTER_PICTURES or (bool(character) and unicodedata.category(character) == "So")
