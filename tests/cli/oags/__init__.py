"""The commands of the Open Agent Governance Specification."""
