"""The `classifier` annotator: a detector that runs here, or a provider that is asked (section 1.6)."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import orjson

from acs_sidecar.annotators.host import HOST
from acs_sidecar.detectors.findings import Detector
from acs_sidecar.detectors.registry import LOCAL_PROVIDERS, build_detector
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.ports import Annotator, AnnotatorContext, AnnotatorType
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["LocalClassifier", "classifier_annotator", "local_providers"]


LARGE_BYTES = 16_384
"""From this size on a value is looked at in a thread: it would hold up everybody else's requests."""
DEADLINE_SECONDS = 10.0
"""What a large value has for its annotation, waiting for the thread included."""


@dataclass(frozen=True, slots=True)
class LocalClassifier:
    """A detector, called in this process: on the event loop, or, for large values, by `thread`."""

    name: str
    detector: Detector
    thread: Executor
    deadline_seconds: float = DEADLINE_SECONDS

    async def annotate(self, value: Json) -> Json:
        """Return the detector's annotation.

        Raises `EvaluationError`: `annotation_timeout` when a large value has no annotation by its deadline.
        One that still waits for the thread then is never looked at; the one that is being looked at is
        finished, for nobody.
        """
        if _size(value) < LARGE_BYTES:
            return self.detector(value)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.deadline_seconds):
                return await loop.run_in_executor(self.thread, self.detector, value)
        except TimeoutError:
            raise EvaluationError(
                Reason.ANNOTATION_TIMEOUT,
                f"annotator `{self.name}` did not finish a large value within {self.deadline_seconds:g} s",
            ) from None


def local_providers() -> Mapping[str, AnnotatorType]:
    """Return the builders of the local providers by name: no network.

    All that they build share one thread for large values.
    """
    thread = ThreadPoolExecutor(1, "classifier")
    return {provider: partial(_local, provider=provider, thread=thread) for provider in LOCAL_PROVIDERS}


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
    known = ", ".join(f"`{each}`" for each in sorted((*providers, HOST)))
    if not isinstance(provider, str) or not provider.strip():
        message = f"must be a provider: {known}"
        raise ManifestError([Diagnostic("annotator-member-invalid", message, f"{path}.provider")])
    if provider not in providers:
        message = f"`{provider}` is not a known provider; must be one of {known}"
        raise ManifestError(
            [Diagnostic("annotator-unsupported", message, f"{path}.provider")], Reason.ADAPTER_UNSUPPORTED
        )
    return providers[provider](name, path, invocation, context)


def _local(
    name: str,
    path: str,
    invocation: JsonObject,
    context: AnnotatorContext,
    *,
    provider: str,
    thread: Executor,
) -> LocalClassifier:
    return LocalClassifier(name, build_detector(provider, path, invocation, context.sources), thread)


def _size(value: Json) -> int:
    """Return the length of a text, or of the JSON of another value."""
    return len(value) if isinstance(value, str) else len(orjson.dumps(value))
