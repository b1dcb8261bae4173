"""The stock library (section 8.1)."""
