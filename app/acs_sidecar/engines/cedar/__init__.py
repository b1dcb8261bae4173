"""The `cedar` policy type (section 1.7.1)."""
