"""Everything that an adapter of the policy type `custom` imports (section 1.7).

An adapter is an object that a distribution names under the entry-point group of this module's name. These
names stay; no other module of the package is an interface for adapters.
"""

from acs_sidecar.spec.manifest.declaration import Member
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.path import Path, PathSyntaxError, parse_path
from acs_sidecar.spec.policy_statement import (
    DecisionNotes,
    HostCounter,
    PolicyStatement,
    Required,
    Requirement,
    Revision,
    Window,
)
from acs_sidecar.spec.ports import (
    Adapter,
    CompiledPolicy,
    CompileRequest,
    Evaluator,
    ExplainingEvaluator,
    PointBinding,
    PolicyInput,
    PolicyOutput,
    SourceError,
)
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "Adapter",
    "CompileRequest",
    "CompiledPolicy",
    "DecisionNotes",
    "Diagnostic",
    "EvaluationError",
    "Evaluator",
    "ExplainingEvaluator",
    "HostCounter",
    "Json",
    "JsonObject",
    "ManifestError",
    "Member",
    "Path",
    "PathSyntaxError",
    "PointBinding",
    "PolicyInput",
    "PolicyOutput",
    "PolicyStatement",
    "Reason",
    "Required",
    "Requirement",
    "Revision",
    "SourceError",
    "Window",
    "parse_path",
]
