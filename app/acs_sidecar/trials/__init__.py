"""Decisions without a server: one at a time, or the test cases of a manifest (sections 2.7, 3.4)."""
