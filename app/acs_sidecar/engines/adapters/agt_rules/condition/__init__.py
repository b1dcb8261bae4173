"""Conditions of rules: from text or an object to a tree (section 7.3)."""
