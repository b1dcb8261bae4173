"""The members of a `test` policy, each with its shape as JSON Schema (section 1.7)."""

from acs_sidecar.spec.manifest.members import MemberTable

__all__ = ["MAX_DELAY_MS", "MEMBERS"]

MAX_DELAY_MS = 1_000

MEMBERS: MemberTable = {
    "type": {"const": "test"},
    "output": {"description": "What the policy gives, whatever the snapshot says."},
    "error": {"description": "The policy fails instead.", "type": "string", "pattern": r"\S"},
    "delay_ms": {
        "description": "How long it takes.",
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_DELAY_MS,
    },
}
