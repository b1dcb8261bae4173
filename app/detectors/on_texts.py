"""From a function that finds things in one text to a detector of whole values."""

from collections.abc import Callable, Iterable

from app.core.values import Json
from app.detectors.findings import Detector, Finding, Found, annotation, merged
from app.detectors.options import Options
from app.detectors.rules import RuleSet
from app.detectors.texts import replaced, texts_of

__all__ = ["DEFAULT_THRESHOLD", "Find", "found_by", "redacting_detector", "text_detector"]

DEFAULT_THRESHOLD = 0.5

Find = Callable[[str], Iterable[Found]]
"""Finds things in one text."""


def found_by(rules: RuleSet) -> Find:
    """Take every match of the rules as a finding."""

    def find(text: str) -> Iterable[Found]:
        return [(start, end, rule.category, rule.score) for rule, start, end in rules.matches(text)]

    return find


def text_detector(find: Find, categories: tuple[str, ...], options: Options) -> Detector:
    """Detect in all texts of a value. Options: `threshold`, `categories`. Raises `ManifestError`."""
    threshold = options.fraction("threshold", default=DEFAULT_THRESHOLD)
    wanted = options.choices("categories", categories)
    options.finish()

    def detect(value: Json) -> dict[str, Json]:
        return annotation(_placed(find, wanted, value), threshold)

    return detect


def redacting_detector(find: Find, categories: tuple[str, ...], options: Options) -> Detector:
    """Detect, and give a value in which something was found once more, as `redacted` without what was found.

    Options: those of `text_detector`, and `redact`. Raises `ManifestError`.
    """
    threshold = options.fraction("threshold", default=DEFAULT_THRESHOLD)
    wanted = options.choices("categories", categories)
    redact = options.flag("redact", default=True)
    options.finish()

    def detect(value: Json) -> dict[str, Json]:
        findings = _placed(find, wanted, value)
        result = annotation(findings, threshold)
        if redact and findings:
            result["redacted"] = replaced(value, findings)
        return result

    return detect


def _placed(find: Find, wanted: frozenset[str], value: Json) -> list[Finding]:
    texts = texts_of(value)
    return texts.placed(merged([found for found in find(texts.joined) if found[2] in wanted]))
