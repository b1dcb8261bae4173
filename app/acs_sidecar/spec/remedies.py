"""What to do about each reserved reason (section 1.12)."""

from collections.abc import Mapping

from acs_sidecar.spec.reasons import Reason

__all__ = ["REMEDIES"]

REMEDIES: Mapping[Reason, str] = {
    Reason.MANIFEST_INVALID: "`acs-sidecar validate` names every finding",
    Reason.INTERVENTION_POINT_UNKNOWN: "configure the point, or do not ask for it",
    Reason.PATH_MISSING: "send the member, or correct the path; `detail` names it",
    Reason.PATH_TYPE_MISMATCH: "correct the snapshot or the path",
    Reason.TOOL_UNKNOWN: "declare the tool",
    Reason.ANNOTATION_FAILED: "see the event `annotator_failed` and the annotator's server",
    Reason.ANNOTATION_TIMEOUT: "raise `timeout_ms`, or make its server faster",
    Reason.POLICY_INVOCATION_FAILED: (
        "correct the policy or the snapshot: it fails behind the last line "
        "that `acs-sidecar evaluate --explain` reached"
    ),
    Reason.POLICY_OUTPUT_INVALID: "correct the policy's output; `detail` names the member",
    Reason.TRANSFORM_INVALID: "correct the transform; it replaces and never adds",
    Reason.TRANSFORM_TARGET_FORBIDDEN: "transform the target alone",
    Reason.RESOURCE_LIMIT_EXCEEDED: "`detail` names the limit: send less, or raise it",
    Reason.APPROVAL_ACTION_MISMATCH: "ask for the verdict of the action as it is now",
    Reason.APPROVAL_RESOLVER_MISSING: "name one in `approval.default_resolver`",
    Reason.APPROVAL_RESOLVER_FAILED: "`detail` says which",
    Reason.STREAMING_UNSUPPORTED: "read the `detail` of the last line, and evaluate the whole text",
    Reason.ADAPTER_UNSUPPORTED: "install it, or use another",
    Reason.REQUEST_INVALID: "`detail` names the member or the rule",
}
"""One line for the person who debugs; `detail` of the response names what exactly."""
