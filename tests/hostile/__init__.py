"""Hostile input against a running service."""
