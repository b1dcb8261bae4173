"""Whether a tool call names a governance file (section 11.7)."""
