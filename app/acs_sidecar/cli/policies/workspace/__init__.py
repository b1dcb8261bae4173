"""`acs-sidecar policy`: the life of signed workspace policies (section 10.7)."""
