"""What a policy checks at each point (section 9.4)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from acs_sidecar.engines.adapters.oags.actions import ActionTemplate, broken_by_call
from acs_sidecar.engines.adapters.oags.enforcement import ABSENT, Absent, Enforcer
from acs_sidecar.engines.adapters.oags.identity.startup import IdentityCheck
from acs_sidecar.engines.adapters.oags.rates import RateCheck
from acs_sidecar.engines.adapters.oags.rules import Check, OagsRule, VerdictForm, broken_by
from acs_sidecar.spec.path import Path
from acs_sidecar.spec.ports import PolicyInput, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

__all__ = ["MAX_TOOLS", "IdleEvaluator", "ModelEvaluator", "StartupEvaluator", "ToolEvaluator"]

MAX_TOOLS = 1_024


@dataclass(frozen=True, slots=True)
class StartupEvaluator:
    """The agent's identity, each tool that it registers, and its model where it names one."""

    enforcer: Enforcer
    form: VerdictForm
    identity_check: IdentityCheck
    identity: Path
    tools_registered: Path
    model: Path
    provider: Path

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Return the verdict. Raises `EvaluationError`."""
        return self.form.output(broken_by(self._checks(policy_input.value)))

    def explain(self, policy_input: PolicyInput) -> dict[str, Json]:
        """Return what each check found."""
        return self.form.explanation(self._checks(policy_input.value))

    def _checks(self, given: Mapping[str, Json]) -> Iterator[Check]:
        yield "identity", self.identity_check.broken(_present(self.identity, given))
        yield "tools_registered", self._broken_tools(_value_at(self.tools_registered, given))
        model = _value_at(self.model, given)
        if model is not ABSENT:
            yield "model", _rules(self.enforcer.model(*_model(model, self.provider, given)))

    def _broken_tools(self, tools: Json | Absent) -> Iterator[OagsRule]:
        """Yield what registered tools break; that one needs consent matters when it is called."""
        if isinstance(tools, Absent):
            return
        if not isinstance(tools, list):
            yield OagsRule.TOOL_AMBIGUOUS
            return
        if len(tools) > MAX_TOOLS:
            message = f"more than {MAX_TOOLS} tools are registered"
            raise EvaluationError(Reason.POLICY_INVOCATION_FAILED, message)
        for tool in tools:
            rule = self.enforcer.tool(tool)
            if rule is not None and rule is not OagsRule.TOOL_CONFIRMATION_REQUIRED:
                yield rule


@dataclass(frozen=True, slots=True)
class ModelEvaluator:
    """The model, and the rates of requests and tokens."""

    enforcer: Enforcer
    form: VerdictForm
    rates: RateCheck
    model: Path
    provider: Path

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Return the verdict. Raises `EvaluationError`."""
        return self.form.output(broken_by(self._checks(policy_input.value)))

    def explain(self, policy_input: PolicyInput) -> dict[str, Json]:
        """Return what each check found."""
        return self.form.explanation(self._checks(policy_input.value))

    def _checks(self, given: Mapping[str, Json]) -> Iterator[Check]:
        model = _model(_value_at(self.model, given), self.provider, given)
        yield "model", _rules(self.enforcer.model(*model))
        yield "rates", self.rates.broken(given, tokens=True)


@dataclass(frozen=True, slots=True)
class ToolEvaluator:
    """The tool, what its call does, and the rate of requests."""

    enforcer: Enforcer
    form: VerdictForm
    rates: RateCheck
    tool: Path
    actions: Mapping[str, tuple[ActionTemplate, ...]]

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Return the verdict. Raises `EvaluationError`."""
        return self.form.output(broken_by(self._checks(policy_input.value)))

    def explain(self, policy_input: PolicyInput) -> dict[str, Json]:
        """Return what each check found."""
        return self.form.explanation(self._checks(policy_input.value))

    def _checks(self, given: Mapping[str, Json]) -> Iterator[Check]:
        tool = _present(self.tool, given)
        yield "tool", _rules(self.enforcer.tool(tool))
        if isinstance(tool, str) and tool:
            yield "actions", self._broken_actions(tool, given)
        yield "rates", self.rates.broken(given, tokens=False)

    def _broken_actions(self, tool: str, given: Mapping[str, Json]) -> Iterable[OagsRule]:
        templates = self.actions.get(tool)
        if templates is None:
            return (OagsRule.TOOL_UNMAPPED,)
        return broken_by_call(self.enforcer, templates, given)


@dataclass(frozen=True, slots=True)
class IdleEvaluator:
    """A point at which nothing is checked."""

    idle: ClassVar[bool] = True

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:  # noqa: ARG002  # the port's signature
        """Allow, and state that this says nothing."""
        return PolicyOutput({"decision": "allow", "reason": "not_applicable"})

    def explain(self, policy_input: PolicyInput) -> dict[str, Json]:  # noqa: ARG002  # the port's signature
        """Return that nothing is checked."""
        return {"kind": "oags", "checks": []}


def _rules(rule: OagsRule | None) -> tuple[OagsRule, ...]:
    return () if rule is None else (rule,)


def _model(name: Json | Absent, provider: Path, given: Mapping[str, Json]) -> tuple[Json, Json | Absent]:
    return (None if isinstance(name, Absent) else name), _value_at(provider, given)


def _present(path: Path, given: Mapping[str, Json]) -> Json:
    """Return the value at a path, and `None` where it has none."""
    value = _value_at(path, given)
    return None if isinstance(value, Absent) else value


def _value_at(path: Path, given: Mapping[str, Json]) -> Json | Absent:
    """Return the value at a path, `ABSENT` for a missing one, `None` where it goes through another type."""
    try:
        return path.resolve(given)
    except EvaluationError as error:
        return ABSENT if error.reason is Reason.PATH_MISSING else None
