"""The `prompt_injection` detector."""
