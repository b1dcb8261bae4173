"""The boundary of an evaluation: any failure becomes a deny with a reserved reason (section 1.12)."""

from collections.abc import Callable

from acs_sidecar.decision.request import EvaluateRequest
from acs_sidecar.spec.dialects.host_target import for_host
from acs_sidecar.spec.document.suggestions import did_you_mean, one_of
from acs_sidecar.spec.evaluation import Evaluation, evaluate
from acs_sidecar.spec.manifest.compiled import AnyManifest, CompiledManifest, CompiledPoint, InvalidManifest
from acs_sidecar.spec.points import POINT_NAMES, InterventionPoint, Mode
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.trace import Trace

__all__ = ["evaluation_outcome", "invalid_manifest", "no_point"]


async def evaluation_outcome(
    manifest: AnyManifest,
    point: CompiledPoint | None,
    request: EvaluateRequest,
    trace: Trace,
    fault: Callable[[Exception], None],
) -> Evaluation | EvaluationError:
    """Evaluate and return the result or the failure; never raises. `fault` receives unexpected errors."""
    try:
        if isinstance(manifest, InvalidManifest):
            raise invalid_manifest(manifest)
        if point is None:
            raise no_point(request.point, manifest)
        if request.host_applies:
            return await _for_host(point, request, trace)
        return await evaluate(point, request.snapshot, request.nesting, request.mode, trace)
    except EvaluationError as error:
        return error
    except Exception as error:  # noqa: BLE001  # fail closed: whatever it was, the answer is deny
        fault(error)
        return EvaluationError(
            Reason.POLICY_INVOCATION_FAILED, "the evaluation failed with an internal error"
        )


async def _for_host(point: CompiledPoint, request: EvaluateRequest, trace: Trace) -> Evaluation:
    """Evaluate without applying a transform, which becomes one of the host's target."""
    evaluation = await evaluate(point, request.snapshot, request.nesting, Mode.EVALUATE_ONLY, trace)
    target = request.snapshot["target"]
    evaluation.verdict = for_host(evaluation.verdict, point.config.target, point.config.name, target)
    return evaluation


def no_point(point: str, manifest: CompiledManifest) -> EvaluationError:
    """Return the failure of a point that the manifest does not configure."""
    if point in POINT_NAMES:
        configured = ", ".join(f"`{name}`" for name in InterventionPoint if name in manifest.points)
        detail = (
            f"the manifest does not configure `{point}`: add it to `intervention_points`, "
            f"or ask at one that is configured: {configured}"
        )
    else:
        hint = did_you_mean(point, POINT_NAMES)
        detail = f"no such intervention point{hint}; {one_of(InterventionPoint)}"
    return EvaluationError(Reason.INTERVENTION_POINT_UNKNOWN, detail)


def invalid_manifest(manifest: InvalidManifest) -> EvaluationError:
    """Return the failure of an invalid manifest: the rule and member of its first finding.

    The finding's message may quote an engine and stays inside.
    """
    first = next(finding for finding in manifest.error.diagnostics if finding.severity == "error")
    place = f" at `{first.path}`" if first.path else ""
    return EvaluationError(
        manifest.error.reason,
        f"the manifest is invalid{place}: {first.code}; run `acs-sidecar validate` for all findings",
    )
