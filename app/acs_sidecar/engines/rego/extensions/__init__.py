"""Functions that policies call and the engine lacks, or has otherwise than OPA: ours take their place."""
