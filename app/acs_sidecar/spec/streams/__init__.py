"""Streams of text: what a verdict on a span means for the whole (section 6.9)."""
