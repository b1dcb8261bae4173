"""The members of a `soul` policy (section 11.7)."""

from acs_sidecar.engines.adapters.soul.controls import Tier
from acs_sidecar.engines.adapters.soul.score import GovernanceLevel
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.path import ALL_ROOTS, path_pattern
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["CONTENT_MEMBERS", "MEMBERS", "PATH_DEFAULTS"]

_TEXT: JsonObject = {"type": "string"}
_TEXTS: JsonObject = {"type": "array", "items": {"type": "string"}}
_PATH: JsonObject = {"type": "string", "pattern": path_pattern(ALL_ROOTS)}
_TIERS: list[Json] = [tier.value for tier in Tier]
_LEVELS: list[Json] = [level.value for level in GovernanceLevel]

PATH_DEFAULTS = {
    "hash": "$snap.agent_init.governance.sha256",
    "content": "$snap.agent_init.governance.content",
    "tool": "$snap.tool_call.name",
    "args": "$snap.tool_call.args",
    "resolved_paths": "$snap.tool_call.resolved_paths",
}
"""Where each value is read, unless a member of the name says otherwise."""

CONTENT_MEMBERS = (
    "content", "contents", "text", "body", "message", "old", "new", "old_string", "new_string", "prompt", "query",
)  # fmt: skip
"""Members of a call whose text is prose and no name, by default."""

MEMBERS: MemberTable = {
    "file": Member("The governance file, `SOUL.md`. One of `file` and `document` is required.", _TEXT, file=True),
    "document": Member("The text of the governance file.", _TEXT),
    "tier": Member("What the agent can do; required. It decides which controls apply.", {"enum": _TIERS}),
    "minimum_level": Member("An agent whose file is below does not start; `essential` by default.", {"enum": _LEVELS}),
    "recommended_level": Member("A start below is a warning; `standard` by default, `none` for no warning.", {"enum": _LEVELS}),
    "sha256": Member("The digest that the file must have: 64 hex digits, with or without `sha256:`.", {"type": "string", "pattern": "^(?:sha256:)?[0-9a-fA-F]{64}$"}),
    "on_drift": Member("The verdict where the agent was given another text; `deny` by default.", {"enum": ["deny", "escalate"]}),
    "read_tools": Member("Tools that only read, and may name governance files; a final `*` for every name that begins so.", _TEXTS),
    "guard": Member("More files that no tool may write, besides governance files: the path of one each, without `*`, `?` and `[`.", _TEXTS),
    "content_members": Member(f"Members of a call whose text is prose and no name; by default {', '.join(f'`{name}`' for name in CONTENT_MEMBERS)}.", _TEXTS),
    "hash": Member(f"The path of the digest of what the agent was given; `{PATH_DEFAULTS['hash']}` by default.", _PATH, paths=(".",)),
    "content": Member(f"The path of the text that the agent was given; `{PATH_DEFAULTS['content']}` by default.", _PATH, paths=(".",)),
    "tool": Member(f"The path of the tool's name; `{PATH_DEFAULTS['tool']}` by default.", _PATH, paths=(".",)),
    "args": Member(f"The path of the call's arguments; `{PATH_DEFAULTS['args']}` by default.", _PATH, paths=(".",)),
    "resolved_paths": Member(f"The path of the files that the call leads to, where the host resolves them; `{PATH_DEFAULTS['resolved_paths']}` by default.", _PATH, paths=(".",)),
}  # fmt: skip
