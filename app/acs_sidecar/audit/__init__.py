"""The audit log: its format, its writer, its readers, its shipping (section 4)."""
