"""`prompt_injection`: text that speaks to the model instead of to the reader, openly, hidden or encoded."""

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter

from app.detectors.encodings import decoded_texts
from app.detectors.findings import Detector, Found
from app.detectors.folding import Folded, fold
from app.detectors.injection_markup import MARKUP
from app.detectors.injection_phrases import PHRASES, REMINDERS
from app.detectors.on_texts import text_detector
from app.detectors.options import Options
from app.detectors.rules import Match, Rule, RuleSet
from app.detectors.texts import texts_of

__all__ = ["CATEGORIES", "INJECTIONS", "detector", "find_injections"]

CATEGORIES = (
    "ai_address",
    "concealment",
    "encoded_payload",
    "exfiltration",
    "fake_turn",
    "hidden_markup",
    "instruction_override",
    "invisible_text",
    "prompt_extraction",
    "role_change",
)

INJECTIONS = (RuleSet(*PHRASES),)
"""The phrases of injections, for whoever looks for them and for others."""

_MAX_LAYERS = 2
_MARKUP = RuleSet(MARKUP)
_REMINDERS = RuleSet(REMINDERS)
_TURNED = RuleSet(
    [
        Rule("rot13", r"\b(?:vafgehpgvbaf?|flfgrz|cebzcg|cerivbhf|vtaber|qvfertneq|erirny)\b"),
        Rule("reversed", r"\b(?:snoitcurtsni|tpmorp|tpmorp metsys|metsys|suoiverp|erongi|laever)\b"),
    ]
)
_ROT13 = codecs.encode(bytes(range(128)).decode(), "rot13").encode() + bytes(range(128, 256))
_TURNS: dict[str, Callable[[str], str]] = {
    "rot13": lambda text: text.encode(errors="replace").translate(_ROT13).decode(),
    "reversed": lambda text: text[::-1],
}


def detector(options: Options) -> Detector:
    """Build the detector. Raises `ManifestError`."""
    return text_detector(find_injections, CATEGORIES, options)


def find_injections(text: str, phrases: Sequence[RuleSet] = INJECTIONS) -> Iterable[Found]:
    """Find injections in a text and in what is encoded in it; `phrases` are looked for in folded text."""
    return list(_found(text, phrases))


def _found(text: str, phrases: Sequence[RuleSet], layers: int = 0) -> Iterator[Found]:
    folded = fold(text)
    yield from _said(folded, phrases)
    if not layers:
        yield from _disguised(text, folded, phrases)
    for rule, start, end in _MARKUP.matches(text):
        yield start, end, rule.category, rule.score
    if layers < _MAX_LAYERS and (inner := list(decoded_texts(text))):
        decoded_all = texts_of([decoded for _, _, decoded in inner])
        worst: dict[int, float] = {}
        for start, _, _, score in _found(decoded_all.joined, phrases, layers + 1):
            index = decoded_all.index_at(start)
            worst[index] = max(score, worst.get(index, 0.0))
        for index, score in worst.items():
            start, end, _ = inner[index]
            yield start, end, "encoded_payload", score


def _disguised(text: str, folded: Folded, phrases: Sequence[RuleSet]) -> Iterator[Found]:
    """Find what is said in split words, rotated or backwards."""
    if whole := folded.joined():
        yield from _said(whole, phrases)
    for turn in {rule.category for rule in _TURNED.occurring(folded.text)}:
        score = _worst(_matches(phrases, _TURNS[turn](folded.text)))
        if score:
            yield 0, len(text), "encoded_payload", score


def _said(folded: Folded, phrases: Sequence[RuleSet]) -> Iterator[Found]:
    for rule, *span in _matches(phrases, _without_reminders(folded.text)):
        yield *folded.span(*span), rule.category, rule.score


def _matches(phrases: Sequence[RuleSet], folded: str) -> Iterator[Match]:
    return chain.from_iterable(some.matches(folded) for some in phrases)


def _without_reminders(folded: str) -> str:
    """Blot out what asks not to forget: it says the opposite of an override."""
    pieces = []
    position = 0
    for _, start, end in sorted(_REMINDERS.matches(folded), key=itemgetter(1)):
        if start >= position:
            pieces += [folded[position:start], "#" * (end - start)]
            position = end
    return "".join((*pieces, folded[position:])) if pieces else folded


def _worst(matches: Iterable[Match]) -> float:
    return max((rule.score for rule, _, _ in matches), default=0.0)
