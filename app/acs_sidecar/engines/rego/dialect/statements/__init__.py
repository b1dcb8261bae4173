"""Rewrites of one statement each, or findings where it has no form that means what it means in OPA."""
