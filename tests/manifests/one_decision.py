"""One decision of a manifest that is given as a value, by the compiler and the evaluation of the service."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

from acs_sidecar.cli.settings import settings_from
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.spec.evaluation import Evaluation, evaluate
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.manifest.model import document_of
from acs_sidecar.spec.points import Mode
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.trace import Trace
from acs_sidecar.spec.values import nesting_bound
from tests.engines.sources import MemorySources

__all__ = ["compiled", "decided", "evaluated", "reason_of"]


def compiler() -> ManifestCompiler:
    """The compiler of a service with default settings."""
    return build_compiler(settings_from(None).settings, HttpClient(), None)


def compiled(manifest: Any, files: Mapping[str, bytes] | None = None) -> CompiledManifest:
    """Compile a manifest over files in memory."""
    return compiler().compile_operator("one", document_of(manifest), MemorySources(files or {}))


def evaluated(manifest: CompiledManifest, point: str, snapshot: Any) -> Evaluation:
    """Evaluate a snapshot at a point."""
    nesting = nesting_bound(orjson.dumps(snapshot))
    return asyncio.run(evaluate(manifest.points[point], snapshot, nesting, Mode.ENFORCE, Trace(lambda: 0)))


def reason_of(manifest: CompiledManifest, point: str, snapshot: Any) -> tuple[str, str | None]:
    """Decision and reason, those of a failure too."""
    try:
        verdict = evaluated(manifest, point, snapshot).verdict
    except EvaluationError as error:
        return "deny", error.reason.value
    return verdict.decision.value, verdict.reason


def decided(manifest: Any, point: str, snapshot: Any) -> tuple[str, str | None]:
    """Decision and reason of a manifest that is compiled for this one question."""
    return reason_of(compiled(manifest), point, snapshot)
