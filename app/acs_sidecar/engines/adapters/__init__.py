"""Policy adapters behind the `custom` policy type (contract 1.7)."""
