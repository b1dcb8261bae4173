"""The project as a whole: its version, its package, its import contracts, its tests."""
