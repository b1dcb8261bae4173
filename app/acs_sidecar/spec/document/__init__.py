"""Manifest text to JSON values whose members keep their places (contract 1.3)."""
