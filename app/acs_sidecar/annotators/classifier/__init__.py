"""The `classifier` annotator: local detectors and remote providers (contract 1.6)."""
