"""The rules of a content, prepared for decisions (sections 10.2, 10.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from acs_sidecar.engines.adapters.workspace_policy.document.model import PolicyContent
from acs_sidecar.engines.adapters.workspace_policy.rules import WorkspaceRule
from acs_sidecar.engines.name_folding import folded
from acs_sidecar.engines.name_lists import NameList

__all__ = ["ContentRules", "rules_of"]


@dataclass(frozen=True, slots=True)
class ContentRules:
    """What a content allows and denies; a list of what is allowed is `None` where everything is.

    `approval` is true where every tool needs it.
    """

    providers: NameList | None
    models: NameList | None
    denied_models: NameList
    tools: NameList | None
    denied_tools: NameList
    approval: NameList | Literal[True]
    frameworks: tuple[NameList, ...]
    residency: str | None

    def broken_by_model(self, name: str, provider: str | None) -> WorkspaceRule | None:
        """Return the first rule that a model breaks."""
        if not name.strip():
            return WorkspaceRule.MODEL_MISSING
        if self.denied_models.blocks(name) or self.denied_models.blocks(_last_part(name)):
            return WorkspaceRule.MODEL_DENIED
        if broken := self.broken_by_provider(provider):
            return broken
        if self.models is not None and not self.models.allows(name):
            return WorkspaceRule.MODEL_NOT_ALLOWED
        return None

    def broken_by_provider(self, provider: str | None) -> WorkspaceRule | None:
        """Return the rule that a model's provider breaks, `None` being a provider that is not given."""
        if self.providers is None:
            return None
        if provider is None or not provider.strip():
            return WorkspaceRule.PROVIDER_MISSING
        return None if self.providers.allows(provider) else WorkspaceRule.PROVIDER_NOT_ALLOWED

    def broken_by_tool(self, name: str) -> WorkspaceRule | None:
        """Return the first rule that having a tool breaks."""
        if self.denied_tools.blocks(name):
            return WorkspaceRule.TOOL_DENIED
        if self.tools is not None and not self.tools.allows(name):
            return WorkspaceRule.TOOL_NOT_ALLOWED
        return None

    def broken_by_call(self, name: str) -> WorkspaceRule | None:
        """Return the first rule that a call of a tool breaks."""
        if broken := self.broken_by_tool(name):
            return broken
        if self.approval is True or self.approval.blocks(name):
            return WorkspaceRule.TOOL_APPROVAL_REQUIRED
        return None

    def broken_by_frameworks(self, declared: Sequence[str]) -> WorkspaceRule | None:
        """Return the rule that is broken where a framework is not among those that are declared."""
        if all(any(needed.allows(each) for each in declared) for needed in self.frameworks):
            return None
        return WorkspaceRule.FRAMEWORK_MISSING

    def broken_by_region(self, region: str | None) -> WorkspaceRule | None:
        """Return the rule that a region breaks, `None` being one that is not given."""
        if self.residency is None:
            return None
        if region is None or not region.strip():
            return WorkspaceRule.RESIDENCY_UNKNOWN
        if region == self.residency or region.startswith(f"{self.residency}-"):
            return None
        return WorkspaceRule.RESIDENCY_MISMATCH


def rules_of(content: PolicyContent) -> ContentRules:
    """Prepare a content."""
    models, tools = content.models, content.tools
    return ContentRules(
        _allowed(models.allowed_providers),
        _allowed(models.allowed_models),
        NameList.of(models.denied_models),
        _allowed(tools.allowed_tools),
        NameList.of(tools.denied_tools),
        True if tools.approval is True else NameList.of(tools.approval),
        tuple(NameList.of([framework]) for framework in content.compliance.frameworks),
        content.compliance.data_residency,
    )


def _allowed(names: tuple[str, ...]) -> NameList | None:
    return NameList.of(names) if names else None


def _last_part(model: str) -> str:
    """Return what follows the last `/` in a model's name, in whatever width that is written."""
    return folded(model).strip(" /").rpartition("/")[2]
