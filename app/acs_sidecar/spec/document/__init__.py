"""Manifest text to JSON values whose members keep their places (section 1.3)."""
