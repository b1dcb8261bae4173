"""Annotators: the only I/O in the middle of a decision (section 1.6)."""
