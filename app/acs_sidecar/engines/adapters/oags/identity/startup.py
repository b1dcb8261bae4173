"""Whether the agent that starts is the one that is expected (section 9.5)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from acs_sidecar.engines.adapters.oags.document.reader import normal_id
from acs_sidecar.engines.adapters.oags.identity.ambiguity import loses_content
from acs_sidecar.engines.adapters.oags.identity.hashing import IdentityInputError, agent_identity
from acs_sidecar.engines.adapters.oags.identity.signing import verify
from acs_sidecar.engines.adapters.oags.rules import OagsRule
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["IdentityCheck", "KnownParts"]

_INPUTS = ("model", "system_prompt", "tools")
_PROTOCOL_NAME = "systemPrompt"
"""What the conformance protocol calls `system_prompt`."""


@dataclass(frozen=True, slots=True)
class KnownParts:
    """What the expected id is made of, as far as the document or its files say so."""

    model: str | None = None
    prompt_hash: str | None = None
    tools_hash: str | None = None

    def contradict(self, presented: JsonObject) -> bool:
        """True if a part that is presented is another one, or cannot be read with one meaning."""
        model, prompt, tools = (presented.get(name) for name in _INPUTS)
        try:
            if loses_content(tools):
                return True
            hashed = agent_identity("", prompt if isinstance(prompt, str) else "", tools)
        except IdentityInputError:
            return True
        return any(
            given is not None and known is not None and found != known
            for given, found, known in (
                (model, model, self.model),
                (prompt, hashed.prompt_hash, self.prompt_hash),
                (tools, hashed.tools_hash, self.tools_hash),
            )
        )


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """The id that is expected, `None` where nothing says which, and the keys by which it must be signed.

    Where not all parts are presented, those that are must be the `known` ones.
    """

    expected: str | None
    require_inputs: bool
    signers: tuple[str, ...]
    known: KnownParts = field(default_factory=KnownParts)

    def broken(self, presented: Json) -> Iterator[OagsRule]:
        """Yield the rules that a presented identity breaks."""
        if not isinstance(presented, dict) or self.expected is None:
            yield OagsRule.IDENTITY_MISSING
            return
        identity = _with_one_prompt(presented)
        computed, readable = _computed(identity)
        claimed = identity.get("sekuire_id")
        if computed is None and claimed is None and readable:
            yield OagsRule.IDENTITY_MISSING
            return
        if computed is None and self.require_inputs:
            yield OagsRule.IDENTITY_UNPROVEN
        claim = normal_id(claimed) if isinstance(claimed, str) else None
        matches = readable and computed in (None, self.expected)
        if computed is None and readable:
            matches = not self.known.contradict(identity)
        if not matches or (claimed is not None and claim != self.expected):
            yield OagsRule.IDENTITY_DRIFT
        if self.signers:
            yield from self._broken_signature(identity, computed or claim)

    def _broken_signature(self, presented: JsonObject, signed: str | None) -> Iterator[OagsRule]:
        signature = presented.get("signature")
        if signature is None:
            yield OagsRule.IDENTITY_SIGNATURE_MISSING
        elif signed is None or not (
            isinstance(signature, str) and any(verify(signed, signature, key) for key in self.signers)
        ):
            yield OagsRule.IDENTITY_SIGNATURE_INVALID


def _with_one_prompt(presented: JsonObject) -> JsonObject:
    """Return an identity whose prompt has one name; of two prompts that differ, one that is no text."""
    prompt, other = presented.get(_PROTOCOL_NAME), presented.get("system_prompt")
    if prompt is None:
        return presented
    return {**presented, "system_prompt": prompt if other in (None, prompt) else False}


def _computed(presented: JsonObject) -> tuple[str | None, bool]:
    """Return the id of what is presented, where all of it is, and whether it can be read with one meaning."""
    model, prompt, tools = (presented.get(name) for name in _INPUTS)
    texts = [value for value in (model, prompt) if value is not None]
    if not all(isinstance(value, str) for value in texts):
        return None, False
    if not (isinstance(model, str) and isinstance(prompt, str)) or tools is None:
        return None, True
    try:
        if loses_content(tools):
            return None, False
        return agent_identity(model, prompt, tools).id, True
    except IdentityInputError:
        return None, False
