"""The members of a `test` policy (section 1.7)."""

from acs_sidecar.spec.manifest.declaration import Member, MemberTable

__all__ = ["MAX_DELAY_MS", "MEMBERS"]

MAX_DELAY_MS = 1_000

MEMBERS: MemberTable = {
    "type": Member("A test double without an engine.", {"const": "test"}, fixed=True),
    "output": Member("What the policy gives, whatever the snapshot says."),
    "verdict": Member("Another name of `output`, from 0.4 on."),
    "error": Member("The policy fails instead.", {"type": "string", "pattern": r"\S"}),
    "delay_ms": Member("How long it takes.", {"type": "integer", "minimum": 0, "maximum": MAX_DELAY_MS}),
}
