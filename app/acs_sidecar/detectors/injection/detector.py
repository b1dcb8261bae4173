"""`prompt_injection`: text that speaks to the model instead of to the reader, openly, hidden or encoded."""

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from operator import itemgetter

from acs_sidecar.detectors.encodings import decoded_texts
from acs_sidecar.detectors.findings import Detector, Found
from acs_sidecar.detectors.folding import Folded, fold
from acs_sidecar.detectors.injection.harmless import HARMLESS, QUOTED
from acs_sidecar.detectors.injection.markup import MARKUP
from acs_sidecar.detectors.injection.phrases import OTHER_SCRIPTS, PHRASES
from acs_sidecar.detectors.injection.spelling import respelt
from acs_sidecar.detectors.options import Options
from acs_sidecar.detectors.rules import DetectorRule, Match, RuleSet, utf8
from acs_sidecar.detectors.texts import texts_of
from acs_sidecar.detectors.value_texts import redacting_detector

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

_OTHER_SCRIPTS = RuleSet(*OTHER_SCRIPTS)
INJECTIONS = (RuleSet(*PHRASES), _OTHER_SCRIPTS)
"""The phrases of injections, for whoever looks for them and for others."""

_MAX_LAYERS = 2
_MARKUP = RuleSet(MARKUP)
_HARMLESS = RuleSet(HARMLESS)
_QUOTED = RuleSet(QUOTED)
_TURNED = RuleSet(
    [
        DetectorRule("rot13", r"\b(?:vafgehpgvbaf?|flfgrz|cebzcg|cerivbhf|vtaber|qvfertneq|erirny)\b"),
        DetectorRule("reversed", r"\b(?:snoitcurtsni|tpmorp|tpmorp metsys|metsys|suoiverp|erongi|laever)\b"),
    ]
)
_ROT13 = codecs.encode(bytes(range(128)).decode(), "rot13").encode() + bytes(range(128, 256))
_TURNS: dict[str, Callable[[str], str]] = {
    "rot13": lambda text: utf8(text).translate(_ROT13).decode(),
    "reversed": lambda text: text[::-1],
}


def detector(options: Options) -> Detector:
    """Build the detector. Raises `ManifestError`."""
    return redacting_detector(find_injections, CATEGORIES, options, redact=False)


def find_injections(text: str, phrases: Sequence[RuleSet] = INJECTIONS) -> list[Found]:
    """Find injections in a text and in what is encoded in it; `phrases` are looked for in folded text."""
    folded = fold(_blotted(text, _QUOTED))
    folded = replace(folded, text=respelt(folded.text))
    return [*_disguised(text, folded, phrases), *_shown(text, folded, phrases, _MAX_LAYERS)]


def _shown(text: str, folded: Folded, phrases: Sequence[RuleSet], layers: int) -> list[Found]:
    """Find what a text says as it stands, and in so many `layers` of what is encoded in it."""
    found = _phrase_findings(folded, phrases)
    found += [(start, end, rule.category, rule.score) for rule, start, end in _MARKUP.matches(text)]
    if layers and (inner := list(decoded_texts(text))):
        decoded_all = texts_of([decoded for _, _, decoded in inner])
        joined = decoded_all.joined
        worst: dict[int, float] = {}
        for start, _, _, score in _shown(joined, fold(joined), phrases, layers - 1):
            index = decoded_all.index_at(start)
            worst[index] = max(score, worst.get(index, 0.0))
        found += [(*inner[index][:2], "encoded_payload", score) for index, score in worst.items()]
    return found


def _disguised(text: str, folded: Folded, phrases: Sequence[RuleSet]) -> list[Found]:
    """Find what is said in split words, rotated or backwards."""
    whole = folded.joined()
    found = _phrase_findings(whole, phrases) if whole else []
    for turn in {rule.category for rule in _TURNED.occurring(folded.text)}:
        score = _worst(_matches(phrases, _TURNS[turn](folded.text)))
        if score:
            found.append((0, len(text), "encoded_payload", score))
    return found


def _phrase_findings(folded: Folded, phrases: Sequence[RuleSet]) -> list[Found]:
    matches = _matches(phrases, _blotted(folded.text, _HARMLESS))
    return [(*folded.span(start, end), rule.category, rule.score) for rule, start, end in matches]


def _matches(phrases: Sequence[RuleSet], folded: str) -> Iterator[Match]:
    latin = folded.isascii()
    return chain.from_iterable(
        some.matches(folded) for some in phrases if not (latin and some is _OTHER_SCRIPTS)
    )


def _blotted(text: str, harmless: RuleSet) -> str:
    """Blot out what matches: it says the opposite of an injection."""
    pieces = []
    position = 0
    for _, start, end in sorted(harmless.matches(text), key=itemgetter(1)):
        if start >= position:
            pieces += [text[position:start], "#" * (end - start)]
            position = end
    return "".join((*pieces, text[position:])) if pieces else text


def _worst(matches: Iterable[Match]) -> float:
    return max((rule.score for rule, _, _ in matches), default=0.0)
