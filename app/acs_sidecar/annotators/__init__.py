"""Annotators: the only I/O in the middle of a decision (contract 1.6)."""
