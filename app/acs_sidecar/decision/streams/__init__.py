"""Streams: text that is decided on span by span while it arrives (section 6.9)."""
