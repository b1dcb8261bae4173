"""What a governance policy checks at a point (section 11.7)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from acs_sidecar.engines.adapters.soul.definition import plain_digest
from acs_sidecar.engines.adapters.soul.guard.guard import GovernanceGuard
from acs_sidecar.engines.adapters.soul.score import GovernanceLevel
from acs_sidecar.spec.path import Path
from acs_sidecar.spec.ports import PolicyInput, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

__all__ = ["GuardEvaluator", "SilentEvaluator", "StartEvaluator"]


class _NotGiven(Enum):
    NOT_GIVEN = "not given"


_NOT_GIVEN = _NotGiven.NOT_GIVEN
_NOT_APPLICABLE: Mapping[str, Json] = {"decision": "allow", "reason": "not_applicable"}


@dataclass(frozen=True, slots=True)
class StartEvaluator:
    """The level of the governance file, and whether the agent was given this file and no other."""

    level: GovernanceLevel
    measured: bool
    minimum: GovernanceLevel
    recommended: GovernanceLevel
    sha256: str
    on_drift: str
    artefact: str
    hash: Path
    content: Path

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Return the verdict: the level, then drift, then what is recommended."""
        if not self.measured:
            return self._output("deny", "soul_level_below_minimum", "The governance file cannot be measured.")
        if not self.level.reaches(self.minimum):
            message = f"The governance file is at `{self.level}`, below `{self.minimum}`."
            return self._output("deny", "soul_level_below_minimum", message)
        given = self._given_digests(policy_input.value)
        if given is None:
            message = "The snapshot does not say which governance file the agent was given."
            return self._output("deny", "soul_hash_missing", message)
        if given != {self.sha256}:
            message = "The agent was given another governance file than the policy's."
            return self._output(self.on_drift, "soul_drift", message)
        if not self.level.reaches(self.recommended):
            message = f"The governance file is at `{self.level}`, below the recommended `{self.recommended}`."
            return self._output("warn", "soul_level_below_recommended", message)
        return PolicyOutput({"decision": "allow", "evidence": {"artefact": self.artefact}})

    def _given_digests(self, given: Mapping[str, Json]) -> set[str | None] | None:
        """Return the digests of what the agent was given; `None` where that is not said, or not readable."""
        claimed, content = _value_at(self.hash, given), _value_at(self.content, given)
        if claimed is _NOT_GIVEN and content is _NOT_GIVEN:
            return None
        digests: set[str | None] = set()
        if claimed is not _NOT_GIVEN:
            if not isinstance(claimed, str):
                return None
            digests.add(plain_digest(claimed))
        if content is not _NOT_GIVEN:
            if not isinstance(content, str):
                return None
            digests.add(hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest())
        return digests

    def _output(self, decision: str, reason: str, message: str) -> PolicyOutput:
        evidence: Json = {"artefact": self.artefact}
        return PolicyOutput(
            {"decision": decision, "reason": reason, "message": message, "evidence": evidence}
        )


@dataclass(frozen=True, slots=True)
class GuardEvaluator:
    """Whether a tool that may write names a governance file."""

    guard: GovernanceGuard
    artefact: str
    tool: Path
    args: Path
    resolved_paths: Path

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Deny a call that names one; of any other there is nothing to say. Raises `EvaluationError`."""
        given = policy_input.value
        tool = _value_at(self.tool, given)
        if tool is not _NOT_GIVEN and self.guard.reads(tool):
            return PolicyOutput(dict(_NOT_APPLICABLE))
        resolved = _value_at(self.resolved_paths, given)
        if not self.guard.is_named_in(
            self.args.resolve(given), None if isinstance(resolved, _NotGiven) else resolved
        ):
            return PolicyOutput(dict(_NOT_APPLICABLE))
        return PolicyOutput(
            {
                "decision": "deny",
                "reason": "soul_governance_write",
                "message": "The call names a governance file, and its tool is not known to read only.",
                "evidence": {"artefact": self.artefact},
            }
        )


@dataclass(frozen=True, slots=True)
class SilentEvaluator:
    """A point at which nothing is checked."""

    idle: ClassVar[bool] = True

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:  # noqa: ARG002  # the port's signature
        """Allow, and state that this says nothing."""
        return PolicyOutput(dict(_NOT_APPLICABLE))


def _value_at(path: Path, given: Mapping[str, Json]) -> Json | _NotGiven:
    """Return the value at a path; `None`, which is no text, where it goes through another type."""
    try:
        return path.resolve(given)
    except EvaluationError as error:
        return _NOT_GIVEN if error.reason is Reason.PATH_MISSING else None
