"""The closed set of reserved reasons, and the error that carries one (section 1.12)."""

from enum import StrEnum

__all__ = ["HOST_ERROR_PREFIX", "RUNTIME_ERROR_PREFIX", "EvaluationError", "Reason"]

RUNTIME_ERROR_PREFIX = "runtime_error:"
HOST_ERROR_PREFIX = "host_error:"
"""What the reasons begin with that a host gives; the service says none (section 6.4)."""


class Reason(StrEnum):
    """A reserved reason. Only the service itself may give one; a policy that tries is invalid."""

    MANIFEST_INVALID = "runtime_error:manifest_invalid"
    INTERVENTION_POINT_UNKNOWN = "runtime_error:intervention_point_unknown"
    PATH_MISSING = "runtime_error:path_missing"
    PATH_TYPE_MISMATCH = "runtime_error:path_type_mismatch"
    TOOL_UNKNOWN = "runtime_error:tool_unknown"
    ANNOTATION_FAILED = "runtime_error:annotation_failed"
    ANNOTATION_TIMEOUT = "runtime_error:annotation_timeout"
    POLICY_INVOCATION_FAILED = "runtime_error:policy_invocation_failed"
    POLICY_OUTPUT_INVALID = "runtime_error:policy_output_invalid"
    TRANSFORM_INVALID = "runtime_error:transform_invalid"
    TRANSFORM_TARGET_FORBIDDEN = "runtime_error:transform_target_forbidden"
    RESOURCE_LIMIT_EXCEEDED = "runtime_error:resource_limit_exceeded"
    APPROVAL_ACTION_MISMATCH = "runtime_error:approval_action_mismatch"
    APPROVAL_RESOLVER_MISSING = "runtime_error:approval_resolver_missing"
    APPROVAL_RESOLVER_FAILED = "runtime_error:approval_resolver_failed"
    STREAMING_UNSUPPORTED = "runtime_error:streaming_unsupported"
    ADAPTER_UNSUPPORTED = "runtime_error:adapter_unsupported"
    REQUEST_INVALID = "runtime_error:request_invalid"

    @property
    def message(self) -> str:
        """The fixed, content-free message of a verdict with this reason."""
        return _MESSAGES[self]


_MESSAGES = {
    Reason.MANIFEST_INVALID: "The manifest is invalid.",
    Reason.INTERVENTION_POINT_UNKNOWN: "The intervention point is unknown or not configured.",
    Reason.PATH_MISSING: "A configured path does not resolve in the snapshot.",
    Reason.PATH_TYPE_MISMATCH: "A configured path meets a value of another type.",
    Reason.TOOL_UNKNOWN: "The tool is not declared in the manifest.",
    Reason.ANNOTATION_FAILED: "An annotator failed.",
    Reason.ANNOTATION_TIMEOUT: "An annotator did not answer in time.",
    Reason.POLICY_INVOCATION_FAILED: "The policy could not be evaluated.",
    Reason.POLICY_OUTPUT_INVALID: "The policy returned an invalid output.",
    Reason.TRANSFORM_INVALID: "The policy returned an invalid transform.",
    Reason.TRANSFORM_TARGET_FORBIDDEN: "The policy tried to transform something other than its target.",
    Reason.RESOURCE_LIMIT_EXCEEDED: "A resource limit was exceeded.",
    Reason.APPROVAL_ACTION_MISMATCH: "The approval is for another action.",
    Reason.APPROVAL_RESOLVER_MISSING: "No approval resolver is configured.",
    Reason.APPROVAL_RESOLVER_FAILED: "The approval could not be resolved.",
    Reason.STREAMING_UNSUPPORTED: "Streaming is not supported.",
    Reason.ADAPTER_UNSUPPORTED: "The adapter is not supported.",
    Reason.REQUEST_INVALID: "The request is invalid.",
}


class EvaluationError(Exception):
    """A failure of one evaluation, which becomes a deny with `reason`.

    `detail` is one line for the person who debugs: made of manifest names and paths, never of
    snapshot values or engine text.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
