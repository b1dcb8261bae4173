"""The members of an `oags` policy (section 9.4)."""

from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.path import ALL_ROOTS, path_pattern
from acs_sidecar.spec.values import JsonObject

__all__ = ["MEMBERS", "PATH_DEFAULTS"]

_TEXT: JsonObject = {"type": "string"}
_ID: JsonObject = {"type": "string", "pattern": "^(?:sekuire://blake3:)?[0-9a-f]{64}$"}
_PATH: JsonObject = {"type": "string", "pattern": path_pattern(ALL_ROOTS)}

PATH_DEFAULTS = {
    "identity": "$snap.agent_init.identity",
    "tools_registered": "$snap.agent_init.tools_registered",
    "counters": "$snap.envelope.counters",
    "tool": "$snap.tool_call.name",
}
"""Where each value is read, unless a member of the name says otherwise; `model` and `provider` differ by point."""

_IDENTITY_MEMBERS: MemberTable = {
    "system_prompt_path": Member("The file of the prompt.", _TEXT, file=True),
    "tools_path": Member("The file of the tools.", _TEXT, file=True),
}

MEMBERS: MemberTable = {
    "file": Member("The document, `sekuire.yml`. One of `file` and `document` is required.", _TEXT, file=True),
    "document": Member(
        "The document itself.",
        {"type": "object"},
        members={"identity": Member("What the agent's id is made of.", {"type": "object"}, members=_IDENTITY_MEMBERS)},
    ),
    "root": Member("The directory of relative paths; without it they are ambiguous.", _TEXT),
    "mode": Member("`warn` makes every violation a warning; `enforce` by default.", {"enum": ["enforce", "warn"]}),
    "actions": Member("Tool → list of what a call of it does; `[]` for nothing that is governed.", {"type": "object"}, paths=("*.*.*",)),
    "directories": Member("`below`: an allowed path stands for what is under it; `exact` by default.", {"enum": ["exact", "below"]}),
    "symlinks": Member("`require_resolved`: an action on a file must say where its path leads; `lexical` by default.", {"enum": ["lexical", "require_resolved"]}),
    "on_drift": Member("The verdict where another agent starts; `deny` by default.", {"enum": ["deny", "escalate", "warn"]}),
    "expected_id": Member("The id of the agent; by default the one of the document.", _ID),
    "declared_id": Member("`ignore`: what the document declares is not compared with its files; `compare` by default.", {"enum": ["compare", "ignore"]}),
    "require_inputs": Member("`true` denies an agent that claims an id without model, prompt and tools.", {"type": "boolean"}),
    "signers": Member("Name → Ed25519 public key in hex; the identity must be signed by one of them.", {"type": "object"}),
    "identity": Member(f"The path of the agent's identity; `{PATH_DEFAULTS['identity']}` by default.", _PATH, paths=(".",)),
    "tools_registered": Member(f"The path of the registered tools; `{PATH_DEFAULTS['tools_registered']}` by default.", _PATH, paths=(".",)),
    "model": Member("The path of the model's name; `$snap.agent_init.model.name` or `$snap.model.name` by default.", _PATH, paths=(".",)),
    "provider": Member("The path of the model's provider; `$snap.agent_init.model.vendor` or `$snap.model.vendor` by default.", _PATH, paths=(".",)),
    "counters": Member(f"The path of what the host counted; `{PATH_DEFAULTS['counters']}` by default.", _PATH, paths=(".",)),
    "tool": Member(f"The path of the tool's name; `{PATH_DEFAULTS['tool']}` by default.", _PATH, paths=(".",)),
}  # fmt: skip
