"""Compiles one policy of an adapter by itself, bound at chosen points."""

from collections.abc import Mapping, Sequence

from acs_sidecar.engines.adapters.custom import custom_type
from acs_sidecar.engines.compilation import CompiledPolicies, PolicyJob, compile_policies
from acs_sidecar.evaluators import Adapter
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import ManifestFacts, PointBinding
from acs_sidecar.spec.values import JsonObject
from tests.engines.sources import MemorySources

__all__ = ["compiled_alone"]


def compiled_alone(
    policy: str,
    adapter: Adapter,
    definition: JsonObject,
    points: Sequence[InterventionPoint],
    files: Mapping[str, bytes],
    facts: ManifestFacts,
    *,
    projects_tool: bool = False,
    annotations: tuple[str, ...] = (),
) -> CompiledPolicies:
    """Compile the definition of `policies.<policy>`; `files` are all that there are. Raises `ManifestError`."""
    bindings = tuple(
        PointBinding(
            point=point,
            path=f"intervention_points.{point}.policy",
            definition=definition,
            members={},
            target_kind=None,
            projects_tool=projects_tool,
            annotations=annotations,
        )
        for point in points
    )
    job = PolicyJob(f"policies.{policy}", "custom", definition, bindings, facts)
    types = {"custom": custom_type({str(definition["adapter"]): adapter})}
    return compile_policies([job], types, MemorySources(files))
