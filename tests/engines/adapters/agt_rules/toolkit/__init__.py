"""Compares rule documents with the toolkit's published package (section 7.9)."""
