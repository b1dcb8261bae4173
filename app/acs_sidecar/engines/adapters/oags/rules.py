"""What a check can find, and the verdict of all that was found (sections 9.3, 9.4)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from acs_sidecar.spec.dialects.adapter_output import same_output
from acs_sidecar.spec.ports import PolicyOutput
from acs_sidecar.spec.values import Json

__all__ = ["MESSAGES", "Check", "OagsRule", "VerdictForm", "broken_by"]


class OagsRule(StrEnum):
    """A rule that an action breaks; the verdict's reason."""

    NETWORK_MISSING = "network.missing"
    NETWORK_DISABLED = "network.disabled"
    NETWORK_TLS_REQUIRED = "network.tls_required"
    NETWORK_AMBIGUOUS = "network.ambiguous"
    NETWORK_BLOCKED = "network.blocked"
    NETWORK_NOT_ALLOWED = "network.not_allowed"
    FS_MISSING = "fs.missing"
    FS_DISABLED = "fs.disabled"
    FS_AMBIGUOUS = "fs.ambiguous"
    FS_UNRESOLVED = "fs.unresolved"
    FS_BLOCKED = "fs.blocked"
    FS_NOT_ALLOWED = "fs.not_allowed"
    FS_EXT = "fs.ext"
    TOOL_MISSING = "tool.missing"
    TOOL_AMBIGUOUS = "tool.ambiguous"
    TOOL_BLOCKED = "tool.blocked"
    TOOL_CONFIRMATION_REQUIRED = "tool.confirmation_required"
    TOOL_NOT_ALLOWED = "tool.not_allowed"
    TOOL_UNMAPPED = "tool.unmapped"
    MODEL_MISSING = "model.missing"
    MODEL_AMBIGUOUS = "model.ambiguous"
    MODEL_BLOCKED = "model.blocked"
    MODEL_PROVIDER_NOT_ALLOWED = "model.provider_not_allowed"
    MODEL_NOT_ALLOWED = "model.not_allowed"
    API_MISSING = "api.missing"
    API_AMBIGUOUS = "api.ambiguous"
    API_BLOCKED = "api.blocked"
    API_NOT_ALLOWED = "api.not_allowed"
    RATE_COUNTERS_MISSING = "rate_limit.counters_missing"
    RATE_REQUESTS_PER_MINUTE = "rate_limit.requests_per_minute"
    RATE_REQUESTS_PER_HOUR = "rate_limit.requests_per_hour"
    RATE_TOKENS_PER_MINUTE = "rate_limit.tokens_per_minute"
    RATE_TOKENS_PER_HOUR = "rate_limit.tokens_per_hour"
    IDENTITY_MISSING = "identity.missing"
    IDENTITY_UNPROVEN = "identity.unproven"
    IDENTITY_DRIFT = "identity.drift"
    IDENTITY_SIGNATURE_MISSING = "identity.signature_missing"
    IDENTITY_SIGNATURE_INVALID = "identity.signature_invalid"


MESSAGES = {
    OagsRule.NETWORK_MISSING: "The policy says nothing about the network.",
    OagsRule.NETWORK_DISABLED: "The network is disabled.",
    OagsRule.NETWORK_TLS_REQUIRED: "The connection must use TLS.",
    OagsRule.NETWORK_AMBIGUOUS: "The address cannot be read with one meaning.",
    OagsRule.NETWORK_BLOCKED: "The host is blocked.",
    OagsRule.NETWORK_NOT_ALLOWED: "The host is not allowed.",
    OagsRule.FS_MISSING: "The policy says nothing about files.",
    OagsRule.FS_DISABLED: "The file system is disabled.",
    OagsRule.FS_AMBIGUOUS: "The path cannot be read with one meaning.",
    OagsRule.FS_UNRESOLVED: "The resolved path is missing.",
    OagsRule.FS_BLOCKED: "The path is blocked.",
    OagsRule.FS_NOT_ALLOWED: "The path is not allowed.",
    OagsRule.FS_EXT: "The file's extension is not allowed.",
    OagsRule.TOOL_MISSING: "The policy says nothing about tools.",
    OagsRule.TOOL_AMBIGUOUS: "The tool's name cannot be read.",
    OagsRule.TOOL_BLOCKED: "The tool is blocked.",
    OagsRule.TOOL_CONFIRMATION_REQUIRED: "The tool needs a person's consent.",
    OagsRule.TOOL_NOT_ALLOWED: "The tool is not allowed.",
    OagsRule.TOOL_UNMAPPED: "The policy does not say what the tool does.",
    OagsRule.MODEL_MISSING: "The policy says nothing about models.",
    OagsRule.MODEL_AMBIGUOUS: "The model's name cannot be read.",
    OagsRule.MODEL_BLOCKED: "The model is blocked.",
    OagsRule.MODEL_PROVIDER_NOT_ALLOWED: "The model's provider is not allowed.",
    OagsRule.MODEL_NOT_ALLOWED: "The model is not allowed.",
    OagsRule.API_MISSING: "The policy says nothing about services.",
    OagsRule.API_AMBIGUOUS: "The service's name cannot be read.",
    OagsRule.API_BLOCKED: "The service is blocked.",
    OagsRule.API_NOT_ALLOWED: "The service is not allowed.",
    OagsRule.RATE_COUNTERS_MISSING: "The counters of a limit are missing.",
    OagsRule.RATE_REQUESTS_PER_MINUTE: "The limit of requests in a minute is reached.",
    OagsRule.RATE_REQUESTS_PER_HOUR: "The limit of requests in an hour is reached.",
    OagsRule.RATE_TOKENS_PER_MINUTE: "The limit of tokens in a minute is reached.",
    OagsRule.RATE_TOKENS_PER_HOUR: "The limit of tokens in an hour is reached.",
    OagsRule.IDENTITY_MISSING: "The agent's identity is missing.",
    OagsRule.IDENTITY_UNPROVEN: "The agent claims an identity without what it is made of.",
    OagsRule.IDENTITY_DRIFT: "The agent is not the one that is expected.",
    OagsRule.IDENTITY_SIGNATURE_MISSING: "The identity is not signed.",
    OagsRule.IDENTITY_SIGNATURE_INVALID: "The identity is not signed by a known signer.",
}
"""The verdict's message for each rule; none shows a value of the request."""

Check: TypeAlias = tuple[str, Iterable[OagsRule]]
"""A check by its name, and the rules that it finds broken."""

_STRICTNESS = ("warn", "escalate", "deny")


@dataclass(frozen=True, slots=True)
class VerdictForm:
    """How a policy answers: whether it only warns, what a drift is, and the artefact of its evidence.

    `adapter_output` is that of the dialect.
    """

    warns_only: bool
    on_drift: str
    artefact: str
    adapter_output: Callable[[dict[str, Json]], dict[str, Json]] = same_output

    def output(self, broken: Iterable[OagsRule]) -> PolicyOutput:
        """Return the verdict: of the strictest rules that are broken, the first gives the reason."""
        rules = list(dict.fromkeys(broken))
        listed: list[Json] = [rule.value for rule in rules]
        evidence: dict[str, Json] = {"artefact": self.artefact, "rules": listed}
        if not rules:
            return PolicyOutput(self.adapter_output({"decision": "allow", "evidence": evidence}))
        deciding = max(rules, key=lambda rule: _STRICTNESS.index(self._decision(rule)))
        return PolicyOutput(
            self.adapter_output(
                {
                    "decision": self._decision(deciding),
                    "reason": deciding.value,
                    "message": MESSAGES[deciding],
                    "evidence": evidence,
                }
            )
        )

    def explanation(self, checks: Iterable[Check]) -> dict[str, Json]:
        """Return each check in order, with the rules that it finds broken."""
        told: list[Json] = []
        for name, broken in checks:
            told.append({"check": name, "breaks": [rule.value for rule in dict.fromkeys(broken)]})
        return {"kind": "oags", "checks": told}

    def _decision(self, rule: OagsRule) -> str:
        if rule is OagsRule.IDENTITY_DRIFT:
            return self.on_drift
        if self.warns_only:
            return "warn"
        return "escalate" if rule is OagsRule.TOOL_CONFIRMATION_REQUIRED else "deny"


def broken_by(checks: Iterable[Check]) -> Iterator[OagsRule]:
    """Yield the rules that checks find broken, in order."""
    for _, broken in checks:
        yield from broken
