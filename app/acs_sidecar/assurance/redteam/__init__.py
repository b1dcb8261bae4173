"""Attacks on a manifest, and the defences that a system prompt asks for (section 8.4)."""
