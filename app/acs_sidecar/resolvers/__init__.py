"""Resolvers: the ways to request an approval, one module per type."""
