"""Explanations of decisions (section 2.7)."""
