"""Commands that attack a manifest, and look for defences in a system prompt (section 8.4)."""
