"""Bundles and data documents of Rego policies."""
