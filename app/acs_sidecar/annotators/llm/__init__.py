"""The `llm` annotator and the APIs that it speaks (contract 1.6)."""
