"""Writing the audit log to disk (contract 4.2, 4.3)."""
