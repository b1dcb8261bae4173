"""From a function that finds things in one text to a detector of whole values."""

from collections.abc import Callable, Iterable

from acs_sidecar.detectors.findings import MAX_LISTED_FINDINGS, Detector, Found, annotation, merged, standing
from acs_sidecar.detectors.options import Options
from acs_sidecar.detectors.rules import RuleSet
from acs_sidecar.detectors.texts import Texts, replaced, texts_of
from acs_sidecar.detectors.typography import typed
from acs_sidecar.spec.values import Json

__all__ = ["DEFAULT_THRESHOLD", "Find", "found_by", "redacting_detector", "text_detector"]

DEFAULT_THRESHOLD = 0.5

Find = Callable[[str], Iterable[Found]]
"""Finds things in one text."""


def found_by(rules: RuleSet) -> Find:
    """Return every match of the rules in a text, typographic variants replaced, as a finding."""

    def find(text: str) -> Iterable[Found]:
        plain = typed(text)
        found = standing(
            [(start, end, rule.category, rule.score) for rule, start, end in rules.matches(plain.text)]
        )
        if len(plain.text) == len(text):
            return found
        return [(*plain.span(start, end), category, score) for start, end, category, score in found]

    return find


def text_detector(find: Find, categories: tuple[str, ...], options: Options) -> Detector:
    """Detect in all texts of a value. Options: `threshold`, `categories`. Raises `ManifestError`."""
    threshold = options.fraction("threshold", default=DEFAULT_THRESHOLD)
    wanted = options.choices("categories", categories)
    options.finish()

    def detect(value: Json) -> dict[str, Json]:
        texts = texts_of(value)
        found = _wanted(find, wanted, texts)
        return annotation(found, texts.placed(found[:MAX_LISTED_FINDINGS]), threshold)

    return detect


def redacting_detector(
    find: Find, categories: tuple[str, ...], options: Options, *, redact: bool = True
) -> Detector:
    """Detect, and give a value in which something was found once more, as `redacted` without what was found.

    Options: those of `text_detector`, and `redact`, by default as given here. Raises `ManifestError`.
    """
    threshold = options.fraction("threshold", default=DEFAULT_THRESHOLD)
    wanted = options.choices("categories", categories)
    redact = options.flag("redact", default=redact)
    options.finish()

    def detect(value: Json) -> dict[str, Json]:
        texts = texts_of(value)
        found = _wanted(find, wanted, texts)
        result = annotation(found, texts.placed(found[:MAX_LISTED_FINDINGS]), threshold)
        if redact and found:
            result["redacted"] = replaced(value, texts, found)
        return result

    return detect


def _wanted(find: Find, wanted: frozenset[str], texts: Texts) -> list[Found]:
    return merged([found for found in find(texts.joined) if found[2] in wanted])
