"""What a session knows and sends with every snapshot (section 12.4)."""
