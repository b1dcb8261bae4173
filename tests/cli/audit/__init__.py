"""The commands on the audit log."""
