"""Compares the service's Rego with OPA itself."""
