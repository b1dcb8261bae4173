"""`acs-sidecar soul`: governance files (section 11.6)."""
