"""AgtRule documents: read, checked, and merged with their parents (section 7.2)."""
