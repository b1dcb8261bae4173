"""Approvals as pure functions and values: challenges, approvals, who may approve, what follows (17.1)."""
