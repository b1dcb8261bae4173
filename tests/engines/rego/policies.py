"""Compiles and evaluates Rego policies the way the service does, for the tests."""

from collections.abc import Mapping

import pytest

from acs_sidecar.engines.rego.index.demand_index import Indexing
from acs_sidecar.engines.rego.type import REGO, RegoType
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import (
    CompiledPolicy,
    CompileRequest,
    Evaluator,
    PointBinding,
    PolicyInput,
    PolicyType,
)
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject
from tests.engines.sources import MemorySources

__all__ = [
    "INDEXED",
    "PATH",
    "binding",
    "bound",
    "compiled",
    "definition",
    "evaluate",
    "failure",
    "findings",
    "policy_input",
    "refused",
]

PATH = "policies.main"

INDEXED = RegoType(indexing=Indexing(min_rules=1, max_share=1.0))
"""Rego that indexes also what is not worth it."""


def definition(
    modules: str | Mapping[str, str], query: str | None = "data.a.x", **members: Json
) -> JsonObject:
    """Give a definition with inline modules: one text is the module `a.rego`."""
    texts: dict[str, Json] = {"a.rego": modules} if isinstance(modules, str) else dict(modules)
    given: dict[str, Json] = {"type": "rego", "modules": texts, **members}
    return given if query is None else {**given, "query": query}


def compiled(
    given: JsonObject, files: Mapping[str, bytes] | None = None, rego: PolicyType = REGO
) -> CompiledPolicy:
    """Compile a definition over files in memory."""
    return rego.compile(CompileRequest(PATH, given, MemorySources(files or {})))


def binding(given: JsonObject, **members: Json) -> PointBinding:
    """Give a binding at `input` with some members of its own."""
    path = "intervention_points.input.policy"
    return PointBinding(InterventionPoint.INPUT, path, given, members, None, projects_tool=False)


def bound(given: JsonObject, files: Mapping[str, bytes] | None = None, rego: PolicyType = REGO) -> Evaluator:
    """Compile a definition and bind it."""
    return compiled(given, files, rego).bind(binding(given))


def policy_input(snapshot: Json = None, **members: Json) -> PolicyInput:
    """Give a policy input around a snapshot."""
    value: dict[str, Json] = {
        "intervention_point": "input",
        "policy_target": {"kind": None, "path": "$snap", "value": snapshot},
        "snapshot": snapshot,
        "annotations": {},
        "tool": None,
        **members,
    }
    return PolicyInput(value, canonical(value))


def evaluate(given: JsonObject, snapshot: Json = None, files: Mapping[str, bytes] | None = None) -> Json:
    """Give the output of a policy for a snapshot."""
    return bound(given, files).evaluate(policy_input(snapshot)).value


def failure(evaluator: Evaluator, given: PolicyInput) -> tuple[Reason, str]:
    """Give the reason and detail with which an evaluation fails."""
    with pytest.raises(EvaluationError) as caught:
        evaluator.evaluate(given)
    return caught.value.reason, caught.value.detail


def refused(given: JsonObject, files: Mapping[str, bytes] | None = None) -> ManifestError:
    """Give the error with which a definition is refused, when compiled or bound."""
    with pytest.raises(ManifestError) as caught:
        bound(given, files)
    return caught.value


def findings(given: JsonObject, files: Mapping[str, bytes] | None = None) -> list[str]:
    """Give what is said of a definition that is refused: code, place and message of each finding."""
    return [_line(found) for found in refused(given, files).diagnostics]


def _line(found: Diagnostic) -> str:
    return f"{found.code}: {found}"
