"""The members of a `workspace_policy` policy (section 10.6)."""

from acs_sidecar.engines.adapters.workspace_policy.document.members import HEX_64, IDENTIFIER
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.path import ALL_ROOTS, path_pattern
from acs_sidecar.spec.values import JsonObject

__all__ = ["MEMBERS", "PATHS", "REQUIRED"]

_TEXT: JsonObject = {"type": "string"}
_PATH: JsonObject = {"type": "string", "pattern": path_pattern(ALL_ROOTS)}

REQUIRED = ("file", "trust_file", "workspace")

PATHS = ("model", "provider", "tools_registered", "frameworks", "region", "tool")
"""Members that say where a value is read."""

MEMBERS: MemberTable = {
    "file": Member("The signed document. Required.", _TEXT, file=True, fixed=True),
    "trust_file": Member("The keys that may sign it. Required.", _TEXT, file=True, fixed=True),
    "workspace": Member("The workspace that the document must be for. Required.", {"type": "string", "pattern": IDENTIFIER.pattern}, fixed=True),
    "min_version": Member("The lowest version that is accepted.", {"type": "integer", "minimum": 1}, fixed=True),
    "content_hash": Member("The hash that the document must have: required for one without `signature_scheme`.", {"type": "string", "pattern": HEX_64.pattern}, fixed=True),
    "compliance": Member("The verdict of an unmet framework or region; `warn` by default.", {"enum": ["warn", "deny"]}),
    "model": Member("The path of the model's name; `$snap.agent_init.model.name` or `$snap.model.name` by default.", _PATH, paths=(".",)),
    "provider": Member("The path of the model's provider; `$snap.agent_init.model.vendor` or `$snap.model.vendor` by default.", _PATH, paths=(".",)),
    "tools_registered": Member("The path of the registered tools; `$snap.agent_init.tools_registered` by default.", _PATH, paths=(".",)),
    "frameworks": Member("The path of the frameworks that the agent declares; `$snap.agent_init.compliance.frameworks` by default.", _PATH, paths=(".",)),
    "region": Member("The path of the agent's region; `$snap.agent_init.region` by default.", _PATH, paths=(".",)),
    "tool": Member("The path of the tool's name; `$snap.tool_call.name` by default.", _PATH, paths=(".",)),
}  # fmt: skip
