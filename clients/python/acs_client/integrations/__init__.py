"""Adapters for agent frameworks (section 12.8), each importing its framework alone."""
