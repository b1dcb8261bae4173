"""Approvals as pure functions and values: challenges, approvals, approvers, what follows (section 19)."""
