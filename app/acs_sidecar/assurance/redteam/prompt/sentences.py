"""The sentences of a prompt with their lines, and whether it is written in English."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Sentence", "is_english", "sentences_of"]

_MAX_SENTENCE = 600
"""What is longer is no sentence; nothing is looked for behind it."""

_ITEM = re.compile(r"\s*(?:[-*+•>|#]+|\(?\d{1,3}[.)]|\(?[a-z]\))\s+")
_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+")
_WRAPPED = 60  # a line of so many characters without an end may go on in the next

_FEW = 3
"""So many common words of another language, names and abbreviations among them, make no text foreign."""

_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_COMMON = {
    "en": "the and you your of to is are not do never must with that this it for from any if or be only",
    "de": "der die das und ist nicht du sie ihr ein eine zu mit von den dem auf für niemals darfst nur wenn oder",
    "fr": "le la les et est pas vous tu de des un une à ne dans pour sur que qui jamais ou si votre",
    "es": "el la los las y es no de un una en para que con por nunca si tu usted su o se",
    "pt": "o a os as e é não de um uma em para que com por nunca se você seu ou do da",
    "it": "il lo la gli le e è non di un una in per che con mai se tu o sono del della",
    "nl": "de het een en is niet van je u in op te met voor dat nooit als of alleen zijn",
    "pl": "i w nie na z do się że to jest nigdy nie jeśli lub tylko o za od czy",
    "tr": "ve bir bu için ile de da ne asla sadece eğer veya değil her olarak kadar",
    "sv": "och är inte du en ett att av på för med som aldrig om eller det den endast",
}
_COMMON_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a text and the line it begins in."""

    text: str
    line: int


def sentences_of(text: str) -> Iterator[Sentence]:
    """Yield the sentences of a text; list items and headings stand alone, wrapped lines belong together."""
    for first, paragraph in _paragraphs(text):
        start, line = 0, first
        for end in (*(match.end() for match in _END.finditer(paragraph)), len(paragraph)):
            if words := paragraph[start:end].split():
                yield Sentence(" ".join(words)[:_MAX_SENTENCE], line)
            line += paragraph.count("\n", start, end)
            start = end


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Yield runs of lines that may hold one sentence, each with the number of its first line."""
    held: list[str] = []
    first = 1
    for number, line in enumerate(text.splitlines(), start=1):
        if held and not (line.strip() and not _ITEM.match(line) and _goes_on(held[-1], line)):
            yield first, "\n".join(held)
            held = []
        if line.strip():
            first = first if held else number
            item = _ITEM.match(line)
            held.append(line[item.end() :] if item else line)
    if held:
        yield first, "\n".join(held)


def _goes_on(line: str, following: str) -> bool:
    return following.lstrip()[:1].islower() or (len(line) >= _WRAPPED and line.rstrip()[-1] not in ".!?:;")


def is_english(text: str) -> bool:
    """True unless most letters are of another script, or another language has more of its common words."""
    letters = _LETTER.findall(text)
    if sum(letter.isascii() for letter in letters) * 2 < len(letters):
        return False
    words = Counter(word.lower() for word in _WORD.findall(text))
    counts = {language: sum(words[word] for word in common) for language, common in _COMMON_WORDS.items()}
    return max(counts.values()) <= max(counts["en"], _FEW)
