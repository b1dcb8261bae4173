"""Rewrites or refuses what the engine would decide differently from OPA (section 1.7.2)."""
