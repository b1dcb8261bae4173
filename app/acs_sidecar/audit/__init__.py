"""The audit log: its format, its writer, its readers, its shipping (contract 4)."""
