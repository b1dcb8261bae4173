"""`acs-sidecar oags`: identities, documents and conformance of the Open Agent Governance Specification."""
