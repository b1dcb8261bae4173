"""Commands for authors of manifests and policies (contract 3.4)."""
