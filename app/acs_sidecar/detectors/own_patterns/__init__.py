"""Expressions of a manifest, matched in text as it is written and as it is seen."""
