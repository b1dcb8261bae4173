"""The formats of a compliance report (section 8.3)."""
