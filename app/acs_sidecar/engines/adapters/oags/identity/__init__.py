"""Who an agent is: its hashes, its signature, and what is expected of it (sections 9.1, 9.5)."""
