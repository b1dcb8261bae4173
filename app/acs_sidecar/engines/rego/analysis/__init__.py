"""Static checks of Rego modules, before any of them is evaluated (sections 1.7, 1.7.2)."""
