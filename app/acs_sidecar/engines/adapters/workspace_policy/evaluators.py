"""What a policy checks at each point (section 10.6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from acs_sidecar.engines.adapters.workspace_policy.enforcement import ContentRules
from acs_sidecar.engines.adapters.workspace_policy.rules import WorkspaceRule, WorkspaceVerdicts
from acs_sidecar.spec.path import Path
from acs_sidecar.spec.ports import PolicyInput, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

__all__ = ["MAX_TOOLS", "DenyAll", "ModelPoint", "NothingChecked", "StartupPoint", "ToolPoint"]

MAX_TOOLS = 1_024


@dataclass(frozen=True, slots=True)
class StartupPoint:
    """The model where one is given, each registered tool, the frameworks and the region."""

    rules: ContentRules
    verdicts: WorkspaceVerdicts
    model: Path
    provider: Path
    tools_registered: Path
    frameworks: Path
    region: Path

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Return the verdict. Raises `EvaluationError`."""
        return self.verdicts.output(self._broken(policy_input.value))

    def _broken(self, given: Mapping[str, Json]) -> WorkspaceRule | None:
        """Return the first rule that is broken, after every value was found to be of its type."""
        model, provider = _text_at(self.model, given), _text_at(self.provider, given)
        tools = _texts_at(self.tools_registered, given)
        if tools is None:
            raise _failed(self.tools_registered, "is missing")
        if len(tools) > MAX_TOOLS:
            raise _failed(self.tools_registered, f"has more than {MAX_TOOLS} tools")
        frameworks = _texts_at(self.frameworks, given) or []
        region = _text_at(self.region, given)
        if model is not None:
            broken = self.rules.broken_by_model(model, provider)
        else:
            broken = None if provider is None else self.rules.broken_by_provider(provider)
        if broken:
            return broken
        for tool in tools:
            if broken := self.rules.broken_by_tool(tool):
                return broken
        return self.rules.broken_by_frameworks(frameworks) or self.rules.broken_by_region(region)


@dataclass(frozen=True, slots=True)
class ModelPoint:
    """The model and its provider."""

    rules: ContentRules
    verdicts: WorkspaceVerdicts
    model: Path
    provider: Path

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Return the verdict. Raises `EvaluationError`."""
        given = policy_input.value
        model, provider = _text_at(self.model, given), _text_at(self.provider, given)
        return self.verdicts.output(self.rules.broken_by_model(model or "", provider))


@dataclass(frozen=True, slots=True)
class ToolPoint:
    """The tool that is called."""

    rules: ContentRules
    verdicts: WorkspaceVerdicts
    tool: Path

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Return the verdict. Raises `EvaluationError`."""
        tool = _text_at(self.tool, policy_input.value)
        if tool is None or not tool.strip():
            raise _failed(self.tool, "is missing or blank")
        return self.verdicts.output(self.rules.broken_by_call(tool))


@dataclass(frozen=True, slots=True)
class DenyAll:
    """Any point of a policy that was withdrawn."""

    verdicts: WorkspaceVerdicts
    rule: WorkspaceRule

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:  # noqa: ARG002  # the port's signature
        """Deny."""
        return self.verdicts.output(self.rule)


@dataclass(frozen=True, slots=True)
class NothingChecked:
    """A point at which nothing is checked."""

    idle: ClassVar[bool] = True

    verdicts: WorkspaceVerdicts

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:  # noqa: ARG002  # the port's signature
        """Allow, and state that this says nothing."""
        return self.verdicts.not_applicable()


def _text_at(path: Path, given: Mapping[str, Json]) -> str | None:
    """Return the text at a path, `None` where there is nothing. Raises `EvaluationError`."""
    found, value = _at(path, given)
    if found and not isinstance(value, str):
        raise _failed(path, "is not a text")
    return str(value) if found else None


def _texts_at(path: Path, given: Mapping[str, Json]) -> list[str] | None:
    """Return the texts at a path, `None` where there is nothing. Raises `EvaluationError`."""
    found, value = _at(path, given)
    if not found:
        return None
    if not isinstance(value, list):
        raise _failed(path, "is not a list of texts")
    texts = [each for each in value if isinstance(each, str)]
    if len(texts) != len(value):
        raise _failed(path, "is not a list of texts")
    return texts


def _at(path: Path, given: Mapping[str, Json]) -> tuple[bool, Json]:
    """Return whether there is something at a path, and what."""
    try:
        return True, path.resolve(given)
    except EvaluationError as error:
        if error.reason is Reason.PATH_MISSING:
            return False, None
        raise _failed(path, "leads through another type") from None


def _failed(path: Path, why: str) -> EvaluationError:
    return EvaluationError(Reason.POLICY_INVOCATION_FAILED, f"`{path.text}` {why}")
