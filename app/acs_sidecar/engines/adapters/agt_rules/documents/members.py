"""The members of rule documents and of their rules: text and shape (section 7.2)."""

from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import JsonObject

__all__ = [
    "ACTIONS",
    "ALIASES",
    "DEFAULTS",
    "DOCUMENT_A",
    "DOCUMENT_B",
    "DYNAMIC",
    "HOST_MEMBERS",
    "RULE_A",
    "RULE_B",
    "SCOPES",
    "STAGES",
    "VERSION",
]

VERSION = "governance.toolkit/v1"
ACTIONS = ("allow", "deny", "warn", "log", "require_approval")
ALIASES = {"audit": "allow", "block": "deny", "escalate": "require_approval", "rate_limit": "allow"}
SCOPES = ("agent", "organization", "tenant", "global")
STAGES = {
    "pre_input": InterventionPoint.INPUT,
    "pre_tool": InterventionPoint.PRE_TOOL_CALL,
    "post_tool": InterventionPoint.POST_TOOL_CALL,
    "pre_output": InterventionPoint.OUTPUT,
    **{point.value: point for point in InterventionPoint},
}
HOST_MEMBERS = frozenset({"network_allowlist", "tool_allowlist", "sandbox_mounts", "session_attributes"})

_NAME: JsonObject = {"type": "string", "minLength": 1, "maxLength": 128}
_TEXT: JsonObject = {"type": "string"}
_TEXT_OR_NULL: JsonObject = {"type": ["string", "null"]}
_TEXTS: JsonObject = {
    "type": ["string", "array"],
    "minLength": 1,
    "items": {"type": "string", "minLength": 1},
}
_TIME: JsonObject = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
_SHARED: MemberTable = {
    "name": Member("The document's name, unique among those of a policy.", _NAME),
    "version": Member(
        "The document's version; it stands in the evidence.", {"type": ["string", "number", "null"]}
    ),
    "description": Member("For people to read."),
    "metadata": Member("For people and tools to read."),
    "disclaimer": Member("For people to read."),
    "created_at": Member("For people to read."),
    "updated_at": Member("For people to read."),
    "agent": Member("The agent that the document is for; `*` is any text.", _TEXTS),
    "agents": Member("The agents that the document is for; every agent where it is absent or empty.", _TEXTS),
    "rules": Member("The rules.", {"type": "array"}),
    **{name: Member("The host's to keep; not evaluated.") for name in sorted(HOST_MEMBERS)},
}
DOCUMENT_A: MemberTable = {
    "apiVersion": Member("The form of the document.", {"enum": [VERSION, "1.0"]}),
    **_SHARED,
    "extends": Member("Parents: names of other documents of the policy, or paths.", _TEXTS),
    "scope": Member("How specific the document is, for `most_specific_wins`.", {"enum": list(SCOPES)}),
    "default_action": Member("What holds where no rule matches.", {"enum": ["allow", "deny"]}),
}
DEFAULTS: MemberTable = {
    "action": Member("What holds where no rule matches.", {"enum": ["allow", "deny", "audit", "block"]})
}
DOCUMENT_B: MemberTable = {
    **_SHARED,
    "defaults": Member("The default action; other members are the host's.", {"type": "object"}),
}
DYNAMIC: MemberTable = {
    "type": Member("What is compared with `envelope.timestamp`.", {"enum": ["time_window", "day_of_week"]}),
    "start_time": Member("`HH:MM`, from when on the rule holds.", _TIME),
    "end_time": Member("`HH:MM`, until when the rule holds.", _TIME),
    "days_of_week": Member(
        "Days, 1 (Monday) to 7.",
        {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1, "maximum": 7}},
    ),
    "timezone": Member("`UTC` or an offset `±HH:MM`.", _TEXT),
}
RULE_A: MemberTable = {
    "name": Member("The rule's name; the reason of its verdict.", _NAME),
    "condition": Member(
        "When the rule matches: a condition's text, `{field, operator, value}`, or a list of which all hold.",
        {"type": ["string", "object", "array"]},
    ),
    "action": Member("What it decides; `deny` by default.", {"enum": list(ACTIONS)}),
    "stage": Member("The point it holds at; `pre_tool` by default.", {"enum": list(STAGES)}),
    "priority": Member("Higher is first.", {"type": "integer", "minimum": -1_000_000, "maximum": 1_000_000}),
    "limit": Member(
        "How often it may decide: `100/minute`.",
        {"type": ["string", "null"], "pattern": "^(0|[1-9][0-9]{0,8})/(second|minute|hour|day)$"},
    ),
    "approvers": Member(
        "Who may approve: names or groups.",
        {
            "type": ["string", "array"],
            "minLength": 1,
            "minItems": 1,
            "maxItems": 16,
            "items": {"type": "string", "minLength": 1, "maxLength": 64},
        },
    ),
    "description": Member("The verdict's message where there is no `message`.", _TEXT_OR_NULL),
    "message": Member("The verdict's message.", _TEXT_OR_NULL),
    "enabled": Member("`false` leaves the rule out.", {"type": "boolean"}),
    "dynamic_condition": Member("A time at which the rule holds.", {"type": ["object", "null"]}),
}
RULE_B: MemberTable = {
    **{name: member for name, member in RULE_A.items() if name != "stage"},
    "action": Member("What it decides; `deny` by default.", {"enum": [*ACTIONS, *ALIASES]}),
    "override": Member("Replaces a parent's rule of the same name.", {"type": "boolean"}),
}
