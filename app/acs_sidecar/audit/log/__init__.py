"""Writing the audit log to disk (sections 4.2, 4.3)."""
