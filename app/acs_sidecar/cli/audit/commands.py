"""`acs-sidecar audit`: the verbs, each imported when it is called."""

from acs_sidecar.cli.verbs import lazy_group

__all__ = ["audit"]

audit = lazy_group(
    {
        "verify": "audit.verify:verify",
        "bom": "audit.bom:bom",
        "agents": "audit.agents:agents",
        "ship": "audit.ship:ship",
        "show": "audit.records:show",
        "export": "audit.records:export",
        "prune": "audit.records:prune",
        "key": "audit.records:key",
    },
    "Verify, show, describe, export, prune and ship the audit log.",
)
