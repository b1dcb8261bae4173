"""The `llm` annotator and the APIs that it speaks (section 1.6)."""
