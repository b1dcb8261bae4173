"""Sets, followed from where they are written to where the engine treats them otherwise than OPA."""
