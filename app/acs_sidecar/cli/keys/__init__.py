"""Commands for approvals and tokens."""
