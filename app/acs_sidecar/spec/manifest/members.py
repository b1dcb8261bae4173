"""Every member of a manifest that the core knows, whatever the type of a policy or annotator (section 1.3)."""

from collections.abc import Mapping
from enum import StrEnum

from acs_sidecar.spec.dialects.versions import DIALECTS, SUPPORTED_VERSIONS, version_pattern
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.path import ALL_ROOTS, SNAPSHOT_ONLY, path_pattern
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import JsonObject

__all__ = [
    "ANNOTATION_MEMBERS",
    "ANNOTATOR_MEMBERS",
    "APPROVAL_MEMBERS",
    "APPROVAL_NUMBERS",
    "BINDING_MEMBERS",
    "CUSTOM_MEMBERS",
    "LIMIT_MEMBERS",
    "MANIFEST_MEMBERS",
    "ON_TIMEOUT",
    "POINT_MEMBERS",
    "POINT_TEXTS",
    "RESOLVER_MEMBERS",
    "TOOL_MEMBERS",
    "AnnotatorKind",
    "PolicyKind",
]

ON_TIMEOUT = ("deny", "allow", "suspend")


class PolicyKind(StrEnum):
    """The closed set of policy types: `type` in a policy definition (section 1.7)."""

    REGO = "rego"
    CEDAR = "cedar"
    TEST = "test"
    CUSTOM = "custom"


class AnnotatorKind(StrEnum):
    """The closed set of annotator types: `type` in an annotator's declaration (section 1.6)."""

    CLASSIFIER = "classifier"
    LLM = "llm"
    ENDPOINT = "endpoint"


NOT_BLANK = r"\S"
_NAME: JsonObject = {"type": "string", "pattern": NOT_BLANK}

MANIFEST_MEMBERS: MemberTable = {
    "agent_control_specification_version": Member(
        "The version of the specification that the manifest is written for. After one of 0.3, `-agt` and a "
        "revision `-agt+<rev>` may follow.",
        {
            "anyOf": [
                {"enum": list(SUPPORTED_VERSIONS)},
                {"type": "string", "pattern": version_pattern(*DIALECTS)},
            ]
        },
    ),
    "metadata": Member(
        "Anything for people to read; not interpreted. From 0.4 on, `null` is as if it were absent.",
        {"type": ["object", "null"]},
    ),
    "extends": Member(
        "Parents that are merged before this manifest, in order: paths below it, HTTPS URLs, or URLs "
        "with the hash of what they give.",
        {
            "type": "array",
            "items": {
                "anyOf": [
                    {"type": "string", "pattern": NOT_BLANK},
                    {
                        "type": "object",
                        "required": ["url"],
                        "properties": {
                            "url": {
                                "type": "string",
                                "description": "An HTTPS URL without user and fragment.",
                            },
                            "sha256": {"type": "string", "description": "SHA-256 of the bytes, in hex."},
                            "integrity": {"type": "string", "description": "`sha256-<base64>` of the bytes."},
                        },
                    },
                ]
            },
        },
    ),
    "policies": Member(
        "Policies by name. A point binds one of them.",
        {"type": "object", "propertyNames": {"pattern": NOT_BLANK}},
    ),
    "intervention_points": Member(
        "Where the host asks for a verdict, and which policy decides there about which part of the "
        "snapshot. A point that is not here is denied.",
        {"type": "object"},
    ),
    "tools": Member(
        "Tools by name. Where a tool point has `tool_name_from`, a tool that is not here is denied, and the "
        "entry reaches the policy as `tool`.",
        {"type": "object", "propertyNames": {"pattern": NOT_BLANK}},
    ),
    "annotators": Member(
        "Annotators by name. A point uses one by naming it in its `annotations`.",
        {"type": "object", "propertyNames": {"pattern": NOT_BLANK}},
    ),
    "approval": Member("How an `escalate` verdict is resolved.", {"type": "object"}),
    "limits": Member("Limits below the server's own; higher ones are clamped.", {"type": "object"}),
}

POINT_MEMBERS: MemberTable = {
    "policy_target": Member(
        "The path of what is decided about, `input.policy_target.value` in a policy: "
        "`$snap.tool_call.args`. A transform replaces it.",
        {"type": "string", "pattern": path_pattern(SNAPSHOT_ONLY)},
    ),
    "policy": Member(
        "The policy that decides here. Members besides `id` overlay those of its definition.",
        {"type": "object"},
    ),
    "policy_target_kind": Member(
        "A name for the kind of the target: `tool_args`, `user_input`. It is the resource of a Cedar "
        "request where no tool is projected.",
        {"type": ["string", "null"], "pattern": NOT_BLANK},
    ),
    "tool_name_from": Member(
        "The path of the tool's name, at tool points alone. It is looked up in `tools`; one that is not "
        "there is denied.",
        {"type": "string", "pattern": path_pattern(SNAPSHOT_ONLY)},
    ),
    "annotations": Member(
        "The annotators to ask before the policy, by name. Their results are `annotations` in the policy "
        "input; a failure is a deny.",
        {"type": "object", "propertyNames": {"pattern": NOT_BLANK}},
    ),
}

POINT_TEXTS: Mapping[InterventionPoint, str] = {
    InterventionPoint.AGENT_STARTUP: "Before the agent begins: its tools, its configuration.",
    InterventionPoint.INPUT: "What a user or another agent says.",
    InterventionPoint.PRE_MODEL_CALL: "What goes to the model.",
    InterventionPoint.POST_MODEL_CALL: "What comes from the model.",
    InterventionPoint.PRE_TOOL_CALL: "A tool call with its arguments, before it is made.",
    InterventionPoint.POST_TOOL_CALL: "What a tool gave back.",
    InterventionPoint.OUTPUT: "What leaves the agent.",
    InterventionPoint.AGENT_SHUTDOWN: "After the agent has ended.",
}

CUSTOM_MEMBERS: MemberTable = {
    "type": Member("Evaluated by an adapter.", {"const": PolicyKind.CUSTOM}, fixed=True),
    "adapter": Member("The evaluator's name.", _NAME, fixed=True),
}
"""What every policy of type `custom` has, beside the members of its adapter."""

BINDING_MEMBERS: MemberTable = {"id": Member("The name of a policy.", _NAME)}

ANNOTATION_MEMBERS: MemberTable = {
    "from": Member(
        "The path of what the annotator is given: `$policy_target` (from 0.4 on `$target`), "
        "`$snap.input.text`.",
        {"type": "string", "pattern": path_pattern(ALL_ROOTS)},
    ),
    "needs": Member(
        "From 0.5 on the names of annotations of the same point that come first and that `from` may read, as "
        "`$pi.annotations.<name>`."
    ),
}

ANNOTATOR_MEMBERS: MemberTable = {
    "type": Member(
        "`endpoint` asks a service of yours, `classifier` a detector or a moderation service, `llm` a model.",
        {"enum": list(AnnotatorKind)},
    ),
}

TOOL_MEMBERS: MemberTable = {
    "clearance": Member("What may flow into the tool, in the words of your policy."),
    "security_labels": Member("The labels of what comes out of the tool."),
    "content_hash": Member("The hash of the tool's code or description, for a policy that pins it."),
    "mcp_origin": Member("The MCP server that the tool comes from."),
}

RESOLVER_MEMBERS: MemberTable = {
    "type": Member(
        "`webhook` and `command` ask at once; for `token` and `console` an approver signs, and the host brings "
        "what was signed.",
        _NAME,
    ),
}

_POSITIVE: JsonObject = {"type": "integer", "exclusiveMinimum": 0}

APPROVAL_MEMBERS: MemberTable = {
    "default_resolver": Member(
        "The resolver that is asked; one of `resolvers`, where there are any.",
        {"type": "string", "pattern": NOT_BLANK},
    ),
    "timeout_seconds": Member("How long an approval may take.", _POSITIVE),
    "on_timeout": Member("What becomes of an escalation that nobody answers.", {"enum": list(ON_TIMEOUT)}),
    "fatigue_threshold": Member(
        "How many escalations within the window are too many to ask a person.", _POSITIVE
    ),
    "fatigue_window_seconds": Member("The window of `fatigue_threshold`.", _POSITIVE),
    "resolvers": Member(
        "Resolvers by name, each with a `type`.",
        {
            "type": "object",
            "propertyNames": {"pattern": NOT_BLANK},
            "additionalProperties": {
                "type": "object",
                "required": ["type"],
                "properties": {"type": {"type": "string", "pattern": NOT_BLANK}},
            },
        },
    ),
}
APPROVAL_NUMBERS = tuple(name for name, member in APPROVAL_MEMBERS.items() if member.shape == _POSITIVE)

_LIMITS = {
    "max_snapshot_bytes": "Canonical bytes of a snapshot.",
    "max_policy_input_depth": "How deep containers nest in a policy input.",
    "max_policy_input_bytes": "Canonical bytes of a policy input.",
    "max_annotators_per_point": "Annotators that one point may use.",
    "max_annotator_output_bytes": "Canonical bytes of what one annotator gives.",
    "max_policy_output_bytes": "Canonical bytes of what a policy gives.",
    "max_extends_depth": "How deep manifests extend one another.",
    "max_merged_manifest_bytes": "Canonical bytes of the merged manifest.",
    "max_manifest_url_bytes": "Bytes of a manifest that is fetched.",
    "manifest_url_timeout_ms": "Milliseconds for fetching one manifest.",
    "max_manifest_url_redirects": "Redirects that a fetch may follow.",
    "policy_timeout_ms": "Milliseconds for one evaluation of a policy that runs in a child process.",
    "max_policy_memory_bytes": "Memory of a policy that runs in a child process.",
    "max_intervention_points_per_run": "Accepted and not enforced: the service is stateless.",
}
_DEFAULTS: Mapping[str, int] = {name: getattr(Limits(), name) for name in Limits.names()}
LIMIT_MEMBERS: MemberTable = {
    name: Member(text, {**_POSITIVE, **({"default": _DEFAULTS[name]} if name in _DEFAULTS else {})})
    for name, text in _LIMITS.items()
}
