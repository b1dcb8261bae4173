"""The `rego` policy type (section 1.7.2)."""
