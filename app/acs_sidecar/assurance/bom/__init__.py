"""The Decision BOM: what stood behind a decision, rebuilt from the log (section 8.2)."""
