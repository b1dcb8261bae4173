"""The settings of the service (contract 2.6)."""
