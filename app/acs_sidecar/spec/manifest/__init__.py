"""The manifest: its members, its validation, and what it compiles to (contract 1.3, 3)."""
