"""The `oags` adapter: policies of the Open Agent Governance Specification (section 9)."""
