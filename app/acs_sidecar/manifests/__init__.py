"""The operator's and the callers' manifests: found, read, composed, compiled, reloaded (section 3)."""
