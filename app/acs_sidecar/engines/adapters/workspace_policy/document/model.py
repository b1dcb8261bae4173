"""A document as a value (sections 10.1, 10.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from acs_sidecar.engines.adapters.workspace_policy.document.members import PolicyStatus
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["ComplianceRules", "ModelRules", "PolicyContent", "ToolRules", "WorkspacePolicy"]


@dataclass(frozen=True, slots=True)
class ModelRules:
    """Which models an agent may call; an empty list of what is allowed allows all."""

    allowed_providers: tuple[str, ...] = ()
    allowed_models: tuple[str, ...] = ()
    denied_models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolRules:
    """Which tools an agent may call; `approval` names those that need it, or is `True` for all."""

    allowed_tools: tuple[str, ...] = ()
    denied_tools: tuple[str, ...] = ()
    approval: Literal[True] | tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ComplianceRules:
    """What an agent must declare, and where it must run."""

    frameworks: tuple[str, ...] = ()
    require_audit_logging: bool = False
    data_residency: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyContent:
    """The rules of a policy."""

    models: ModelRules = field(default_factory=ModelRules)
    tools: ToolRules = field(default_factory=ToolRules)
    compliance: ComplianceRules = field(default_factory=ComplianceRules)


@dataclass(frozen=True, slots=True)
class WorkspacePolicy:
    """A document whose form is right; nothing of it is verified. `value` is the whole of it, as JSON."""

    value: Mapping[str, Json]
    policy_id: str
    workspace_id: str
    version: int
    status: PolicyStatus
    content: PolicyContent
    hash: str

    @property
    def signature(self) -> str | None:
        """The signature, in hex."""
        return self._text("signature")

    @property
    def key_id(self) -> str | None:
        """Which key signed, as the document says."""
        return self._text("signing_key_id")

    @property
    def public_key(self) -> str | None:
        """The public key that travels with the document, which nothing trusts."""
        return self._text("signing_public_key")

    @property
    def is_legacy(self) -> bool:
        """True if it names no scheme: then a signature binds the content alone (section 10.4)."""
        return "signature_scheme" not in self.value

    @property
    def is_withdrawn(self) -> bool:
        """True if the document says of itself that it must no longer be enforced."""
        return self.status in (PolicyStatus.REVOKED, PolicyStatus.SUPERSEDED)

    @property
    def artefact(self) -> str:
        """How evidence names it (section 10.5)."""
        return f"workspace-policy:{self.policy_id}:{self.version}:{self.hash[:16]}"

    @property
    def content_value(self) -> JsonObject:
        """The content, as JSON."""
        content = self.value["content"]
        return content if isinstance(content, dict) else {}

    def _text(self, name: str) -> str | None:
        value = self.value.get(name)
        return value if isinstance(value, str) else None
