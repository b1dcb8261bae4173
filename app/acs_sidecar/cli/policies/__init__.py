"""Commands for authors of manifests and policies (section 3.4)."""
