"""The `classifier` annotator: local detectors and remote providers (section 1.6)."""
