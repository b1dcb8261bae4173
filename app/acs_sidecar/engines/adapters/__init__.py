"""Policy adapters behind the `custom` policy type (section 1.7)."""
