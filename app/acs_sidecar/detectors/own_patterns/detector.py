"""`patterns`: what a manifest's own expressions match in any text of a value, as it is written or as it is seen."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from acs_sidecar.detectors.findings import MAX_LISTED_FINDINGS, Detector, Found, annotation, merged
from acs_sidecar.detectors.options import Options
from acs_sidecar.detectors.own_patterns.expressions import Expressions, PatternSyntaxError
from acs_sidecar.detectors.own_patterns.legible import legible
from acs_sidecar.detectors.pii import find_pii
from acs_sidecar.detectors.rules import utf8
from acs_sidecar.detectors.secret_keys import CATEGORIES as SECRETS
from acs_sidecar.detectors.secret_keys import find_secrets
from acs_sidecar.detectors.texts import Texts, replaced, texts_of
from acs_sidecar.detectors.value_texts import DEFAULT_THRESHOLD, Find
from acs_sidecar.spec.values import Json

__all__ = ["MAX_PATTERNS", "PRESETS", "detector"]

MAX_PATTERNS = 256


@dataclass(frozen=True, slots=True)
class _Preset:
    """What a preset looks for: categories of another detector."""

    find: Find
    categories: frozenset[str]


PRESETS: Mapping[str, _Preset] = {
    "pii_credit_card": _Preset(find_pii, frozenset({"card"})),
    "pii_email": _Preset(find_pii, frozenset({"email"})),
    "pii_phone": _Preset(find_pii, frozenset({"phone"})),
    "pii_secret": _Preset(find_secrets, frozenset(SECRETS)),
    "pii_ssn": _Preset(find_pii, frozenset({"us_ssn"})),
}


def detector(options: Options) -> Detector:
    """Build the detector. Options: `patterns` (a list, or name → expression), `presets`, `redact`, `replacement`.

    A finding's category is the name of the expression, `pattern_1` and so on in a list, or the preset.
    Raises `ManifestError`.
    """
    named = _named(options)
    presets = options.choices("presets", tuple(PRESETS)) if options.is_given("presets") else frozenset()
    redact = options.flag("redact", default=True)
    replacement = options.text("replacement")
    if not named and not presets and not options.has_faults:
        options.wrong("patterns", "must have at least one expression, or `presets` one name")
    finders = _preset_finders(presets & PRESETS.keys())
    if named:
        finders.append(_expressions_finder(options, [*named], [*named.values()]))
    options.finish()

    def detect(value: Json) -> dict[str, Json]:
        texts = texts_of(value)
        found = merged([each for find in finders for each in find(texts)])
        result = annotation(found, texts.placed(found[:MAX_LISTED_FINDINGS]), DEFAULT_THRESHOLD)
        if redact and (spans := [each for each in found if each[0] < each[1]]):
            result["redacted"] = replaced(value, texts, spans, replacement)
        return result

    return detect


_Finder = Callable[[Texts], Iterable[Found]]


def _named(options: Options) -> dict[str, str]:
    """Read the expressions, with what each finding of theirs is called."""
    given = options.member("patterns")
    if isinstance(given, list):
        given = {f"pattern_{number}": text for number, text in enumerate(given, 1)}
    if given is None and not options.is_given("patterns"):
        return {}
    if not isinstance(given, dict) or not all(isinstance(text, str) and text for text in given.values()):
        options.wrong("patterns", "must be a list of expressions, or map names to expressions")
        return {}
    if len(given) > MAX_PATTERNS:
        options.wrong("patterns", f"must have at most {MAX_PATTERNS} expressions")
        return {}
    if any(not name.strip() for name in given):
        options.wrong("patterns", "a name must not be blank")
        return {}
    return {name: str(text) for name, text in given.items()}


def _preset_finders(presets: Iterable[str]) -> list[_Finder]:
    """Return a finder for each detector that presets are found by."""
    names: dict[Find, dict[str, str]] = {}
    for preset in sorted(presets):
        of_detector = names.setdefault(PRESETS[preset].find, {})
        of_detector.update(dict.fromkeys(PRESETS[preset].categories, preset))
    return [_preset_finder(find, called) for find, called in names.items()]


def _preset_finder(find: Find, called: Mapping[str, str]) -> _Finder:
    def found(texts: Texts) -> Iterable[Found]:
        return [
            (start, end, called[category], score)
            for start, end, category, score in find(texts.joined)
            if category in called
        ]

    return found


def _expressions_finder(options: Options, names: Sequence[str], patterns: Sequence[str]) -> _Finder:
    try:
        expressions = Expressions(patterns)
    except PatternSyntaxError as error:
        name = names[error.index]
        listed = isinstance(options.member("patterns"), list)
        options.wrong(f"patterns[{error.index}]" if listed else f"patterns.{name}", error.message)
        return lambda _texts: ()

    def found(texts: Texts) -> Iterable[Found]:
        return _found(expressions, names, texts)

    return found


def _found(expressions: Expressions, names: Sequence[str], texts: Texts) -> Iterable[Found]:
    seen = legible(texts.joined)
    if not expressions.anchored:
        # What none of them matches in all texts together, it matches in none of them.
        data = utf8(texts.joined)
        if not expressions.occur(data) and not (seen and expressions.occur(utf8(seen.text))):
            return
    for offset, part in zip(texts.starts, texts.parts, strict=True):
        for index, start, end in expressions.matches(utf8(part)):
            yield offset + start, offset + end, names[index], 1.0
        if seen and (shown := legible(part)):
            for index, start, end in expressions.matches(utf8(shown.text)):
                first, last = shown.span(start, end)
                yield offset + first, offset + last, names[index], 1.0
