"""Streams over HTTP: lines in, lines out (section 6.9)."""
