"""The limits of section 1.11: server defaults, and how a manifest may lower them."""

from dataclasses import dataclass, fields, replace

from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import JsonObject

__all__ = ["IGNORED_LIMITS", "SERVER_LIMITS", "Limits"]

MIB = 1024 * 1024

IGNORED_LIMITS = frozenset({"max_intervention_points_per_run"})
"""Accepted in a manifest and not enforced: it counts over a run, and the service is stateless."""

SERVER_LIMITS = frozenset(
    {
        "max_extends_depth",
        "max_merged_manifest_bytes",
        "max_manifest_url_bytes",
        "manifest_url_timeout_ms",
        "max_manifest_url_redirects",
        "max_policy_memory_bytes",
    }
)
"""Those that count before the limits of a manifest are known, so that it cannot lower them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one evaluation and one manifest. Bytes are canonical bytes; depth counts containers."""

    max_snapshot_bytes: int = 1 * MIB
    max_policy_input_depth: int = 64
    max_policy_input_bytes: int = 8 * MIB
    max_annotators_per_point: int = 16
    max_annotator_output_bytes: int = 262_144
    max_policy_output_bytes: int = 262_144
    max_extends_depth: int = 16
    max_merged_manifest_bytes: int = 1 * MIB
    max_manifest_url_bytes: int = 1 * MIB
    manifest_url_timeout_ms: int = 30_000
    max_manifest_url_redirects: int = 5
    policy_timeout_ms: int = 1_000
    max_policy_memory_bytes: int = 512 * MIB

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Every limit's name, in order."""
        return tuple(field.name for field in fields(cls))

    def clamp(self, requested: JsonObject) -> tuple["Limits", tuple[str, ...]]:
        """Apply a manifest's `limits`: lower values count, higher ones are clamped to these.

        Takes validated members (positive integers under known names) and gives the limits with the
        names that had to be clamped.
        """
        lowered: dict[str, int] = {}
        clamped: list[str] = []
        for name, value in requested.items():
            if name in IGNORED_LIMITS or not isinstance(value, int):
                continue
            if value > getattr(self, name):
                clamped.append(name)
            else:
                lowered[name] = value
        return replace(self, **lowered), tuple(clamped)


MAX_CONFIGURABLE_DEPTH = 120
"""The highest `max_policy_input_depth` that configuration may set; the serialiser stops at 254."""


def exceeded(what: str, limit: str, limits: Limits) -> EvaluationError:
    """Return the failure of what passes the limit of that name."""
    return EvaluationError(
        Reason.RESOURCE_LIMIT_EXCEEDED, f"{what} exceeds `{limit}` ({getattr(limits, limit)})"
    )
