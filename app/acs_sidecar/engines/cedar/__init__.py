"""The `cedar` policy type (contract 1.7.1)."""
