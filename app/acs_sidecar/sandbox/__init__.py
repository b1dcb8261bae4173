"""Policies of strangers, compiled and evaluated in child processes (section 2.5)."""
