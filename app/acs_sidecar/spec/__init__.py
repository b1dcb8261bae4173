"""The specification as pure functions: no I/O, no clock, no randomness, no framework."""
