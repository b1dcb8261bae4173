"""The files that say who is trusted: callers, certificates, keys of inline manifests (sections 2.4, 2.5)."""
