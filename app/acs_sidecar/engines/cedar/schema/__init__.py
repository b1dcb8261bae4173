"""Cedar schemas: read in both forms, bounded, and looked up (contract 1.7.1)."""
