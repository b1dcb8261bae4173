"""The `agt_rules` adapter: rule documents of the Agent Governance Toolkit (section 7)."""
