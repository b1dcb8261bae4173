"""Checks that evaluate counter-examples through the manifests in use (section 8.3)."""
