"""Local classifiers: what a text or a value looks like, as pure functions without I/O (section 1.6)."""
