"""The `test` policy type: a test double with the same pipeline around it and no engine (section 1.7)."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from acs_sidecar.engines.fixed_members import MAX_DELAY_MS, MEMBERS
from acs_sidecar.spec.document.member_path import member_below
from acs_sidecar.spec.document.suggestions import unknown_members
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.policy_statement import PolicyStatement
from acs_sidecar.spec.ports import (
    CompileRequest,
    Evaluator,
    PointBinding,
    PolicyInput,
    PolicyOutput,
    PolicyType,
)
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["TEST"]


@dataclass(frozen=True, slots=True)
class _Double:
    """Compiled policy and evaluator in one: it answers every point alike."""

    path: str
    output: Json
    failure: str | None
    delay_s: float
    statement: PolicyStatement = field(default_factory=PolicyStatement)

    def bind(self, binding: PointBinding) -> Evaluator:  # noqa: ARG002  # the port's signature
        return self

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:  # noqa: ARG002  # the port's signature
        if self.delay_s:
            time.sleep(self.delay_s)
        if self.failure:
            raise EvaluationError(Reason.POLICY_INVOCATION_FAILED, f"`{self.path}` {self.failure}")
        return PolicyOutput(self.output)

    def explain(self, policy_input: PolicyInput) -> dict[str, Json]:  # noqa: ARG002  # the port's signature
        """Return which member of the definition is the answer to every input."""
        return {"kind": "test", "always": "error" if self.failure else "output"}


class _TestDoubleType:
    @property
    def bind_members(self) -> frozenset[str]:
        return frozenset()

    def compile(self, request: CompileRequest) -> _Double:
        """Check the members: `output` or `error`, and an optional `delay_ms`. One with neither fails."""
        path, definition = request.path, request.definition
        if request.manifest.dialect.agent_contexts and "verdict" in definition:
            if "output" in definition:
                message = "`output` and `verdict` are one member: remove one of them"
                raise ManifestError([Diagnostic("member-ambiguous", message, path)])
            definition = {**definition, "output": definition["verdict"]}
            definition = {name: value for name, value in definition.items() if name != "verdict"}
        if findings := list(_findings(path, definition)):
            raise ManifestError(findings)
        delay = definition.get("delay_ms", 0)
        undecided = "output" not in definition and "error" not in definition
        failure = "has neither `output` nor `error`" if undecided else None
        return _Double(
            path,
            definition.get("output"),
            "is configured to fail by `error`" if "error" in definition else failure,
            delay_s=delay / 1000 if isinstance(delay, int) else 0,
            statement=PolicyStatement((_undecided(path),) if undecided else ()),
        )


def _undecided(path: str) -> Diagnostic:
    message = "has neither `output` nor `error`, so that it denies every request: add one of them"
    return Diagnostic("test-output-missing", message, path, severity="warning")


def _findings(path: str, definition: JsonObject) -> Iterator[Diagnostic]:
    for name, message in unknown_members(definition, MEMBERS.keys() - {"verdict"}):
        yield Diagnostic("member-unknown", message, member_below(path, name))
    if "output" in definition and "error" in definition:
        yield Diagnostic("member-ambiguous", "`output` and `error` cannot be combined", path)
    error = definition.get("error", "text")
    if not isinstance(error, str) or not error.strip():
        yield Diagnostic("wrong-type", "must be a string", f"{path}.error")
    delay = definition.get("delay_ms", 0)
    if not isinstance(delay, int) or isinstance(delay, bool) or not 0 <= delay <= MAX_DELAY_MS:
        message = f"must be an integer from 0 to {MAX_DELAY_MS}"
        yield Diagnostic("value-not-allowed", message, f"{path}.delay_ms")


TEST: PolicyType = _TestDoubleType()
