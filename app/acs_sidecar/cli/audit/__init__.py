"""Commands for the audit log (contract 4.5)."""
