"""The HTTP interface (contract 2)."""
