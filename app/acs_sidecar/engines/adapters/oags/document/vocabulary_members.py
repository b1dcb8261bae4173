"""The members of the three vocabularies, and where each goes in the normal form (section 9.2)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from acs_sidecar.engines.adapters.oags.document.model import COUNTED

__all__ = [
    "CLOSED_SECTIONS",
    "MEMBERS",
    "SECTIONS",
    "DocumentMember",
    "MemberKind",
    "MemberPath",
    "children",
]

MemberPath = tuple[str, ...]


class MemberKind(StrEnum):
    """What the value of a member is."""

    FLAG = "flag"
    LIMIT = "limit"
    HOSTS = "hosts"
    PATHS = "paths"
    NAMES = "names"
    EXTENSIONS = "extensions"
    TEXT = "text"
    DIGEST = "digest"
    ID = "id"


@dataclass(frozen=True, slots=True)
class DocumentMember:
    """One member of a document: its place in the normal form, what its value is, and a text for people."""

    place: str
    kind: MemberKind
    text: str


_FLAG, _HOSTS, _PATHS, _NAMES = MemberKind.FLAG, MemberKind.HOSTS, MemberKind.PATHS, MemberKind.NAMES

CLOSED_SECTIONS = ("permissions", "policy", "rate_limits")
"""Sections in which every member is known, so that a misspelt one cannot vanish."""

SECTIONS: Mapping[str, str] = {
    "network": "network",
    "filesystem": "filesystem",
    "tools": "tools",
    "models": "models",
    "apis": "apis",
}
"""The sections of `permissions` and `policy`, and those of the normal form that each stands for."""

_PERMISSIONS: Mapping[MemberPath, DocumentMember] = {
    ("network", "enabled"): DocumentMember("network.enabled", _FLAG, "`false` denies every host."),
    ("network", "require_tls"): DocumentMember("network.require_tls", _FLAG, "`true` denies what is not `https` or `wss`."),
    ("network", "allowed_hosts"): DocumentMember("network.allowed", _HOSTS, "Allowed hosts; `*.d` is `d` and what is below it."),
    ("network", "allowed_domains"): DocumentMember("network.allowed", _HOSTS, "As `allowed_hosts`."),
    ("network", "blocked_hosts"): DocumentMember("network.blocked", _HOSTS, "Blocked hosts, with what is below them."),
    ("network", "blocked_domains"): DocumentMember("network.blocked", _HOSTS, "As `blocked_hosts`."),
    ("filesystem", "enabled"): DocumentMember("filesystem.enabled", _FLAG, "`false` denies every path."),
    ("filesystem", "allowed_paths"): DocumentMember("filesystem.allowed", _PATHS, "Allowed paths; `p/*` is `p` and what is under it."),
    ("filesystem", "blocked_paths"): DocumentMember("filesystem.blocked", _PATHS, "Blocked paths, with what is under them."),
    ("filesystem", "allowed_extensions"): DocumentMember("filesystem.extensions", MemberKind.EXTENSIONS, "Allowed extensions; an empty text stands for none."),
    ("tools", "allowed_tools"): DocumentMember("tools.allowed", _NAMES, "Allowed tools; a `*` at the end is any text."),
    ("tools", "blocked_tools"): DocumentMember("tools.blocked", _NAMES, "Blocked tools."),
    ("models", "allowed_models"): DocumentMember("models.allowed", _NAMES, "Allowed models."),
    ("models", "blocked_models"): DocumentMember("models.blocked", _NAMES, "Blocked models."),
    ("models", "allowed_providers"): DocumentMember("models.providers", _NAMES, "Allowed providers; absent: any."),
    ("apis", "allowed_services"): DocumentMember("apis.allowed", _NAMES, "Allowed services."),
    ("apis", "blocked_services"): DocumentMember("apis.blocked", _NAMES, "Blocked services."),
}  # fmt: skip

_POLICY: Mapping[MemberPath, DocumentMember] = {
    ("network", "require_tls"): DocumentMember("network.require_tls", _FLAG, "`true` denies what is not `https` or `wss`."),
    ("network", "allowed_domains"): DocumentMember("network.allowed", _HOSTS, "Allowed hosts; `*.d` is `d` and what is below it."),
    ("network", "blocked_domains"): DocumentMember("network.blocked", _HOSTS, "Blocked hosts, with what is below them."),
    ("network", "deny_all_other"): DocumentMember("network.closed", _FLAG, "`false` allows every host that is not blocked."),
    ("filesystem", "allowed_paths"): DocumentMember("filesystem.allowed", _PATHS, "Allowed paths; `p/*` is `p` and what is under it."),
    ("filesystem", "blocked_paths"): DocumentMember("filesystem.blocked", _PATHS, "Blocked paths, with what is under them."),
    ("tools", "allowed"): DocumentMember("tools.allowed", _NAMES, "Allowed tools; a `*` at the end is any text."),
    ("tools", "blocked"): DocumentMember("tools.blocked", _NAMES, "Blocked tools."),
    ("tools", "require_confirmation"): DocumentMember("tools.confirm", _NAMES, "Tools that need a person's consent."),
    ("models", "allowed"): DocumentMember("models.allowed", _NAMES, "Allowed models."),
    ("models", "blocked"): DocumentMember("models.blocked", _NAMES, "Blocked models."),
    ("models", "allowed_providers"): DocumentMember("models.providers", _NAMES, "Allowed providers; absent: any."),
    ("apis", "allowed"): DocumentMember("apis.allowed", _NAMES, "Allowed services."),
    ("apis", "blocked"): DocumentMember("apis.blocked", _NAMES, "Blocked services."),
}  # fmt: skip

_IDENTITY: Mapping[MemberPath, DocumentMember] = {
    ("identity", "model"): DocumentMember("identity.model", MemberKind.TEXT, "The model that is hashed."),
    ("identity", "system_prompt_path"): DocumentMember("identity.system_prompt_path", MemberKind.TEXT, "The file of the prompt, relative to the document."),
    ("identity", "tools_path"): DocumentMember("identity.tools_path", MemberKind.TEXT, "The file of the tools, relative to the document."),
    ("identity", "system_prompt_hash"): DocumentMember("identity.system_prompt_hash", MemberKind.DIGEST, "BLAKE3 of the prompt, compared with the file."),
    ("identity", "tools_hash"): DocumentMember("identity.tools_hash", MemberKind.DIGEST, "BLAKE3 of the tools, compared with the file."),
    ("project", "sekuire_id"): DocumentMember("identity.sekuire_id", MemberKind.ID, "The agent's id."),
    ("agent", "model"): DocumentMember("identity.model", MemberKind.TEXT, "As `identity.model`."),
    ("agent", "llm", "provider"): DocumentMember("identity.provider", MemberKind.TEXT, "The provider of the model."),
    ("agent", "llm", "model"): DocumentMember("identity.llm_model", MemberKind.TEXT, "The model that is called."),
}  # fmt: skip


def _rates() -> Iterator[tuple[MemberPath, DocumentMember]]:
    for counted, window in COUNTED:
        text = f"The most {counted} in a {window}."
        member = DocumentMember(f"rate.{counted}.{window}", MemberKind.LIMIT, text)
        yield ("rate_limits", counted, f"max_per_{window}"), member
        yield ("rate_limits", f"max_{counted}_per_{window}"), member
        yield ("policy", "rate_limits", f"max_{counted}_per_{window}"), member


MEMBERS: Mapping[MemberPath, DocumentMember] = {
    **{("permissions", *path): member for path, member in _PERMISSIONS.items()},
    **{("policy", *path): member for path, member in _POLICY.items()},
    **dict(_rates()),
    **_IDENTITY,
}
"""Every member that is read, by its path in a document."""


def children(path: MemberPath) -> dict[str, bool]:
    """Return the names of the members below `path`, and whether each is an object of members itself."""
    depth = len(path)
    below = [each for each in MEMBERS if len(each) > depth and each[:depth] == path]
    return {each[depth]: len(each) > depth + 1 for each in below}
