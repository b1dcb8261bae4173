"""The `soul` adapter: governance files of the Agent Behavioral Governance Specification (section 11)."""
