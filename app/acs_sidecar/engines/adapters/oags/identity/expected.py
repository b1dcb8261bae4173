"""The identity that a document declares, and what its files give (section 9.5)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from acs_sidecar.engines.adapters.oags.document.model import (
    DeclaredIdentity,
    ModelSection,
    NormalPolicy,
    ToolSection,
)
from acs_sidecar.engines.adapters.oags.identity.ambiguity import prompt_doubts, tools_doubts
from acs_sidecar.engines.adapters.oags.identity.hashing import (
    AgentIdentity,
    IdentityInputError,
    agent_identity,
)
from acs_sidecar.engines.adapters.oags.identity.tools_file import listed_tools
from acs_sidecar.engines.document_findings import DocumentFindings
from acs_sidecar.spec.ports import SourceError

__all__ = ["IdentityFiles", "read_identity_files", "with_stand_ins"]

_MAX_BYTES = 1024 * 1024
_PROMPT, _TOOLS = "system_prompt_path", "tools_path"


@dataclass(frozen=True, slots=True)
class IdentityFiles:
    """What the files of a document hold: the identity, where all of it is there, and the tools by name."""

    identity: AgentIdentity | None = None
    tools: Mapping[str, bool] = field(default_factory=dict)


def read_identity_files(
    declared: DeclaredIdentity,
    read: Callable[[str], bytes],
    findings: DocumentFindings,
    *,
    compare: bool = True,
) -> IdentityFiles:
    """Read the files that a document names; one that is stale or cannot be read is an error in `findings`.

    `read` raises `SourceError`. Without `compare` what the document declares is not held against the files.
    """
    prompt = _text(declared.system_prompt_path, _PROMPT, read, findings)
    tools = _text(declared.tools_path, _TOOLS, read, findings)
    listed: Mapping[str, bool] = {}
    try:
        if tools is not None:
            listed = listed_tools(tools)
            for doubt in tools_doubts(tools):
                findings.warn("identity-ambiguous", f"the file {doubt}", ("identity", _TOOLS))
        if prompt is not None:
            for doubt in prompt_doubts(prompt):
                findings.warn("identity-ambiguous", f"the file {doubt}", ("identity", _PROMPT))
        hashed = agent_identity(declared.model or "", prompt or "", tools or "")
    except IdentityInputError as error:
        findings.error("value-not-allowed", str(error), ("identity", _TOOLS))
        return IdentityFiles()
    if compare:
        _compare_hash(declared.system_prompt_hash, prompt, hashed.prompt_hash, "system_prompt_hash", findings)
        _compare_hash(declared.tools_hash, tools, hashed.tools_hash, "tools_hash", findings)
    if declared.model is None or prompt is None or tools is None:
        return IdentityFiles(None, listed)
    if compare and declared.sekuire_id not in (None, hashed.id):
        message = (
            f"declares `{declared.sekuire_id}`, and model, prompt and tools give `{hashed.id}`: "
            "declare that one, or put back what changed"
        )
        findings.error("identity-stale", message, ("project", "sekuire_id"))
    return IdentityFiles(hashed, listed)


def with_stand_ins(policy: NormalPolicy, files: IdentityFiles) -> NormalPolicy:
    """Return a policy in which an absent section of tools or models is what its identity says."""
    if policy.tools is None and files.tools:
        policy = replace(policy, tools=ToolSection(tuple(files.tools)))
    declared = policy.identity
    models = dict.fromkeys(name for name in (declared.model, declared.llm_model) if name and "*" not in name)
    if policy.models is None and models:
        policy = replace(policy, models=ModelSection(tuple(models)))
    return policy


def _text(
    path: str | None, member: str, read: Callable[[str], bytes], findings: DocumentFindings
) -> str | None:
    if path is None:
        return None
    try:
        content = read(path)
        if len(content) > _MAX_BYTES:
            raise SourceError(f"`{path}` has more than {_MAX_BYTES} bytes")
        return content.decode()
    except SourceError as error:
        findings.error("source-unreadable", str(error), ("identity", member))
    except UnicodeDecodeError:
        findings.error("source-unreadable", f"`{path}` is not UTF-8", ("identity", member))
    return None


def _compare_hash(
    declared: str | None, text: str | None, computed: str, member: str, findings: DocumentFindings
) -> None:
    if text is not None and declared not in (None, computed):
        message = f"declares `{declared}`, and the file gives `{computed}`: declare that one, or put it back"
        findings.error("identity-stale", message, ("identity", member))
