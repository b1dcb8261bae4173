"""The members of each local detector: its options in a `classifier` annotator (section 1.6)."""

from collections.abc import Mapping

from acs_sidecar.detectors import egress, pii, secret_keys, shell
from acs_sidecar.detectors.injection import detector as injection
from acs_sidecar.detectors.mcp_tool import detector as mcp_tool
from acs_sidecar.detectors.own_patterns import detector as patterns
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.values import JsonObject

__all__ = ["DETECTOR_MEMBERS"]

_TEXT: JsonObject = {"type": "string", "pattern": r"\S"}
_TEXTS: JsonObject = {"type": "array", "items": dict(_TEXT)}


def _common(categories: tuple[str, ...]) -> dict[str, Member]:
    chosen: JsonObject = {"type": "array", "minItems": 1, "items": {"enum": [*categories]}}
    return {
        "threshold": Member(
            "The score from which on a value is flagged; 0.5 by default.",
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        ),
        "categories": Member("What is looked for; everything by default.", chosen),
    }


_REDACT: MemberTable = {
    "redact": Member(
        "Whether `redacted` is there when something was found; true by default.", {"type": "boolean"}
    )
}

DETECTOR_MEMBERS: Mapping[str, MemberTable] = {
    "egress": {
        **_common(egress.CATEGORIES),
        "allow": Member("Hosts that are not flagged; `*.corp.example` is those below that one.", _TEXTS),
    },
    "mcp_tool": {
        **_common(mcp_tool.CATEGORIES),
        "known_tools": Member("Names of tools that no other tool may resemble.", _TEXTS),
        "pins": Member(
            "Name of a tool → digest of its definition.",
            {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
        ),
        "pins_file": Member(
            "The file that `mcp pin` writes, instead of `pins`. Relative to the manifest.", _TEXT, file=True
        ),
        "server": Member("Whose pins of `pins_file`; without it the file has one server.", _TEXT),
    },
    "patterns": {
        "patterns": Member(
            "Expressions of RE2: a list, or name → expression; at most 256.",
            {
                "type": ["array", "object"],
                "maxItems": patterns.MAX_PATTERNS,
                "maxProperties": patterns.MAX_PATTERNS,
                "items": {"type": "string", "minLength": 1},
                "additionalProperties": {"type": "string", "minLength": 1},
            },
        ),
        "presets": Member(
            "What the rules of `pii` and `secrets` find, by name.",
            {"type": "array", "minItems": 1, "items": {"enum": [*patterns.PRESETS]}},
        ),
        "replacement": Member(
            "What stands for each finding in `redacted`, as it is; its category in brackets by default.",
            {"type": "string"},
        ),
        **_REDACT,
    },
    "pii": {**_common(pii.CATEGORIES), **_REDACT},
    "prompt_injection": {
        **_common(injection.CATEGORIES),
        "redact": Member(
            "Whether `redacted` is there when something was found; false by default.", {"type": "boolean"}
        ),
    },
    "secrets": {**_common(secret_keys.CATEGORIES), **_REDACT},
    "shell_risk": _common(shell.CATEGORIES),
}
