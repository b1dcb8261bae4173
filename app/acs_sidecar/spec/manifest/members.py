"""Every member of a manifest that the core knows: its name, its shape, what it is for (section 1.3).

The reader allows these names; the JSON Schema of the manifest is made of the rest. A shape is a JSON
Schema, and never stricter than the reader.
"""

from collections.abc import Mapping

from acs_sidecar.spec.limits import IGNORED_LIMITS, Limits
from acs_sidecar.spec.path import ALL_ROOTS, SNAPSHOT_ONLY, path_pattern
from acs_sidecar.spec.values import JsonObject

__all__ = [
    "ANNOTATION_MEMBERS",
    "ANNOTATOR_MEMBERS",
    "ANNOTATOR_TYPES",
    "APPROVAL_MEMBERS",
    "APPROVAL_NUMBERS",
    "FIXED_MEMBERS",
    "LIMIT_MEMBERS",
    "MANIFEST_MEMBERS",
    "ON_TIMEOUT",
    "POINT_MEMBERS",
    "POLICY_TYPES",
    "SUPPORTED_VERSIONS",
    "TOOL_MEMBERS",
    "VERSION_PATTERN",
    "MemberTable",
]

MemberTable = Mapping[str, JsonObject]
"""Member name → its shape as JSON Schema, with a `description`."""

SUPPORTED_VERSIONS = ("0.3.0-alpha", "0.3.1-beta")
VERSION_PATTERN = r"(?:0\.3\.0-alpha|0\.3\.1-beta)(?:-agt(?:\+[A-Za-z0-9._-]+)?)?"
POLICY_TYPES = ("rego", "cedar", "test", "custom")
ANNOTATOR_TYPES = ("classifier", "llm", "endpoint")
ON_TIMEOUT = ("deny", "allow", "suspend")
FIXED_MEMBERS = frozenset(
    {
        "type",
        "adapter",
        "bundle",
        "bundle_url",
        "modules",
        "rego_version",
        "policy_set",
        "policy_path",
    }
)
"""Members of a policy definition that a binding may not overlay (section 1.7)."""

NOT_BLANK = r"\S"

MANIFEST_MEMBERS: MemberTable = {
    "agent_control_specification_version": {
        "description": "The version of the specification that the manifest is written for. `-agt`, and a revision "
        "`-agt+<rev>`, may follow.",
        "anyOf": [{"enum": list(SUPPORTED_VERSIONS)}, {"type": "string", "pattern": f"^{VERSION_PATTERN}$"}],
    },
    "metadata": {"description": "Anything for people to read; not interpreted.", "type": "object"},
    "extends": {
        "description": "Parents that are merged before this manifest, in order: paths below it, HTTPS URLs, or URLs "
        "with the hash of what they give.",
        "type": "array",
        "items": {
            "anyOf": [
                {"type": "string", "pattern": NOT_BLANK},
                {
                    "type": "object",
                    "required": ["url"],
                    "properties": {
                        "url": {"type": "string", "description": "An HTTPS URL without user and fragment."},
                        "sha256": {"type": "string", "description": "SHA-256 of the bytes, in hex."},
                        "integrity": {"type": "string", "description": "`sha256-<base64>` of the bytes."},
                    },
                },
            ]
        },
    },
    "policies": {
        "description": "Policies by name. A point binds one of them.",
        "type": "object",
        "propertyNames": {"pattern": NOT_BLANK},
    },
    "intervention_points": {
        "description": "Where the host asks for a verdict, and which policy decides there about which part of the "
        "snapshot. A point that is not here is denied.",
        "type": "object",
    },
    "tools": {
        "description": "Tools by name. Where a tool point has `tool_name_from`, a tool that is not here is denied, and the "
        "entry reaches the policy as `tool`.",
        "type": "object",
        "propertyNames": {"pattern": NOT_BLANK},
    },
    "annotators": {
        "description": "Annotators by name. A point uses one by naming it in its `annotations`.",
        "type": "object",
        "propertyNames": {"pattern": NOT_BLANK},
    },
    "approval": {"description": "How an `escalate` verdict is resolved.", "type": "object"},
    "limits": {"description": "Limits below the server's own; higher ones are clamped.", "type": "object"},
}

POINT_MEMBERS: MemberTable = {
    "policy_target": {
        "description": "The path of what is decided about, `input.policy_target.value` in a policy: "
        "`$snap.tool_call.args`. A transform replaces it.",
        "type": "string",
        "pattern": path_pattern(SNAPSHOT_ONLY),
    },
    "policy": {
        "description": "The policy that decides here. Members besides `id` overlay those of its definition.",
        "type": "object",
    },
    "policy_target_kind": {
        "description": "A name for the kind of the target: `tool_args`, `user_input`. It is the resource of a Cedar "
        "request where no tool is projected.",
        "type": ["string", "null"],
    },
    "tool_name_from": {
        "description": "The path of the tool's name, at tool points alone. It is looked up in `tools`; one that is not "
        "there is denied.",
        "type": "string",
        "pattern": path_pattern(SNAPSHOT_ONLY),
    },
    "annotations": {
        "description": "The annotators to ask before the policy, by name. Their results are `annotations` in the policy "
        "input; a failure is a deny.",
        "type": "object",
        "propertyNames": {"pattern": NOT_BLANK},
    },
}

ANNOTATION_MEMBERS: MemberTable = {
    "from": {
        "description": "The path of what the annotator is given: `$policy_target`, `$snap.input.text`.",
        "type": "string",
        "pattern": path_pattern(ALL_ROOTS),
    },
}

ANNOTATOR_MEMBERS: MemberTable = {
    "type": {
        "description": "`endpoint` asks a service of yours, `classifier` a detector or a moderation service, `llm` a model.",
        "enum": list(ANNOTATOR_TYPES),
    },
}

TOOL_MEMBERS: MemberTable = {
    "clearance": {"description": "What may flow into the tool, in the words of your policy."},
    "security_labels": {"description": "The labels of what comes out of the tool."},
    "content_hash": {"description": "The hash of the tool's code or description, for a policy that pins it."},
    "mcp_origin": {"description": "The MCP server that the tool comes from."},
}

_POSITIVE: JsonObject = {"type": "integer", "exclusiveMinimum": 0}

APPROVAL_MEMBERS: MemberTable = {
    "default_resolver": {
        "description": "The resolver that is asked; one of `resolvers`, where there are any.",
        "type": "string",
        "pattern": NOT_BLANK,
    },
    "timeout_seconds": {"description": "How long an approval may take.", **_POSITIVE},
    "on_timeout": {
        "description": "What becomes of an escalation that nobody answers.",
        "enum": list(ON_TIMEOUT),
    },
    "fatigue_threshold": {
        "description": "How many escalations within the window are too many to ask a person.",
        **_POSITIVE,
    },
    "fatigue_window_seconds": {"description": "The window of `fatigue_threshold`.", **_POSITIVE},
    "resolvers": {
        "description": "Resolvers by name, each with a `type`.",
        "type": "object",
        "propertyNames": {"pattern": NOT_BLANK},
        "additionalProperties": {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"type": "string", "pattern": NOT_BLANK}},
        },
    },
}
APPROVAL_NUMBERS = tuple(name for name, shape in APPROVAL_MEMBERS.items() if shape.get("type") == "integer")

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
    name: {
        "description": _LIMITS[name],
        **_POSITIVE,
        **({"default": _DEFAULTS[name]} if name in _DEFAULTS else {}),
    }
    for name in (*Limits.names(), *sorted(IGNORED_LIMITS))
}
