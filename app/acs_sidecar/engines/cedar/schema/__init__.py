"""Cedar schemas: read in both forms, bounded, and looked up (section 1.7.1)."""
