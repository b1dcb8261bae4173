"""Definitions of tools, their pins, and how they change."""
