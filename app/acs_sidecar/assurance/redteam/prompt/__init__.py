"""The defences that a system prompt asks of its model (section 8.4)."""
