"""Checks that are measured in the records of a period (section 8.3)."""
