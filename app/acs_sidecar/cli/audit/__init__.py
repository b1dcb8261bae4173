"""Commands for the audit log (section 4.5)."""
