"""Callers and what they may do, over HTTP."""
