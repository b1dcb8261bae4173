"""`acs-sidecar agt`: documents of the Agent Governance Toolkit (section 7)."""
