"""The HTTP interface (section 2)."""
