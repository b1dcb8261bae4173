"""Policies of strangers, compiled and evaluated in child processes (contract 2.5)."""
