"""The `classifier` annotator: a detector that runs here, or a provider that is asked (contract 1.6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from app.core.diagnostics import Diagnostic, ManifestError
from app.core.errors import Reason
from app.core.ports import Annotator, AnnotatorContext, AnnotatorType
from app.core.values import Json, JsonObject
from app.detectors.findings import Detector
from app.detectors.registry import DETECTORS, build_detector

__all__ = ["LocalClassifier", "classifier_annotator", "local_providers"]


@dataclass(frozen=True, slots=True)
class LocalClassifier:
    """A detector, called in this process."""

    detector: Detector

    async def annotate(self, value: Json) -> Json:
        """Give the detector's annotation."""
        return self.detector(value)


def local_providers() -> Mapping[str, AnnotatorType]:
    """Give a builder for each provider that needs nothing but the value: no network, no files."""
    return {provider: partial(_local, provider) for provider in DETECTORS}


def classifier_annotator(
    name: str,
    path: str,
    invocation: JsonObject,
    context: AnnotatorContext,
    providers: Mapping[str, AnnotatorType],
) -> Annotator:
    """Build the annotator of the provider that the invocation names. Raises `ManifestError`.

    A provider that nobody knows here is `adapter_unsupported`.
    """
    provider = invocation.get("provider")
    known = ", ".join(f"`{each}`" for each in sorted(providers))
    if not isinstance(provider, str) or not provider.strip():
        message = f"must name a provider: {known}"
        raise ManifestError([Diagnostic("annotator-member-invalid", message, f"{path}.provider")])
    if provider not in providers:
        message = f"`{provider}` is not a provider of this version; there are {known}"
        raise ManifestError(
            [Diagnostic("annotator-unsupported", message, f"{path}.provider")], Reason.ADAPTER_UNSUPPORTED
        )
    return providers[provider](name, path, invocation, context)


def _local(
    provider: str, _name: str, path: str, invocation: JsonObject, _context: AnnotatorContext
) -> LocalClassifier:
    return LocalClassifier(build_detector(provider, path, invocation))
