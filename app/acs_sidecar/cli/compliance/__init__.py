"""Commands for evidence about controls (section 8.3)."""
