"""The `rego` policy type (contract 1.7.2)."""
