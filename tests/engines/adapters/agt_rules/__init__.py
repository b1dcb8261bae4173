"""The `agt_rules` adapter (section 7)."""
