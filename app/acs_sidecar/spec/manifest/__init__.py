"""The manifest: its members, its validation, and what it compiles to (sections 1.3, 3)."""
