"""The built-in functions of Rego, against OPA."""
