"""What a local classifier finds in a value."""

from typing import Any

from acs_sidecar.detectors.registry import build_detector
from acs_sidecar.spec.values import Json

__all__ = ["detected", "spans"]


def detected(provider: str, value: Json, **options: Json) -> dict[str, Any]:
    """The annotation of a value."""
    return build_detector(provider, "annotators.a", {"provider": provider, **options})(value)


def spans(provider: str, text: str, **options: Json) -> list[tuple[str, str]]:
    """What was found: category and the text of the span."""
    findings = detected(provider, text, **options)["findings"]
    return [(finding["category"], text[finding["start"] : finding["end"]]) for finding in findings]
