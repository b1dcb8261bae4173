"""The console: who may see it, what it finds, what a browser verifies (section 15)."""
