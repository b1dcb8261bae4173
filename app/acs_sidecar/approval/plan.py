"""From the `approval` section of a manifest to the plan that escalations follow."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from acs_sidecar.audit.format.record import bounded
from acs_sidecar.spec.approval import (
    DEFAULT_TIMEOUT_SECONDS,
    MAX_TIMEOUT_SECONDS,
    ApprovalOutcome,
    ApprovalPlan,
    Resolver,
)
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.members import APPROVAL_MEMBERS
from acs_sidecar.spec.ports import AnnotatorContext
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["ResolverType", "approval_plan"]

ResolverType: TypeAlias = Callable[[str, JsonObject, AnnotatorContext], Resolver]
"""Builds a resolver from its path in diagnostics, its definition and what it may reach.

Raises `ManifestError`.
"""


def approval_plan(
    section: JsonObject, types: Mapping[str, ResolverType], context: AnnotatorContext
) -> tuple[ApprovalPlan | None, tuple[Diagnostic, ...]]:
    """Read a validated section; `None` when it names no resolver.

    A resolver that cannot be used does not make the manifest invalid, for the section may be meant for
    the host: it is a warning, and every escalation ends in a deny.
    """
    name = section.get("default_resolver")
    if not isinstance(name, str):
        return None, ()
    resolvers = section.get("resolvers")
    definition = resolvers.get(name) if isinstance(resolvers, dict) else None
    path = member_path(("approval", "resolvers", name))
    type_name: str | None = None
    resolver: Resolver | None = None
    warnings: list[Diagnostic] = []
    unknown = True
    if not isinstance(definition, dict):
        warnings.append(_warning("resolver-missing", "is not declared: the action cannot be approved", path))
    elif (type_name := str(definition.get("type"))) not in types:
        known = ", ".join(f"`{known}`" for known in types)
        message = f"`{type_name}` is not a known resolver type ({known}): the action cannot be approved"
        warnings.append(_warning("resolver-unsupported", message, f"{path}.type"))
    else:
        unknown = False
        try:
            resolver = types[type_name](path, definition, context)
        except ManifestError as error:
            warnings.extend(
                _warning("resolver-invalid", found.message, found.path) for found in error.diagnostics
            )
        warnings.extend(
            _warning(
                "resolver-member-misplaced", "has no effect here: move it to `approval`", member_path(place)
            )
            for place in (("approval", "resolvers", name, member) for member in definition)
            if place[-1] in APPROVAL_MEMBERS
        )
    timeout = _number(section.get("timeout_seconds")) or DEFAULT_TIMEOUT_SECONDS
    if timeout > MAX_TIMEOUT_SECONDS:
        warnings.append(
            _warning("limit-clamped", f"was clamped to {MAX_TIMEOUT_SECONDS}", "approval.timeout_seconds")
        )
    plan = ApprovalPlan(
        name=str(bounded(name)),
        type=None if unknown else type_name,
        resolver=resolver,
        fault=f"`{warnings[0].path}` {warnings[0].message}" if resolver is None else "",
        timeout_seconds=min(timeout, MAX_TIMEOUT_SECONDS),
        on_timeout=ApprovalOutcome(str(section.get("on_timeout", ApprovalOutcome.DENY.value))),
        fatigue_threshold=_number(section.get("fatigue_threshold")),
        fatigue_window_seconds=_number(section.get("fatigue_window_seconds")),
    )
    return plan, tuple(warnings)


def _number(value: Json) -> int | None:
    return value if isinstance(value, int) else None


def _warning(code: str, message: str, path: str | None) -> Diagnostic:
    return Diagnostic(code, message, path, severity="warning")
