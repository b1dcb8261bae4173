"""Static checks of Rego modules, before any of them is evaluated (contract 1.7, 1.7.2)."""
