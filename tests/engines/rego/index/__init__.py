"""The index of Rego rules."""
